//! The one HTTP/2 connection of a peer that all requests of a worker share.
//!
//! While it is being made, further requests wait for it. If that fails, all of them learn the same error: trying one
//! after the other would let a dead server hold each of them for a whole dial timeout.
use super::{Peer, SharedSender};
use crate::proxy::upstream::ConnectError;
use std::rc::Rc;
use tokio::sync::watch;

/// The state of a peer's HTTP/2 connection.
#[derive(Debug, Default)]
pub(crate) enum Shared {
    /// There is none.
    #[default]
    None,
    /// Somebody is connecting.
    Connecting(watch::Receiver<Outcome>),
    /// It is there.
    Ready {
        /// Sends requests; cloned for each of them.
        sender: SharedSender,
        /// When it was last used.
        last_used: u64,
    },
}

/// How an attempt to connect ended; `None` as long as it lasts.
type Outcome = Option<Result<(), Rc<ConnectError>>>;

/// What to do for an HTTP/2 connection.
pub(crate) enum Look {
    /// Use this one.
    Use(SharedSender),
    /// Somebody is connecting: wait, then look again.
    Wait(Waiting),
    /// Connect; others wait for it.
    Connect(Claim),
}

/// Waits for a connection that somebody else makes.
#[derive(Debug)]
pub(crate) struct Waiting(watch::Receiver<Outcome>);

/// The duty to connect. Dropped without an outcome (its client left), it passes to the next one who looks.
pub(crate) struct Claim {
    peer: Rc<Peer>,
    outcome: watch::Sender<Outcome>,
}

impl Shared {
    /// The connection, if it can take a request.
    fn usable(&mut self, now: u64) -> Option<SharedSender> {
        match self {
            Self::Ready { sender, last_used } if !sender.is_closed() => {
                *last_used = now;
                Some(sender.clone())
            }
            Self::Ready { .. } => {
                *self = Self::None;
                None
            }
            Self::None | Self::Connecting(_) => None,
        }
    }

    /// Drops the connection if it is closed or `is_old` says so of the time it was last used. Requests that run on it
    /// hold it open until they end.
    pub(super) fn sweep(&mut self, is_old: impl Fn(u64) -> bool) {
        if let Self::Ready { sender, last_used } = self
            && (sender.is_closed() || is_old(*last_used))
        {
            *self = Self::None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// The connection of a peer of which it is not known beforehand whether it speaks HTTP/2.
pub(crate) fn known(peer: &Peer) -> Option<SharedSender> {
    peer.shared.borrow_mut().usable(peer.now())
}

/// Makes `sender` the connection of `peer`, unless it has one already. The one to use.
pub(crate) fn adopt(peer: &Peer, sender: SharedSender) -> SharedSender {
    let now = peer.now();
    let mut shared = peer.shared.borrow_mut();
    if let Some(present) = shared.usable(now) {
        return present;
    }
    *shared = Shared::Ready { sender: sender.clone(), last_used: now };
    sender
}

/// Looks for the connection of a peer that is known to speak HTTP/2.
pub(crate) fn look(peer: &Rc<Peer>) -> Look {
    let mut shared = peer.shared.borrow_mut();
    if let Some(sender) = shared.usable(peer.now()) {
        return Look::Use(sender);
    }
    if let Shared::Connecting(outcome) = &*shared {
        return Look::Wait(Waiting(outcome.clone()));
    }
    let (sender, receiver) = watch::channel(None);
    *shared = Shared::Connecting(receiver);
    Look::Connect(Claim { peer: peer.clone(), outcome: sender })
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
    /// It is there.
    pub(crate) fn succeed(self, sender: SharedSender) {
        let last_used = self.peer.now();
        *self.peer.shared.borrow_mut() = Shared::Ready { sender, last_used };
        self.outcome.send_replace(Some(Ok(())));
    }

    /// It failed.
    pub(crate) fn fail(self, error: Rc<ConnectError>) {
        *self.peer.shared.borrow_mut() = Shared::None;
        self.outcome.send_replace(Some(Err(error)));
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut shared = self.peer.shared.borrow_mut();
        if matches!(&*shared, Shared::Connecting(_)) && self.outcome.borrow().is_none() {
            *shared = Shared::None;
        }
    }
}
