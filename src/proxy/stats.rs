//! What each worker counts: plain numbers that one thread writes and any thread reads.
//!
//! Each worker has its own [`WorkerStats`] on its own cache lines, so counting costs an addition and no bus traffic;
//! [`Totals`] is the sum over the workers, made when somebody asks.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A number that one thread counts up. With a single writer a load and a store suffice: no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one. Only the worker that owns the counter may call this.
    pub fn count(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// The present number, from any thread.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Held by a task without which a worker is of no use: its end in a panic is noticed.
#[derive(Debug)]
pub(super) struct Vital(pub(super) Arc<WorkerStats>);

impl Drop for Vital {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lost.store(true, Ordering::Relaxed);
        }
    }
}

/// The counters of one worker. All of them only grow.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerStats {
    /// Whether a task without which the worker is of no use has panicked.
    lost: AtomicBool,
    /// Client connections taken.
    pub connections_opened: Counter,
    /// Client connections that ended, upgraded ones included.
    pub connections_closed: Counter,
    /// Client connections that were closed early because there was no room for others.
    pub connections_evicted: Counter,
    /// Requests whose head was read whole.
    pub requests: Counter,
    /// Answers by the first digit of their status, 1 to 5; index 0 holds all others.
    pub answers: [Counter; 6],
    /// Connections opened to servers.
    pub upstream_connects: Counter,
    /// Requests sent over a connection that had served before.
    pub upstream_reuses: Counter,
    /// Further tries of a request, on the same or another server.
    pub retries: Counter,
    /// Answers of which the rest passed from socket to socket.
    pub spliced: Counter,
    /// Connections handed over to another protocol.
    pub upgrades: Counter,
    /// Failed `accept` calls.
    pub accept_errors: Counter,
}

impl WorkerStats {
    /// Counts an answer.
    pub fn answered(&self, status: http::StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        self.answers[if class < self.answers.len() { class } else { 0 }].count();
    }
}

impl WorkerStats {
    /// Whether a task without which the worker is of no use has panicked.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// The sum over all workers at one moment.
#[derive(serde::Serialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Client connections open now.
    pub connections_open: u64,
    /// Client connections taken since the start.
    pub connections: u64,
    /// See [`WorkerStats::connections_evicted`].
    pub connections_evicted: u64,
    /// See [`WorkerStats::requests`].
    pub requests: u64,
    /// See [`WorkerStats::answers`].
    pub answers: [u64; 6],
    /// See [`WorkerStats::upstream_connects`].
    pub upstream_connects: u64,
    /// See [`WorkerStats::upstream_reuses`].
    pub upstream_reuses: u64,
    /// See [`WorkerStats::retries`].
    pub retries: u64,
    /// See [`WorkerStats::upgrades`].
    pub upgrades: u64,
    /// See [`WorkerStats::spliced`].
    pub spliced: u64,
    /// See [`WorkerStats::accept_errors`].
    pub accept_errors: u64,
}

impl Totals {
    /// Adds one worker.
    #[must_use]
    pub fn plus(mut self, worker: &WorkerStats) -> Self {
        // Closed first: a connection that ends in between then counts as open, never as minus one.
        let closed = worker.connections_closed.get();
        let opened = worker.connections_opened.get();
        self.connections_open += opened.saturating_sub(closed);
        self.connections += opened;
        self.connections_evicted += worker.connections_evicted.get();
        self.requests += worker.requests.get();
        for (sum, class) in self.answers.iter_mut().zip(&worker.answers) {
            *sum += class.get();
        }
        self.upstream_connects += worker.upstream_connects.get();
        self.upstream_reuses += worker.upstream_reuses.get();
        self.retries += worker.retries.get();
        self.upgrades += worker.upgrades.get();
        self.spliced += worker.spliced.get();
        self.accept_errors += worker.accept_errors.get();
        self
    }
}

#[cfg(test)]
mod vital_tests {
    use super::*;

    #[test]
    fn a_vital_task_that_panics_is_noticed_and_one_that_ends_is_not() {
        let stats: Arc<WorkerStats> = Arc::default();
        drop(Vital(stats.clone()));
        assert!(!stats.is_lost());
        let vital = Vital(stats.clone());
        let panicked = std::thread::spawn(move || {
            let _vital = vital;
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        assert!(stats.is_lost());
    }
}
