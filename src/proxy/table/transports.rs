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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::keys::ServersTransportKey;
    use crate::model::transport::ForwardingTimeouts;

    fn key(name: &str) -> TransportKey {
        TransportKey::Object(ServersTransportKey::new("default", name))
    }

    fn settings(name: &str, response_header: Option<Duration>) -> Arc<ServersTransport> {
        let timeouts = ForwardingTimeouts { response_header, ..ForwardingTimeouts::default() };
        Arc::new(ServersTransport { key: key(name), timeouts, ..ServersTransport::default() })
    }

    #[test]
    fn workers_watch_as_closely_as_the_shortest_limit_asks() {
        let mut all = Transports::new(Arc::default());
        assert_eq!(all.shortest_limit(), Some(Duration::from_secs(90)));
        let short = Some(Duration::from_millis(200));
        all.set(&key("a"), Some(&settings("a", short)));
        all.set(&key("b"), Some(&settings("b", None)));
        assert_eq!(all.shortest_limit(), short);
        all.set(&key("a"), None);
        assert_eq!(all.shortest_limit(), Some(Duration::from_secs(90)));
    }

    #[test]
    fn an_equal_transport_stays_in_service_and_the_default_one_cannot_be_changed() {
        let mut all = Transports::new(Arc::default());
        all.set(&key("a"), Some(&settings("a", None)));
        let first = all.get(&key("a")).cloned().unwrap();
        all.set(&key("a"), Some(&settings("a", None)));
        assert!(Arc::ptr_eq(&first, all.get(&key("a")).unwrap()));
        all.set(&TransportKey::Default, None);
        assert!(all.get(&TransportKey::Default).is_some());
        assert!(all.get(&TransportKey::Unknown).is_none());
    }

    #[test]
    fn users_are_known_by_the_transport_they_name_and_none_is_left_behind() {
        let mut all = Transports::new(Arc::default());
        let (a, b) = (key("a"), key("b"));
        all.moved(&BalancerKey::Default, None, Some(&a));
        assert_eq!(all.users(&a).len(), 1);
        all.moved(&BalancerKey::Default, Some(&a), Some(&b));
        assert_eq!((all.users(&a).len(), all.users(&b).len()), (0, 1));
        all.moved(&BalancerKey::Default, Some(&b), Some(&TransportKey::Default));
        assert!(all.users.is_empty());
    }
}
