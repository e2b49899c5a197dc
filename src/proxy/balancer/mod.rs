//! Load balancers as requests find them: the plan of one service with its live parts.
//!
//! A [`LiveBalancer`] is immutable but for the round-robin position, which its successor takes over, so that a change of
//! the endpoints resets nobody's turn. Strategies: [`round_robin`] and, in front of it, [`sticky`].
//! Health checks and further strategies are to come; connections live in `pool/` under a server's [`PeerKey`].
use super::upstream::Transport;
use crate::model::facts::ServerState;
use crate::model::keys::TransportKey;
use crate::model::plan::{Balancer, Server, Sticky};
use http::{HeaderMap, HeaderValue};
use round_robin::RoundRobin;
use std::collections::HashMap;
use std::sync::Arc;
use sticky::Affinity;

mod round_robin;
mod server;
mod sticky;
mod tried;

pub use server::{LiveServer, PeerKey};
pub use tried::Tried;

#[cfg(test)]
mod tests;

/// One load balancer in service.
#[derive(Debug)]
pub struct LiveBalancer {
    plan: Arc<Balancer>,
    /// `None` if it is missing or cannot be used. There are no servers then, should anybody ask all the same.
    transport: Option<Arc<Transport>>,
    servers: Box<[LiveServer]>,
    rotation: RoundRobin,
    affinity: Option<Affinity>,
}

/// The server a request goes to.
#[derive(Clone, Debug)]
pub struct Picked<'b> {
    /// The server.
    pub server: &'b LiveServer,
    /// Its position in [`LiveBalancer::servers`], for [`Tried`].
    pub index: usize,
    /// `Set-Cookie` for the client. It belongs to this server: when the request moves on to another one, the value of
    /// the new pick replaces it, also when that is `None`.
    pub set_cookie: Option<HeaderValue>,
}

impl LiveBalancer {
    /// Puts `plan` into service. What it has in common with `previous` goes on: the turn of the round robin and the
    /// identity of the peers.
    /// `transport` is the one that the plan names; without it, or with one that cannot be used, the balancer is closed.
    pub fn build(plan: Arc<Balancer>, transport: Option<&Arc<Transport>>, previous: Option<&Self>) -> Self {
        let transport = transport.filter(|transport| is_usable(transport));
        let servers = transport.map(|transport| live_servers(&plan, transport, previous)).unwrap_or_default();
        let transport = transport.cloned();
        let rotation = RoundRobin::build(&plan.servers, previous.map(|balancer| &balancer.rotation));
        let affinity = match &plan.options.sticky {
            Some(Sticky::Cookie(cookie)) => Some(Affinity::build(cookie, &plan.servers)),
            Some(Sticky::Empty) | None => None,
        };
        Self { plan, transport, servers, rotation, affinity }
    }

    /// The plan it was made from.
    pub fn plan(&self) -> &Arc<Balancer> {
        &self.plan
    }

    /// Whether building it of these would make an equal one.
    pub fn is_made_of(&self, plan: &Arc<Balancer>, transport: Option<&Arc<Transport>>) -> bool {
        self.plan == *plan && self.transport.as_ref() == transport.filter(|transport| is_usable(transport))
    }

    /// Whether it takes requests. If not, routers to it answer 503: servers are not to be reached in another way than the
    /// plan says (architecture.md 3, difference 2).
    pub fn is_open(&self) -> bool {
        self.transport.is_some()
    }

    /// The servers, in the order of the plan; none if it is closed.
    pub fn servers(&self) -> &[LiveServer] {
        &self.servers
    }

    /// Chooses a server for a request with `headers` that was `tried` elsewhere before. A client's cookie decides, if it
    /// names a server that was not tried; else it is the next one's turn, draining servers only where no active one is
    /// left (architecture.md 3, difference 5). `None`: no usable server.
    pub fn pick(&self, headers: &HeaderMap, tried: &Tried) -> Option<Picked<'_>> {
        if tried.is_full() {
            return None;
        }
        let Some(affinity) = &self.affinity else {
            return self.picked(self.rotation.next(tried)?, None);
        };
        if let Some(known) = affinity.recall(headers)
            && !tried.contains(known.index)
        {
            return self.picked(known.index, known.rewrite.cloned());
        }
        let index = self.rotation.next(tried)?;
        self.picked(index, affinity.set_cookie(index).cloned())
    }

    fn picked(&self, index: usize, set_cookie: Option<HeaderValue>) -> Option<Picked<'_>> {
        Some(Picked { server: self.servers.get(index)?, index, set_cookie })
    }
}

/// The default transport stays in use without its TLS: it alone may have servers that do without, and those that do not
/// answer 500.
fn is_usable(transport: &Transport) -> bool {
    transport.settings().key == TransportKey::Default || transport.problem().is_none()
}

/// The servers of `plan`. Peers that were there before keep their `Arc`, which pools may hold on to.
#[allow(
    clippy::mutable_key_type,
    reason = "what changes in a transport, its TLS sessions, is no part of hash or equality"
)]
fn live_servers(plan: &Balancer, transport: &Arc<Transport>, previous: Option<&LiveBalancer>) -> Box<[LiveServer]> {
    let known: HashMap<&PeerKey, &Arc<PeerKey>, foldhash::fast::RandomState> =
        previous.into_iter().flat_map(LiveBalancer::servers).map(|live| (&*live.peer, &live.peer)).collect();
    plan.servers
        .iter()
        .map(|server: &Server| {
            let peer = PeerKey::new(server, transport);
            let peer = known.get(&peer).map_or_else(|| Arc::new(peer), |known| Arc::clone(known));
            LiveServer::new(server.clone(), peer)
        })
        .collect()
}

/// Positions of the `servers` in `state`.
fn positions(servers: &[Server], state: ServerState) -> impl Iterator<Item = usize> + '_ {
    servers.iter().enumerate().filter(move |(_, server)| server.state == state).map(|(index, _)| index)
}
