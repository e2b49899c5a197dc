//! What `benches/micro.rs` needs of the inside of the proxy: one exchange with the pool, one message's headers rewritten.
//!
//! Not part of the interface (hidden from the documentation). Both are driven as a request drives them; nothing here is
//! reachable from a request, so that the linker leaves it out of the program.
pub use super::http::bench::Rewriting;

use super::Proxy;
use super::balancer::PeerKey;
use super::h1::Buffers;
use super::internal::NoInternalService;
use super::pool::{Lease, Pools};
use super::upstream::h1::Connection;
use super::upstream::stream::ServerStream;
use super::worker::Worker;
use crate::config::Config;
use crate::model::plan::Server;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// The pool of one peer, with idle connections in it.
pub struct Checkout {
    pools: Pools,
    key: Arc<PeerKey>,
    /// What keeps the connections open.
    _ends: Vec<TcpStream>,
    _runtime: Runtime,
}

impl Checkout {
    /// The pool of `server` with so many idle connections, at most the 200 of the default transport.
    pub fn new(server: &Server, connections: usize) -> std::io::Result<Self> {
        let key = Arc::new(PeerKey::new(server, &Arc::default()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let pools = Pools::new(connections, super::entrypoint::watchdog::Ticks::default());
        let buffers = Rc::new(Buffers::default());
        let ends = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let mut ends = Vec::new();
            for _ in 0..connections {
                let near = ServerStream::Plain(TcpStream::connect(address).await?);
                pools.peer(&key).put(Box::new(Connection::new(near, buffers.clone())));
                ends.push(listener.accept().await?.0);
            }
            Ok::<_, std::io::Error>(ends)
        })?;
        Ok(Self { pools, key, _ends: ends, _runtime: runtime })
    }

    /// Takes a connection as a request does and gives it back as the end of an answer does. Whether there was one.
    pub fn exchange(&self) -> bool {
        let peer = self.pools.peer(&self.key);
        let taken = peer.take();
        taken.map(|connection| Lease::new(&peer, connection).give_back()).is_some()
    }
}

/// A worker without a thread, with the first entry point of `config`.
pub(super) fn worker(config: &Config) -> Option<(Rc<Worker>, super::entrypoint::EntryPoint)> {
    let mut proxy = Proxy::bind(config, Arc::new(NoInternalService)).ok()?;
    let seed = proxy.seeds.pop()?;
    let entry = seed.listeners.first()?.0.clone();
    Some((Rc::new(Worker::new(&seed)), entry))
}
