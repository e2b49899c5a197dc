//! The backends of the demo: small servers that answer who they are, so that `curl` shows where a request went.
//!
//! They listen on fixed loopback addresses, those that the EndpointSlices in `fixtures/demo/` name; a test holds both
//! together. Two backends of one Service differ in their address and not just in their port, because one address counts
//! once per Service (spec/ingress.md 10.4). Everything in 127.0.0.0/8 is there on Linux; other systems may need an alias.
//!
//! Read next: `demo/whoami.rs`, which makes the answers.
mod whoami;

use crate::base::io::{TokioIo, TokioTimer};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, info};

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait after an accept that failed for want of something, file descriptors say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backend {
    /// What it calls itself.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
}

const fn backend(name: &'static str, host: u8, port: u16) -> Backend {
    Backend { name, address: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, host), port)) }
}

/// The backends that `fixtures/demo/` expects.
pub const BACKENDS: &[Backend] = &[
    backend("shop-1", 1, 9101),
    backend("shop-2", 2, 9101),
    backend("cart-1", 1, 9102),
    backend("cart-2", 2, 9102),
    backend("search-old", 1, 9103),
    backend("search-new", 2, 9103),
    backend("blog-1", 1, 9104),
    backend("preview-1", 1, 9105),
    backend("welcome-1", 1, 9106),
];

/// The manifests of the demo by file name, for a demo without a folder of one's own.
pub const MANIFESTS: &[(&str, &str)] = &[
    ("00-class.yaml", include_str!("../fixtures/demo/00-class.yaml")),
    ("10-shop.yaml", include_str!("../fixtures/demo/10-shop.yaml")),
    ("11-cart.yaml", include_str!("../fixtures/demo/11-cart.yaml")),
    ("12-search.yaml", include_str!("../fixtures/demo/12-search.yaml")),
    ("19-shop-ingress.yaml", include_str!("../fixtures/demo/19-shop-ingress.yaml")),
    ("20-blog.yaml", include_str!("../fixtures/demo/20-blog.yaml")),
    ("30-preview.yaml", include_str!("../fixtures/demo/30-preview.yaml")),
    ("90-default-backend.yaml", include_str!("../fixtures/demo/90-default-backend.yaml")),
];

/// A backend could not be started.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Something else listens there.
    #[error("demo backend {name}: {address} is in use; stop what listens there, or run without the demo backends")]
    InUse {
        /// The backend.
        name: &'static str,
        /// Where it should listen.
        address: SocketAddr,
    },
    /// The address is not of this machine.
    #[error("demo backend {name}: {address} is no address of this machine; add it to the loopback interface")]
    NoSuchAddress {
        /// The backend.
        name: &'static str,
        /// Where it should listen.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("demo backend {name}: cannot listen on {address}")]
    Listen {
        /// The backend.
        name: &'static str,
        /// Where it should listen.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl DemoError {
    fn new(Backend { name, address }: Backend, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { name, address },
            io::ErrorKind::AddrNotAvailable => Self::NoSuchAddress { name, address },
            _ => Self::Listen { name, address, source },
        }
    }
}

/// Running backends. Dropping it ends them and their connections.
#[derive(Debug)]
pub struct Demo {
    addresses: Vec<SocketAddr>,
    tasks: Vec<JoinHandle<()>>,
}

impl Demo {
    /// Starts all of `backends`, or none.
    pub async fn start(backends: &[Backend]) -> Result<Self, DemoError> {
        let mut listeners = Vec::with_capacity(backends.len());
        for backend in backends {
            let listener = TcpListener::bind(backend.address).await;
            let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
            let (address, listener) = bound.map_err(|source| DemoError::new(*backend, source))?;
            listeners.push((backend.name, address, listener));
        }
        let mut demo = Self { addresses: Vec::new(), tasks: Vec::new() };
        for (name, address, listener) in listeners {
            info!(backend = name, address = %address, "demo backend listens");
            demo.addresses.push(address);
            demo.tasks.push(tokio::spawn(accept(name, address, listener)));
        }
        Ok(demo)
    }

    /// Where the backends listen, in the order they were given.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Serves until it is aborted; its connections end with it.
async fn accept(name: &'static str, local: SocketAddr, listener: TcpListener) {
    let host: Arc<str> = name.into();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, whoami::Place { host: host.clone(), local, peer }));
                }
                Err(error) => {
                    debug!(backend = name, error = %error, "demo backend could not accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            // Takes finished ones out, so that the set holds open connections only.
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, place: whoami::Place) {
    let service = service_fn(|request| {
        let place = place.clone();
        async move { Ok::<_, std::convert::Infallible>(whoami::answer(&place, request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(backend = %place.host, error = %error, "demo connection ended");
    }
}

#[cfg(test)]
mod tests;
