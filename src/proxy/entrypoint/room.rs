//! How many client connections there may be at a time, over all workers, and who has to go when there are as many.
//!
//! A worker that finds its entry point's [`Room`] full accepts nothing more: clients wait in the kernel's queue, which is
//! bounded. Meanwhile it makes room: connections that wait for their client go, the longest waiting first, idle ones
//! before those in the middle of a head ([`leaving`], pure). Requests that are being served are never cut for it.
use super::wire::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files that are not for client connections: log, listeners, watches of the cluster, the runtime's own.
const OTHER_FILES: u64 = 128;
/// Connections that are possible however few files there may be.
const LEAST: usize = 16;
/// The part of the connections that the program's own entry point has beside them: its probes must get through when
/// clients hold all others.
const INTERNAL_SHARE: usize = 16;
/// Most connections that one worker closes at a time to make room, and how many it has for each of them: looking through
/// all takes time, and nobody should go in vain.
const AT_A_TIME: usize = 32;
const FOR_EACH: usize = 256;
/// How long a client may be in the middle of a head or a handshake, or silent after it has connected, before it has to go if there is
/// no room; in milliseconds.
const PATIENCE: u64 = 2_000;

/// Connections of clients in all that `files` open files leave room for: each may need a second one, to a server.
pub(crate) fn for_files(files: Option<u64>) -> usize {
    let clients = files.unwrap_or(1024).saturating_sub(OTHER_FILES) / 2;
    usize::try_from(clients).unwrap_or(usize::MAX).max(LEAST)
}

/// Room of the program's own entry point beside that of the others.
pub(crate) fn internal_share(clients: usize) -> usize {
    (clients / INTERNAL_SHARE).max(LEAST)
}

/// A number of connections that may be open at a time.
#[derive(Debug)]
pub(crate) struct Room {
    limit: usize,
    taken: AtomicUsize,
}

impl Room {
    /// Room for `limit` connections.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, taken: AtomicUsize::new(0) })
    }

    /// Whether no more connections may be accepted. Workers look at the same time, so that there may be one more than the
    /// limit for each of them.
    pub(crate) fn is_full(&self) -> bool {
        self.taken.load(Ordering::Relaxed) >= self.limit
    }

    /// How many connections there may be.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// A place for a connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Place {
        self.taken.fetch_add(1, Ordering::Relaxed);
        Place(self.clone())
    }
}

/// What an open connection holds.
#[derive(Debug)]
pub(crate) struct Place(Arc<Room>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is seen of a connection when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// What it is doing.
    pub(crate) phase: Phase,
    /// Since when, in milliseconds.
    pub(crate) since: u64,
    /// How many requests it has begun.
    pub(crate) requests: u64,
}

/// Which of `seen`, by their places, have to go at `now`.
pub(crate) fn leaving(seen: &[Waiting], now: u64) -> Vec<usize> {
    let mut waiting: Vec<(Class, u64, usize)> = seen
        .iter()
        .enumerate()
        .filter_map(|(at, waiting)| Some((Class::of(waiting, now)?, waiting.since, at)))
        .collect();
    let some = (seen.len() / FOR_EACH).clamp(1, AT_A_TIME);
    if some < waiting.len() {
        waiting.select_nth_unstable(some);
        waiting.truncate(some);
    }
    waiting.into_iter().map(|(_, _, at)| at).collect()
}

/// In which order they have to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Has been served and may come back.
    Idle,
    /// Takes its time to send a head.
    Slow,
}

impl Class {
    fn of(waiting: &Waiting, now: u64) -> Option<Self> {
        let patience_over = now.saturating_sub(waiting.since) >= PATIENCE;
        match waiting.phase {
            Phase::Idle | Phase::Resting if waiting.requests > 0 => Some(Self::Idle),
            Phase::Idle | Phase::Resting | Phase::Head | Phase::Handshake => patience_over.then_some(Self::Slow),
            Phase::Request | Phase::Flushing | Phase::Upgraded | Phase::Streams | Phase::Leaving => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(phase: Phase, since: u64, requests: u64) -> Waiting {
        Waiting { phase, since, requests }
    }

    #[test]
    fn a_place_is_free_again_when_its_holder_goes() {
        let room = Room::new(2);
        let first = room.enter();
        assert!(!room.is_full());
        let _second = room.enter();
        assert!(room.is_full());
        drop(first);
        assert!(!room.is_full());
    }

    #[test]
    fn half_of_the_files_are_for_clients_and_never_none() {
        assert_eq!(for_files(Some(20_000)), 9_936);
        assert_eq!(for_files(Some(64)), LEAST);
        assert_eq!(for_files(Some(u64::MAX)), usize::try_from((u64::MAX - OTHER_FILES) / 2).unwrap());
        assert_eq!((internal_share(16_000), internal_share(1)), (1_000, LEAST));
    }

    #[test]
    fn idle_ones_go_before_slow_ones_the_longest_first_and_busy_ones_never() {
        let mut seen = vec![
            waiting(Phase::Request, 0, 1),
            waiting(Phase::Head, 0, 0),
            waiting(Phase::Idle, 4_000, 3),
            waiting(Phase::Upgraded, 0, 1),
            waiting(Phase::Idle, 9_999, 0),
            waiting(Phase::Flushing, 0, 1),
            waiting(Phase::Resting, 3_000, 1),
            waiting(Phase::Handshake, 1, 0),
            waiting(Phase::Streams, 0, 1),
        ];
        let mut order = Vec::new();
        while let [first, ..] = leaving(&seen, 10_000)[..] {
            order.push(first);
            seen[first].phase = Phase::Request;
        }
        assert_eq!(order, [6, 2, 1, 7]);
    }

    #[test]
    fn of_many_some_go_at_a_time_and_those_are_the_longest_idle() {
        let seen: Vec<Waiting> = (0..2_560).map(|since| waiting(Phase::Idle, 5_000 - since, 1)).collect();
        let gone = leaving(&seen, 5_000);
        assert_eq!(gone.len(), 10);
        assert!(gone.iter().all(|at| *at >= 2_550), "{gone:?}");
    }
}
