//! Opens a connection to a server: resolve, connect, TLS.
use super::ConnectError;
use super::stream::ServerStream;
use super::tls::Offer;
use crate::model::plan::Scheme;
use crate::model::transport::Http2;
use crate::proxy::balancer::PeerKey;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Longest handshake of TLS (spec/http.md 2.7) and of HTTP/2.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// TCP keep-alive (spec/http.md 2.7). A machine that is gone without a word shows by this alone to tunnels, to requests
/// that wait for an answer, and on shared HTTP/2 connections, which otherwise go on to take requests.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Which protocols the request allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Wanted {
    /// Whatever the server speaks.
    Any,
    /// HTTP/1.1, because the request is an upgrade.
    Http1,
}

/// What a new connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Spoken {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Connects to `peer`. `left` is how long that may take, TLS not included.
pub(in crate::proxy) async fn connect(
    peer: &PeerKey,
    left: Option<Duration>,
    wanted: Wanted,
) -> Result<(ServerStream, Spoken), ConnectError> {
    let tcp = match left {
        Some(limit) => tokio::time::timeout(limit, dial(peer)).await.map_err(|_| ConnectError::Timeout)??,
        None => dial(peer).await?,
    };
    prepare(&tcp).map_err(ConnectError::Connect)?;
    match (peer.scheme(), wanted) {
        (Scheme::Https, _) => secure(tcp, peer, wanted).await,
        (Scheme::H2c, Wanted::Any) => Ok((ServerStream::Plain(tcp), Spoken::Http2)),
        _ => Ok((ServerStream::Plain(tcp), Spoken::Http1)),
    }
}

fn prepare(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    SockRef::from(tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEP_ALIVE).with_interval(KEEP_ALIVE))
}

async fn dial(peer: &PeerKey) -> Result<TcpStream, ConnectError> {
    if let Some(address) = peer.socket_address() {
        return TcpStream::connect(address).await.map_err(ConnectError::Connect);
    }
    let resolve = |cause| ConnectError::Resolve { host: peer.host().clone(), cause };
    let addresses: Vec<SocketAddr> =
        tokio::net::lookup_host((&**peer.host(), peer.port())).await.map_err(resolve)?.collect();
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => ConnectError::Connect(error),
        None => resolve(io::Error::from(io::ErrorKind::NotFound)),
    })
}

async fn secure(tcp: TcpStream, peer: &PeerKey, wanted: Wanted) -> Result<(ServerStream, Spoken), ConnectError> {
    let transport = peer.transport();
    let offer = match (wanted, transport.http2()) {
        (Wanted::Any, Http2::Offered) => Offer::Http2AndHttp1,
        _ => Offer::Http1,
    };
    let tls = transport.tls().map_err(ConnectError::Tls)?;
    let handshake = tls.connect(tcp, peer.host(), offer);
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await.map_err(|_| ConnectError::Timeout)??;
    let spoken = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Spoken::Http2,
        _ => Spoken::Http1,
    };
    Ok((ServerStream::Tls(Box::new(stream)), spoken))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::ServerState;
    use crate::model::plan::Server;
    use std::sync::Arc;

    #[tokio::test]
    async fn connections_to_servers_notice_a_machine_that_is_gone() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}").into();
        let server = Server { url, scheme: Scheme::Http, host: "127.0.0.1".into(), port, state: ServerState::Active };
        let (stream, _) = connect(&PeerKey::new(&server, &Arc::default()), None, Wanted::Any).await.unwrap();
        let ServerStream::Plain(tcp) = stream else { panic!("no tls was asked for") };
        assert!(SockRef::from(&tcp).keepalive().unwrap());
        assert_eq!(SockRef::from(&tcp).tcp_keepalive_time().unwrap(), KEEP_ALIVE);
    }
}
