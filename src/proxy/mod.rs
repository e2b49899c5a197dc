//! The data plane: takes connections, finds the router of each request, forwards it.
//!
//! One worker per core ([`worker`]), each with its own thread, listeners and pools; between them only the [`table`], one
//! immutable version behind one pointer. From outside: [`Proxy::bind`] takes the addresses before anything runs,
//! [`Proxy::start`] starts the workers, a [`Publisher`] installs plans, [`Proxy::drain`] ends it all.
//!
//! The path of a request: `entrypoint` (accepted, read) -> [`http`] (cleaned, described, routed) -> `balancer` (server) ->
//! `pool` and `upstream` (connection) -> back through `http` to the client.
pub mod balancer;
#[doc(hidden)]
pub mod bench;
mod date;
mod entrypoint;
mod h1;
mod http;
pub mod internal;
mod pool;
pub mod stats;
pub mod table;
mod tls;
mod upstream;
mod worker;

#[cfg(test)]
mod tests;

pub use entrypoint::BindError;
pub use internal::{Claimed, InternalRequest, InternalService};
pub use stats::{Totals, WorkerStats};
pub use upstream::Transport;

use crate::base::clock::{Clock, SystemClock};
use crate::base::files;
use crate::config;
use crate::model::plan::PlanPatch;
use actix::{Arbiter, System};
use arc_swap::ArcSwap;
use entrypoint::choices::Choices;
use entrypoint::options::{EntryPoint, Paths, Semicolons, Start, Timeouts, Trust, machine_name};
use entrypoint::room::{self, Room};
use entrypoint::sockets::{self, Sharing};
use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use table::{EntryPointId, Readiness, Table};
use tls::DefaultCertificate;
use tokio::sync::{mpsc, oneshot, watch};
use upstream::configured::default_transport;
use worker::{Command, Seed};

/// The data plane.
pub struct Proxy {
    addresses: Vec<(Arc<str>, SocketAddr)>,
    publisher: Publisher,
    stats: Arc<[Arc<WorkerStats>]>,
    seeds: Vec<Seed>,
    commands: Vec<mpsc::UnboundedSender<Command>>,
    arbiters: Vec<Arbiter>,
}

/// How long running requests have when the proxy drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// What each entry point says: `requestAcceptGraceTimeout`, then `graceTimeOut`.
    Configured,
    /// The same, but neither of the two longer than this.
    AtMost(Duration),
}

impl Grace {
    fn within(self, configured: Duration) -> Duration {
        match self {
            Self::Configured => configured,
            Self::AtMost(limit) => configured.min(limit),
        }
    }
}

/// Workers cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// They are actix Arbiters and need its system on the calling thread.
    #[error("no actix system runs on this thread")]
    NoSystem,
    /// The operating system gave no thread.
    #[error("worker thread not started")]
    Thread(#[source] std::io::Error),
}

impl Proxy {
    /// Takes all addresses of `config`. Clients can connect from here on; they are served after [`Proxy::start`].
    pub fn bind(config: &config::Config, internal: Arc<dyn InternalService>) -> Result<Self, BindError> {
        let names: Vec<Arc<str>> = config.connected_entry_points().map(|entry| entry.name.clone()).collect();
        let transport = Transport::build(Arc::new(default_transport(&config.servers_transport)));
        if let Some(error) = transport.problem() {
            tracing::error!(error, "serversTransport cannot be used for https: such servers answer 500");
        }
        let table = Table::with_transport(&names, Arc::new(transport));
        let rooms = Rooms::new(config.max_connections);
        let workers = config.workers.get();
        let idle_limit = worker::idle_limit(rooms.clients.limit() / workers);
        let mut addresses = Vec::new();
        let mut listeners: Vec<Vec<(EntryPoint, std::net::TcpListener)>> = (0..workers).map(|_| Vec::new()).collect();
        for given in config.connected_entry_points() {
            let Some(id) = table.entry_point(&given.name) else { continue };
            let entry = entry_point(given, id, &rooms);
            let bound = sockets::bind(&given.name, given.address.candidates(), workers, entry.sharing)?;
            if let Some(address) = bound.first().and_then(|listener| listener.local_addr().ok()) {
                addresses.push((given.name.clone(), address));
            }
            for (of_worker, listener) in listeners.iter_mut().zip(bound) {
                of_worker.push((entry.clone(), listener));
            }
        }
        let table = Arc::new(ArcSwap::from_pointee(table));
        let default_certificate = DefaultCertificate::make(SystemClock.wall());
        let (mut seeds, mut commands) = (Vec::new(), Vec::new());
        let (ready, readiness) = watch::channel(Readiness::Waiting);
        for listeners in listeners {
            let (sender, receiver) = mpsc::unbounded_channel();
            commands.push(sender);
            seeds.push(Seed {
                listeners,
                table: table.clone(),
                internal: internal.clone(),
                stats: Arc::default(),
                default_certificate: default_certificate.clone(),
                readiness: readiness.clone(),
                idle_limit,
                commands: receiver,
            });
        }
        let stats = seeds.iter().map(|seed| seed.stats.clone()).collect();
        Ok(Self {
            addresses,
            publisher: Publisher { table, ready: Arc::new(ready) },
            stats,
            seeds,
            commands,
            arbiters: Vec::new(),
        })
    }

    /// Where each entry point listens, with the port the system chose where it was given as 0.
    pub fn addresses(&self) -> &[(Arc<str>, SocketAddr)] {
        &self.addresses
    }

    /// Starts the workers. They answer 503 until the first plan is installed. A second call does nothing.
    pub fn start(&mut self) -> Result<(), StartError> {
        System::try_current().ok_or(StartError::NoSystem)?;
        for seed in self.seeds.drain(..) {
            let arbiter = Arbiter::try_new().map_err(StartError::Thread)?;
            arbiter.spawn_fn(move || drop(tokio::task::spawn_local(worker::run(seed))));
            self.arbiters.push(arbiter);
        }
        Ok(())
    }

    /// Whether every worker's thread is there, with the tasks it cannot do without: false after a panic that ended one, or
    /// after a drain.
    pub fn is_alive(&self) -> bool {
        let threads = !self.arbiters.is_empty() && self.arbiters.iter().all(Arbiter::alive);
        threads && !self.stats.iter().any(|worker| worker.is_lost())
    }

    /// Makes each worker panic where it accepts connections.
    #[cfg(test)]
    fn break_workers(&self) {
        for commands in &self.commands {
            commands.send(Command::Break).unwrap();
        }
    }

    /// Installs plans; clones do the same.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// The counters of each worker, to be read at any time.
    pub fn stats(&self) -> Arc<[Arc<WorkerStats>]> {
        self.stats.clone()
    }

    /// The sum of all counters at this moment.
    pub fn totals(&self) -> Totals {
        self.stats.iter().fold(Totals::default(), |sum, worker| sum.plus(worker))
    }

    /// Ends the proxy (spec/http.md 4.6): takes connections for the accept grace, then closes the listeners and idle
    /// connections, gives running requests their grace, cuts what is left, and stops the threads.
    pub fn drain(&mut self, grace: Grace) -> impl Future<Output = ()> + use<> {
        // Workers that never started let go of their listeners here.
        self.seeds.clear();
        let arbiters = std::mem::take(&mut self.arbiters);
        let waiting: Vec<oneshot::Receiver<()>> = std::mem::take(&mut self.commands)
            .into_iter()
            .filter_map(|commands| {
                let (done, waiting) = oneshot::channel();
                commands.send(Command::Drain { grace, done }).is_ok().then_some(waiting)
            })
            .collect();
        async move {
            for worker in waiting {
                if worker.await.is_err() {
                    tracing::error!("a worker ended before it had drained");
                }
            }
            for arbiter in arbiters {
                arbiter.stop();
                let joined = tokio::task::spawn_blocking(move || arbiter.join()).await;
                if !matches!(joined, Ok(Ok(()))) {
                    tracing::error!("a worker thread ended in a panic");
                }
            }
        }
    }
}

/// Publishes the routing table. One at a time may install: a plan builds on the one before.
#[derive(Clone)]
pub struct Publisher {
    table: Arc<ArcSwap<Table>>,
    ready: Arc<watch::Sender<Readiness>>,
}

impl Publisher {
    /// Makes `patch` visible to all workers at one instant.
    pub fn install(&self, patch: &PlanPatch) {
        let next = self.table.load().apply(patch);
        let readiness = if next.is_ready() { Readiness::Ready } else { Readiness::Waiting };
        self.table.store(Arc::new(next));
        self.ready.send_if_modified(|before| std::mem::replace(before, readiness) != readiness);
    }

    /// The present table.
    pub fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }
}

/// Who shares a limit of connections.
struct Rooms {
    clients: Arc<Room>,
    internal: Arc<Room>,
}

impl Rooms {
    fn new(wanted: Option<NonZeroUsize>) -> Self {
        let possible = room::for_files(files::limit());
        let limit = wanted.map_or(possible, NonZeroUsize::get);
        if limit > possible {
            tracing::warn!(limit, possible, "more connections are allowed than the limit of open files has room for");
        }
        Self { clients: Room::new(limit), internal: Room::new(room::internal_share(limit)) }
    }

    fn of(&self, entry_point: &str) -> Arc<Room> {
        if entry_point == config::INTERNAL_ENTRY_POINT { self.internal.clone() } else { self.clients.clone() }
    }
}

fn entry_point(given: &config::EntryPoint, id: EntryPointId, rooms: &Rooms) -> EntryPoint {
    let trust = if given.forwarded.insecure {
        Trust::Everybody
    } else {
        Trust::Networks(given.forwarded.trusted.as_slice().into())
    };
    EntryPoint {
        id,
        name: given.name.clone(),
        paths: if given.sanitize_path { Paths::Sanitized } else { Paths::Raw },
        semicolons: if given.encode_query_semicolons { Semicolons::Encoded } else { Semicolons::Separate },
        trust,
        max_head: EntryPoint::head_limit(given.max_header_bytes),
        timeouts: Timeouts {
            read: given.read_timeout,
            write: given.write_timeout,
            idle: given.idle_timeout,
            accept_grace: given.request_accept_grace,
            grace: given.grace,
        },
        room: rooms.of(&given.name),
        start: if given.reuse_port && *given.name != *config::INTERNAL_ENTRY_POINT {
            Start::WhenReady
        } else {
            Start::AtOnce
        },
        sharing: if given.reuse_port { Sharing::Processes } else { Sharing::Workers },
        server_name: machine_name(),
        choices: Choices::new(given),
    }
}
