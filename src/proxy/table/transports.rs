//! Servers transports in service, and which balancers use them, so that a changed transport reaches exactly those.
//!
//! The default one comes with the table and never changes. All others come with plans; what is costly about one (keys,
//! authorities) is worked out here, when its plan is installed.
use super::Map;
use crate::model::keys::{BalancerKey, TransportKey};
use crate::model::transport::ServersTransport;
use crate::proxy::upstream::Transport;
use imbl::OrdSet;
use std::sync::Arc;
use std::time::Duration;

/// All transports of one version of the table.
#[derive(Clone, Debug)]
pub(super) struct Transports {
    default: Arc<Transport>,
    others: Map<TransportKey, Arc<Transport>>,
    /// Balancers by the transport they name, whether there is one or not. Those of the default one are not kept.
    users: Map<TransportKey, OrdSet<BalancerKey>>,
    shortest_limit: Option<Duration>,
}

impl Transports {
    /// With `default` alone.
    pub(super) fn new(default: Arc<Transport>) -> Self {
        let shortest_limit = limits(&default).min();
        Self { default, others: Map::default(), users: Map::default(), shortest_limit }
    }

    /// The transport called `key`.
    pub(super) fn get(&self, key: &TransportKey) -> Option<&Arc<Transport>> {
        match key {
            TransportKey::Default => Some(&self.default),
            key => self.others.get(key),
        }
    }

    /// Puts, replaces or (with `None`) removes a transport. An equal one leaves what is in service alone.
    pub(super) fn set(&mut self, key: &TransportKey, settings: Option<&Arc<ServersTransport>>) {
        if *key == TransportKey::Default || self.get(key).map(|present| present.settings()) == settings {
            return;
        }
        match settings {
            Some(settings) => {
                let transport = Transport::build(settings.clone());
                if let Some(error) = transport.problem() {
                    tracing::error!(%key, error, "a servers transport cannot be used: services that name it answer 503");
                }
                self.others.insert(key.clone(), Arc::new(transport));
            }
            None => drop(self.others.remove(key)),
        }
        let all = std::iter::once(&self.default).chain(self.others.values());
        self.shortest_limit = all.flat_map(|transport| limits(transport)).min();
    }

    /// The balancers that name `key`.
    pub(super) fn users(&self, key: &TransportKey) -> OrdSet<BalancerKey> {
        self.users.get(key).cloned().unwrap_or_default()
    }

    /// `balancer` names `now` and no more `before`.
    pub(super) fn moved(&mut self, balancer: &BalancerKey, before: Option<&TransportKey>, now: Option<&TransportKey>) {
        if before == now {
            return;
        }
        if let Some(before) = before
            && let Some(users) = self.users.get_mut(before)
        {
            users.remove(balancer);
            if users.is_empty() {
                self.users.remove(before);
            }
        }
        if let Some(now) = now.filter(|key| **key != TransportKey::Default) {
            self.users.entry(now.clone()).or_default().insert(balancer.clone());
        }
    }

    /// The shortest of all limits that workers watch over.
    pub(super) fn shortest_limit(&self) -> Option<Duration> {
        self.shortest_limit
    }
}

fn limits(transport: &Transport) -> impl Iterator<Item = Duration> + use<> {
    let timeouts = transport.timeouts();
    [timeouts.response_header, timeouts.idle].into_iter().flatten()
}
