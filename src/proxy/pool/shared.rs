//! The HTTP/2 connections of a peer, which all requests of a worker share, and how requests agree on making one.
//!
//! A connection takes as many requests at a time as its server allows; beyond that a further connection is made, up to
//! [`MOST_CONNECTIONS`], beyond which requests wait in the queue of the one that has the fewest. One request connects, the
//! others wait for it. If that fails, all of them learn the same error: trying one after the other would let a dead server
//! hold each of them for a whole dial timeout. An `https` peer shows at the first connection whether it speaks HTTP/2 at
//! all; until then its requests wait in the same way.
use super::{Peer, SharedSender};
use crate::proxy::entrypoint::watchdog::Ticks;
use crate::proxy::upstream::ConnectError;
use crate::proxy::upstream::connect::Spoken;
use crate::proxy::upstream::h2::Http2;
use std::cell::Cell;
use std::rc::Rc;
use tokio::sync::watch;

/// HTTP/2 connections per peer and worker. Servers allow 100 to 250 requests at a time on each.
pub(crate) const MOST_CONNECTIONS: usize = 16;

/// What is known of a peer's HTTP/2.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    connections: Vec<Rc<Multiplexed>>,
    connecting: Option<watch::Receiver<Outcome>>,
    spoken: Option<Spoken>,
}

/// One HTTP/2 connection.
#[derive(Debug)]
struct Multiplexed {
    http2: Http2,
    /// Requests on it, queued ones included.
    requests: Cell<usize>,
    /// The server has refused more than this.
    ceiling: Cell<usize>,
    /// When the last request began or ended.
    last_used: Cell<u64>,
    ticks: Ticks,
}

/// The place of one request on a connection; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connection: Rc<Multiplexed>,
    /// Whether the connection has served before.
    pub(crate) seasoned: Seasoned,
}

/// Whether a connection has served before this request: then the server may just be closing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seasoned {
    /// It has.
    Yes,
    /// It was made for this request.
    No,
}

/// How an attempt to connect ended; `None` as long as it lasts.
type Outcome = Option<Result<(), Rc<ConnectError>>>;

/// What to do for a connection.
pub(crate) enum Look {
    /// Use this one.
    Use(Place),
    /// Somebody is connecting: wait, then look again.
    Wait(Waiting),
    /// Connect; others wait for it.
    Connect(Claim),
    /// The peer speaks HTTP/1.1 alone.
    Http1,
}

/// Waits for a connection that somebody else makes.
#[derive(Debug)]
pub(crate) struct Waiting(watch::Receiver<Outcome>);

/// The duty to connect. Dropped without an outcome (its client left), it passes to the next one who looks.
pub(crate) struct Claim {
    peer: Rc<Peer>,
    outcome: watch::Sender<Outcome>,
}

impl Multiplexed {
    fn is_open(&self) -> bool {
        !self.http2.is_closed() && self.ceiling.get() > 0
    }

    fn has_room(&self) -> bool {
        self.requests.get() < self.http2.most_requests().min(self.ceiling.get())
    }
}

impl Place {
    fn on(connection: &Rc<Multiplexed>, seasoned: Seasoned) -> Self {
        connection.requests.set(connection.requests.get() + 1);
        connection.last_used.set(connection.ticks.now());
        Self { connection: connection.clone(), seasoned }
    }

    /// What sends the request.
    pub(crate) fn sender(&self) -> SharedSender {
        self.connection.http2.sender.clone()
    }

    /// The server has refused this request unseen. The connection gets no further one until another has ended, and none at
    /// all if this was the only one.
    pub(crate) fn refused(self) {
        let others = self.connection.requests.get().saturating_sub(1);
        self.connection.ceiling.set(others.min(self.connection.ceiling.get()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connection.requests.set(self.connection.requests.get().saturating_sub(1));
        self.connection.last_used.set(self.connection.ticks.now());
    }
}

impl Shared {
    fn add(&mut self, peer: &Peer, http2: Http2) -> Rc<Multiplexed> {
        let connection = Rc::new(Multiplexed {
            http2,
            requests: Cell::new(0),
            ceiling: Cell::new(usize::MAX),
            last_used: Cell::new(peer.now()),
            ticks: peer.stock.ticks.clone(),
        });
        self.spoken = Some(Spoken::Http2);
        if self.connections.len() < MOST_CONNECTIONS {
            self.connections.push(connection.clone());
        }
        connection
    }

    /// Drops connections that are closed, and those without a request of which `is_old` says so of the time they were last
    /// used. Requests hold theirs open until they end.
    pub(super) fn sweep(&mut self, is_old: impl Fn(u64) -> bool) {
        self.connections.retain(|connection| {
            let idle = connection.requests.get() == 0;
            connection.is_open() && !(idle && is_old(connection.last_used.get()))
        });
    }

    /// Whether there is nothing in it that must not be forgotten.
    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.connecting.is_none()
    }
}

/// Whether `peer`, which may speak either, is known to speak HTTP/1.1 alone.
pub(crate) fn is_http1(peer: &Peer) -> bool {
    peer.shared.borrow().spoken == Some(Spoken::Http1)
}

/// Takes a new connection over that turned out to speak HTTP/2. The place of the request it was made for.
pub(crate) fn adopt(peer: &Peer, http2: Http2) -> Place {
    let connection = peer.shared.borrow_mut().add(peer, http2);
    Place::on(&connection, Seasoned::No)
}

/// Looks for a connection to `peer` over which a request can go now.
pub(crate) fn look(peer: &Rc<Peer>) -> Look {
    let mut shared = peer.shared.borrow_mut();
    shared.connections.retain(|connection| connection.is_open());
    if let Some(connection) = shared.connections.iter().find(|connection| connection.has_room()) {
        return Look::Use(Place::on(connection, Seasoned::Yes));
    }
    if shared.spoken == Some(Spoken::Http1) {
        return Look::Http1;
    }
    if let Some(outcome) = &shared.connecting {
        return Look::Wait(Waiting(outcome.clone()));
    }
    if shared.connections.len() >= MOST_CONNECTIONS
        && let Some(place) = emptiest(&shared)
    {
        return Look::Use(place);
    }
    let (sender, receiver) = watch::channel(None);
    shared.connecting = Some(receiver);
    Look::Connect(Claim { peer: peer.clone(), outcome: sender })
}

/// A place in the queue of a connection that is full, for a request that gets none of its own because `peer` takes no
/// further connection.
pub(crate) fn queue(peer: &Peer) -> Option<Place> {
    let mut shared = peer.shared.borrow_mut();
    shared.connections.retain(|connection| connection.is_open());
    emptiest(&shared)
}

fn emptiest(shared: &Shared) -> Option<Place> {
    let connection = shared.connections.iter().min_by_key(|connection| connection.requests.get())?;
    Some(Place::on(connection, Seasoned::Yes))
}

impl Waiting {
    /// Returns when the attempt has ended: look again, or share its error.
    pub(crate) async fn ended(mut self) -> Result<(), Rc<ConnectError>> {
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or(Ok(())),
            // Whoever was connecting has been cut; the caller connects itself.
            Err(_) => Ok(()),
        }
    }
}

impl Claim {
    /// It is there. The place of the request that connected.
    pub(crate) fn succeed(self, http2: Http2) -> Place {
        let place = adopt(&self.peer, http2);
        self.end(Ok(()));
        place
    }

    /// It is there, and speaks HTTP/1.1: everybody for himself.
    pub(crate) fn own_ways(self) {
        self.peer.shared.borrow_mut().spoken = Some(Spoken::Http1);
        self.end(Ok(()));
    }

    /// It failed.
    pub(crate) fn fail(self, error: Rc<ConnectError>) {
        self.end(Err(error));
    }

    fn end(&self, outcome: Result<(), Rc<ConnectError>>) {
        self.peer.shared.borrow_mut().connecting = None;
        self.outcome.send_replace(Some(outcome));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.outcome.borrow().is_none() {
            self.peer.shared.borrow_mut().connecting = None;
        }
    }
}
