//! A server of a live balancer, with all that can be worked out before the first request.
use crate::model::plan::{Scheme, Server};
use crate::proxy::upstream::Transport;
use crate::proxy::upstream::transport::hash_of;
use http::HeaderValue;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Everything that decides whether a connection may be used for a server: where it leads, how it is spoken to, and all the
/// settings of its transport. Pools compare the whole of it, never a digest; the hash is worked out once, because every
/// request looks its pool up.
#[derive(Clone, Debug)]
pub struct PeerKey {
    scheme: Scheme,
    host: Arc<str>,
    port: u16,
    transport: Arc<Transport>,
    hash: u64,
}

impl PeerKey {
    /// The peer behind `server` by way of `transport`.
    pub fn new(server: &Server, transport: &Arc<Transport>) -> Self {
        Self {
            scheme: server.scheme.clone(),
            host: server.host.clone(),
            port: server.port,
            transport: transport.clone(),
            hash: hash_of((&server.scheme, &server.host, server.port, transport.hash())),
        }
    }

    /// How to speak.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Address text without brackets: IPv4, IPv6 or a name.
    pub fn host(&self) -> &Arc<str> {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// By way of which transport.
    pub fn transport(&self) -> &Arc<Transport> {
        &self.transport
    }

    /// The socket address, if the host is an IP address. A name has to be looked up.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        let address: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(address, self.port))
    }
}

impl PartialEq for PeerKey {
    fn eq(&self, other: &Self) -> bool {
        let Self { scheme, host, port, transport, hash } = self;
        // First what differs most often and costs least; equal hashes alone say nothing.
        *hash == other.hash
            && *port == other.port
            && *host == other.host
            && *scheme == other.scheme
            && (Arc::ptr_eq(transport, &other.transport) || **transport == *other.transport)
    }
}

impl Eq for PeerKey {}

impl Hash for PeerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// One server as requests find it.
#[derive(Clone, Debug)]
pub struct LiveServer {
    /// The server as planned.
    pub server: Server,
    /// Its connection pool's key; the same `Arc` as long as the server stays.
    pub peer: Arc<PeerKey>,
    /// Its socket address, if its host is an IP address.
    pub address: Option<SocketAddr>,
    /// `host:port` for the Host header where the client's is not passed on, IPv6 in brackets. Empty in the one case that
    /// the host cannot stand in a header; such a name cannot be resolved either.
    pub host_header: HeaderValue,
}

impl LiveServer {
    /// Works `server` out, with the key of its connections.
    pub(in crate::proxy) fn new(server: Server, peer: Arc<PeerKey>) -> Self {
        let address = peer.socket_address();
        let host_header = host_header(&server.host, server.port);
        Self { server, peer, address, host_header }
    }
}

fn host_header(host: &str, port: u16) -> HeaderValue {
    let text = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}
