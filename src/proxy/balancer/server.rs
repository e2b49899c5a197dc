//! A server of a live balancer, with all that can be worked out before the first request.
use crate::model::plan::{Scheme, Server};
use http::HeaderValue;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Everything that decides whether a connection may be used for a server. Pools compare the whole of it, never a digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PeerKey {
    /// How to speak.
    pub scheme: Scheme,
    /// Address text without brackets: IPv4, IPv6 or a name.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Name of the servers transport; empty for the default one.
    pub transport: Arc<str>,
}

impl PeerKey {
    /// The peer behind `server` by way of `transport`.
    pub fn new(server: &Server, transport: &Arc<str>) -> Self {
        Self {
            scheme: server.scheme.clone(),
            host: server.host.clone(),
            port: server.port,
            transport: transport.clone(),
        }
    }

    /// The socket address, if the host is an IP address. A name has to be looked up.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        let address: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(address, self.port))
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
