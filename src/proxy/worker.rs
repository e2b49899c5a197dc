//! One core of the data plane: a thread with its own runtime, listeners, connections and pools.
//!
//! A [`Seed`] is what the main thread prepares; [`run`] grows a [`Worker`] from it on the worker's thread, where all
//! further state stays: `Rc` and `Cell`, no lock, no wake-up of another thread. In from outside come the table (one
//! atomic pointer), and over a channel the command to drain; out go counters.
use super::date::Date;
use super::entrypoint::connection::Order;
use super::entrypoint::room;
use super::entrypoint::watchdog::{Pace, Ticks, millis};
use super::entrypoint::wire::Heads;
use super::entrypoint::{Conn, EntryPoint, accept};
use super::h1::{Buffers, Pipes};
use super::internal::InternalService;
use super::pool::Pools;
use super::stats::{Vital, WorkerStats};
use super::table::{EntryPointId, Readiness, Table};
use super::tls::{DefaultCertificate, Queue};
use crate::base::clock::{Clock, SystemClock};
use arc_swap::ArcSwap;
use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// How long before the end of the grace time tunnels are told that they end; a tenth of it, if that is less. Enough for a
/// farewell there and back.
const PARTING: Duration = Duration::from_secs(1);

/// TLS handshakes that may be under way on one worker: each holds up to 64 kB of ClientHello, some 10 kB as a rule. Tests
/// get by with few, to have too many.
pub(super) const MAX_HANDSHAKES: usize = if cfg!(test) { 16 } else { 1024 };

/// Most idle connections to all servers together that one worker keeps.
const IDLE_IN_ALL: usize = 8192;

/// How many a worker keeps whose share of the clients' connections is `share`: they take files, too.
pub(super) fn idle_limit(share: usize) -> usize {
    (share / 4).clamp(1, IDLE_IN_ALL)
}

/// What a worker is made of.
pub(super) struct Seed {
    /// Its listeners.
    pub(super) listeners: Vec<(EntryPoint, TcpListener)>,
    /// The present table.
    pub(super) table: Arc<ArcSwap<Table>>,
    /// The program's own endpoints.
    pub(super) internal: Arc<dyn InternalService>,
    /// Its counters.
    pub(super) stats: Arc<WorkerStats>,
    /// For names that no certificate covers.
    pub(super) default_certificate: DefaultCertificate,
    /// Whether there is a first table.
    pub(super) readiness: watch::Receiver<Readiness>,
    /// Idle connections to servers that it keeps.
    pub(super) idle_limit: usize,
    /// What it is told.
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
}

/// What a worker is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Stop taking connections, finish what runs, at most for `grace` beyond the entry points' own times.
    Drain {
        /// See [`super::Grace`].
        grace: super::Grace,
        /// Told when nothing is left.
        done: oneshot::Sender<()>,
    },
    /// Panic where connections are accepted.
    #[cfg(test)]
    Break,
}

/// A worker, on its own thread.
pub(crate) struct Worker {
    pub(crate) table: Arc<ArcSwap<Table>>,
    pub(crate) internal: Arc<dyn InternalService>,
    pub(crate) stats: Arc<WorkerStats>,
    pub(crate) pools: Pools,
    /// Lent to connections.
    pub(crate) buffers: Rc<Buffers>,
    /// Lent to answers that need not be looked at.
    pub(crate) pipes: Rc<Pipes>,
    pub(crate) ticks: Ticks,
    pub(crate) date: Date,
    pub(crate) default_certificate: DefaultCertificate,
    handshakes: RefCell<Queue<Weak<Conn>>>,
    /// Bytes of unfinished heads.
    pub(crate) heads: Heads,
    readiness: watch::Receiver<Readiness>,
    /// Every open connection; the sweeper drops those that are gone.
    conns: RefCell<Vec<Weak<Conn>>>,
    /// Entry points that are draining, one bit each.
    draining: Cell<u64>,
    /// Entry points of which the listener is open, one bit each.
    listening: Cell<u64>,
    /// A drain began, or during one a listener was closed or a connection ended.
    changed: Notify,
    /// A connection ended.
    freed: Notify,
    /// Whether the tasks that accept have to panic.
    #[cfg(test)]
    broken: Cell<bool>,
}

impl Worker {
    pub(super) fn new(seed: &Seed) -> Self {
        let ticks = Ticks::default();
        Self {
            table: seed.table.clone(),
            internal: seed.internal.clone(),
            stats: seed.stats.clone(),
            pools: Pools::new(seed.idle_limit, ticks.clone()),
            buffers: Rc::default(),
            pipes: Rc::default(),
            ticks,
            date: Date::new(),
            default_certificate: seed.default_certificate.clone(),
            handshakes: RefCell::new(Queue::new(MAX_HANDSHAKES)),
            heads: Heads::default(),
            readiness: seed.readiness.clone(),
            conns: RefCell::default(),
            draining: Cell::new(0),
            listening: Cell::new(0),
            changed: Notify::new(),
            freed: Notify::new(),
            #[cfg(test)]
            broken: Cell::new(false),
        }
    }

    /// A connection begins.
    pub(crate) fn opened(&self, conn: &Rc<Conn>) {
        self.stats.connections_opened.count();
        self.remember(conn);
    }

    /// Adds `conn` to those that are looked after. Those that are gone make room first: between two sweeps there may be
    /// many, and each keeps its memory until then.
    fn remember(&self, conn: &Rc<Conn>) {
        let mut conns = self.conns.borrow_mut();
        if conns.len() == conns.capacity() {
            conns.retain(|conn| conn.strong_count() > 0);
            let half = conns.len();
            conns.reserve(half.max(64));
        }
        conns.push(Rc::downgrade(conn));
    }

    /// A stream of a connection begins: like a connection, but not counted as one.
    pub(crate) fn watch(&self, stream: &Rc<Conn>) {
        self.remember(stream);
    }

    /// A handshake begins. If there are too many, the oldest is cut.
    pub(crate) fn begins_handshake(&self, conn: &Rc<Conn>) {
        let goes_on = |conn: &Weak<Conn>| conn.upgrade().is_some_and(|conn| conn.is_in_handshake());
        let oldest = self.handshakes.borrow_mut().begin(Rc::downgrade(conn), goes_on);
        if let Some(oldest) = oldest.and_then(|oldest| oldest.upgrade()).filter(|oldest| oldest.is_in_handshake()) {
            oldest.give(Order::Cut);
        }
    }

    /// A connection has ended.
    pub(crate) fn closed(&self) {
        self.stats.connections_closed.count();
        self.freed.notify_waiters();
        self.ended();
    }

    /// A connection or one of its streams has ended.
    pub(crate) fn ended(&self) {
        if self.draining.get() != 0 {
            self.changed.notify_waiters();
        }
    }

    /// Whether no more connections are taken at `entry`.
    pub(crate) fn is_draining(&self, entry: EntryPointId) -> bool {
        self.draining.get() & bit(entry) != 0
    }

    /// The listener of `entry` is open until what this returns is dropped. Every connection that came over it has to be
    /// known by then.
    pub(crate) fn listens(self: &Rc<Self>, entry: EntryPointId) -> Listening {
        self.listening.set(self.listening.get() | bit(entry));
        Listening { worker: self.clone(), entry }
    }

    /// Returns when there is a table.
    pub(crate) async fn is_ready(&self) {
        if self.readiness.clone().wait_for(|readiness| *readiness == Readiness::Ready).await.is_err() {
            // Nobody is left who could publish one.
            std::future::pending::<()>().await;
        }
    }

    /// Returns when no more connections are taken at `entry`.
    pub(crate) async fn stops_accepting(&self, entry: EntryPointId) {
        while !self.is_draining(entry) {
            self.changed.notified().await;
            #[cfg(test)]
            assert!(!self.broken.get(), "on purpose");
        }
    }

    /// Closes connections that only wait for their client, a few at a time: there is no room at `entry`, or there are no
    /// more files. Returns when a connection has ended, or after `patience`; how many were closed.
    pub(crate) async fn make_room(&self, entry: &EntryPoint, patience: Duration) -> usize {
        let freed = self.freed.notified();
        // Which share a room counts, whatever entry point they came in by.
        let conns: Vec<Rc<Conn>> = self.conns.borrow().iter().filter_map(Weak::upgrade).collect();
        let conns = conns.into_iter().filter(|conn| Arc::ptr_eq(&conn.entry.room, &entry.room));
        let (conns, seen): (Vec<Rc<Conn>>, Vec<room::Waiting>) =
            conns.filter_map(|conn| conn.waiting().map(|waiting| (conn, waiting))).unzip();
        let leaving = room::leaving(&seen, self.ticks.now());
        for conn in leaving.iter().filter_map(|at| conns.get(*at)) {
            self.stats.connections_evicted.count();
            conn.leave();
        }
        drop(conns);
        // Another worker may free a place without telling: hence the time.
        drop(tokio::time::timeout(patience, freed).await);
        leaving.len()
    }

    fn sweep(&self, pace: Pace, now: u64) {
        self.ticks.set(now);
        // A connection that is judged may end and be dropped at once: not while the list is borrowed.
        let mut conns = std::mem::take(&mut *self.conns.borrow_mut());
        conns.retain(|conn| {
            conn.upgrade().is_some_and(|conn| {
                conn.sweep(pace, now);
                true
            })
        });
        self.conns.borrow_mut().append(&mut conns);
        self.pools.sweep(pace, now);
    }

    fn living(&self, entry: EntryPointId) -> Vec<Rc<Conn>> {
        let conns = self.conns.borrow();
        conns.iter().filter_map(Weak::upgrade).filter(|conn| conn.entry.id == entry).collect()
    }

    /// Drains one entry point (spec/http.md 4.6).
    async fn drain(self: Rc<Self>, entry: Rc<EntryPoint>, grace: super::Grace) {
        let limits = entry.timeouts;
        tokio::time::sleep(grace.within(limits.accept_grace)).await;
        self.draining.set(self.draining.get() | bit(entry.id));
        self.changed.notify_waiters();
        self.living(entry.id).iter().for_each(|conn| conn.drain());
        // What still waits in the kernel's queue is taken by the task that was just woken.
        while self.listening.get() & bit(entry.id) != 0 {
            self.changed.notified().await;
        }
        self.living(entry.id).iter().for_each(|conn| conn.drain());
        let empty = async || {
            while !self.living(entry.id).is_empty() {
                self.changed.notified().await;
            }
        };
        let grace = grace.within(limits.grace);
        let parting = (grace / 10).min(PARTING);
        if tokio::time::timeout(grace - parting, empty()).await.is_ok() {
            return;
        }
        self.living(entry.id).iter().for_each(|conn| conn.give(Order::Part));
        if tokio::time::timeout(parting, empty()).await.is_err() {
            let left = self.living(entry.id);
            tracing::info!(entrypoint = %entry.name, connections = left.len(), "cutting what is left");
            left.iter().for_each(|conn| conn.give(Order::Cut));
        }
    }
}

/// An open listener. Dropped by a panic, too: a drain must not wait for what is gone.
pub(crate) struct Listening {
    worker: Rc<Worker>,
    entry: EntryPointId,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.worker.listening.set(self.worker.listening.get() & !bit(self.entry));
        self.worker.changed.notify_waiters();
    }
}

fn bit(entry: EntryPointId) -> u64 {
    1_u64.checked_shl(u32::from(entry.0)).unwrap_or(0)
}

/// Runs a worker until it has drained.
pub(super) async fn run(mut seed: Seed) {
    let _vital = Vital(seed.stats.clone());
    let worker = Rc::new(Worker::new(&seed));
    let mut entries = Vec::new();
    for (entry, listener) in std::mem::take(&mut seed.listeners) {
        let entry = Rc::new(entry);
        let (accept, vital) = (accept::run(listener, entry.clone(), worker.clone()), Vital(seed.stats.clone()));
        drop(tokio::task::spawn_local(async move {
            let _vital = vital;
            accept.await;
        }));
        entries.push(entry);
    }
    let (sweep, vital) = (sweep(worker.clone(), shortest_limit(&entries)), Vital(seed.stats.clone()));
    let sweeper = tokio::task::spawn_local(async move {
        let _vital = vital;
        sweep.await;
    });
    // When nobody can send commands any more, the program has ended without a drain: go on until the thread is stopped.
    while let Some(command) = seed.commands.recv().await {
        let (grace, done) = match command {
            Command::Drain { grace, done } => (grace, done),
            #[cfg(test)]
            Command::Break => {
                worker.broken.set(true);
                worker.changed.notify_waiters();
                continue;
            }
        };
        let drains: Vec<_> =
            entries.iter().map(|entry| tokio::task::spawn_local(worker.clone().drain(entry.clone(), grace))).collect();
        for drain in drains {
            if let Err(error) = drain.await {
                tracing::error!(%error, "drain broken off");
            }
        }
        if done.send(()).is_err() {
            tracing::debug!("nobody waits for the end of the drain");
        }
    }
    if let Err(error) = sweeper.await {
        tracing::error!(%error, "sweeper ended");
    }
}

fn shortest_limit(entries: &[Rc<EntryPoint>]) -> Option<Duration> {
    let limits = entries.iter().flat_map(|entry| {
        let limits = entry.timeouts;
        [limits.read, limits.write, limits.idle, entry.choices.keep_alive.max_time]
    });
    limits.flatten().min()
}

/// Looks after all limits, as often as the shortest of them asks for: `of_clients`, and those of the transports in the
/// present table.
async fn sweep(worker: Rc<Worker>, of_clients: Option<Duration>) {
    let (mut last, mut time) = (SystemClock.now(), Duration::ZERO);
    loop {
        let of_servers = worker.table.load().shortest_limit();
        let pace = Pace::for_limits([of_clients, of_servers].into_iter().flatten());
        worker.sweep(pace, millis(time));
        tokio::time::sleep(pace.tick).await;
        let now = SystemClock.now();
        time += pace.counted(now.saturating_duration_since(last));
        last = now;
    }
}
