//! What `benches/micro.rs` needs of the inside of the proxy: one exchange with the pool, one message's headers rewritten.
//!
//! Not part of the interface (hidden from the documentation). Both are driven as a request drives them; nothing here is
//! reachable from a request, so that the linker leaves it out of the program.
pub use super::http::bench::Rewriting;

use super::Proxy;
use super::balancer::PeerKey;
use super::http::RequestBody;
use super::internal::NoInternalService;
use super::pool::{Lease, Pools};
use super::worker::Worker;
use crate::base::io::TokioIo;
use crate::config::Config;
use crate::model::plan::Server;
use hyper::client::conn::http1;
use std::rc::Rc;
use std::sync::Arc;
use tokio::io::DuplexStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// Bytes on their way in a connection that nothing is ever sent over.
const ROOM: usize = 1024;

/// The pool of one peer, with idle connections in it.
#[derive(Debug)]
pub struct Checkout {
    pools: Pools,
    key: Arc<PeerKey>,
    /// What keeps the connections open.
    _tasks: LocalSet,
    _ends: Vec<DuplexStream>,
    _runtime: Runtime,
}

impl Checkout {
    /// The pool of `server` with so many idle connections, at most the 200 of the default transport.
    pub fn new(server: &Server, connections: usize) -> std::io::Result<Self> {
        let key = Arc::new(PeerKey::new(server, &Arc::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let tasks = LocalSet::new();
        let pools = Pools::new(connections, super::entrypoint::watchdog::Ticks::default());
        let mut ends = Vec::new();
        for _ in 0..connections {
            let (near, far) = tokio::io::duplex(ROOM);
            let sender = tasks.block_on(&runtime, async {
                let io = TokioIo::new(near);
                let (mut sender, connection) = http1::handshake::<_, RequestBody>(io).await?;
                drop(tokio::task::spawn_local(connection));
                sender.ready().await.map(|()| sender)
            });
            pools.peer(&key).put(sender.map_err(std::io::Error::other)?);
            ends.push(far);
        }
        Ok(Self { pools, key, _tasks: tasks, _ends: ends, _runtime: runtime })
    }

    /// Takes a connection as a request does and gives it back as the end of an answer does. Whether there was one.
    pub fn exchange(&self) -> bool {
        let peer = self.pools.peer(&self.key);
        let taken = peer.take();
        taken.map(|sender| Lease::new(&peer, sender).give_back()).is_some()
    }
}

/// A worker without a thread, with the first entry point of `config`.
pub(super) fn worker(config: &Config) -> Option<(Rc<Worker>, super::entrypoint::EntryPoint)> {
    let mut proxy = Proxy::bind(config, Arc::new(NoInternalService)).ok()?;
    let seed = proxy.seeds.pop()?;
    let entry = seed.listeners.first()?.0.clone();
    Some((Rc::new(Worker::new(&seed)), entry))
}
