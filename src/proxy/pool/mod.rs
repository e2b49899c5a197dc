//! Connections to servers, kept per worker: idle HTTP/1.1 ones, and the shared HTTP/2 connections of a peer.
//!
//! The key is the whole [`PeerKey`], which has the limits that hold for the pool. A connection comes back when its request
//! was sent whole and its answer read to the end, and only if nothing was read beyond. The newest is taken first, the oldest
//! age out: the worker's sweeper drops them after the idle time. Nobody waits for what a server does on an idle connection:
//! the runtime notes that something happened, and the note is read when the connection is taken, and at each sweep, so that
//! what the server has closed is closed here within a tick. Nothing here depends on the routing table: pools survive
//! every change of it.
use super::balancer::PeerKey;
use super::entrypoint::watchdog::{Pace, Ticks};
use super::http::RequestBody;
use super::upstream::h1::Connection;
use hyper::client::conn::http2;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub(super) mod shared;

use shared::Shared;

/// The pools of one worker.
pub(crate) struct Pools {
    peers: RefCell<HashMap<Arc<PeerKey>, Rc<Peer>, foldhash::fast::RandomState>>,
    stock: Rc<Stock>,
}

/// What the pools of a worker share.
#[derive(Debug)]
struct Stock {
    /// Most idle connections of all peers.
    most: usize,
    idle: Cell<usize>,
    ticks: Ticks,
}

/// The connections of one peer.
pub(crate) struct Peer {
    key: Arc<PeerKey>,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Shared>,
    stock: Rc<Stock>,
}

/// Sends HTTP/2 requests, many at a time.
pub(crate) type SharedSender = http2::SendRequest<RequestBody>;

struct Idle {
    connection: Box<Connection>,
    since: u64,
}

impl Pools {
    /// Empty pools that keep at most so many idle connections in all.
    pub(crate) fn new(most: usize, ticks: Ticks) -> Self {
        Self { peers: RefCell::default(), stock: Rc::new(Stock { most, idle: Cell::new(0), ticks }) }
    }

    /// The pool of `key`.
    pub(crate) fn peer(&self, key: &Arc<PeerKey>) -> Rc<Peer> {
        if let Some(peer) = self.peers.borrow().get(key) {
            return peer.clone();
        }
        let peer = Rc::new(Peer {
            key: key.clone(),
            idle: RefCell::default(),
            shared: RefCell::default(),
            stock: self.stock.clone(),
        });
        self.peers.borrow_mut().insert(key.clone(), peer.clone());
        peer
    }

    /// Drops connections that were idle for too long, and peers that have none, not even one in use.
    pub(crate) fn sweep(&self, pace: Pace, now: u64) {
        self.peers.borrow_mut().retain(|key, peer| {
            let limit = key.transport().timeouts().idle;
            peer.retain(|idle| !pace.is_over(limit, idle.since, now) && idle.connection.is_quiet());
            peer.shared.borrow_mut().sweep(|since| pace.is_over(limit, since, now));
            Rc::strong_count(peer) > 1 || !peer.is_empty()
        });
    }
}

impl Peer {
    /// Whose connections these are.
    pub(crate) fn key(&self) -> &Arc<PeerKey> {
        &self.key
    }

    /// The idle connection that was used last and is still open.
    pub(crate) fn take(&self) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        while let Some(Idle { mut connection, .. }) = idle.pop() {
            self.forget(1);
            if connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back, unless something is still under way on it.
    pub(crate) fn put(&self, connection: Box<Connection>) {
        let most = self.key.transport().settings().max_idle_per_host;
        let mut idle = self.idle.borrow_mut();
        let full = idle.len() >= most || self.stock.idle.get() >= self.stock.most;
        if full || !connection.is_reusable() {
            return;
        }
        idle.push(Idle { connection, since: self.stock.ticks.now() });
        self.stock.idle.set(self.stock.idle.get() + 1);
    }

    /// The time of the worker's last tick.
    fn now(&self) -> u64 {
        self.stock.ticks.now()
    }

    fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty() && self.shared.borrow().is_empty()
    }

    fn retain(&self, keep: impl FnMut(&mut Idle) -> bool) {
        let mut idle = self.idle.borrow_mut();
        let before = idle.len();
        idle.retain_mut(keep);
        self.forget(before - idle.len());
    }

    fn forget(&self, count: usize) {
        self.stock.idle.set(self.stock.idle.get().saturating_sub(count));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let left = self.idle.get_mut().len();
        self.forget(left);
    }
}

/// A connection in use. Given back when the answer ends; dropped before that, the connection ends.
pub(crate) struct Lease {
    peer: Rc<Peer>,
    connection: Box<Connection>,
}

impl Lease {
    /// `connection` belongs to `peer`.
    pub(crate) fn new(peer: &Rc<Peer>, connection: Box<Connection>) -> Self {
        Self { peer: peer.clone(), connection }
    }

    /// The connection.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection.
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Gives the connection back: the answer was read to its end.
    pub(crate) fn give_back(self) {
        self.peer.put(self.connection);
    }
}
