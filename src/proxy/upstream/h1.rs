//! HTTP/1.1 to a server: hyper's client over one connection, driven by a task of its own.
use super::stream::ServerStream;
use crate::base::io::TokioIo;
use crate::proxy::pool::{Peer, Sender};
use hyper::client::conn::http1;
use std::rc::Rc;

/// Starts HTTP/1.1 on `stream`. More than 100 header lines, hyper's limit, make an answer a malformed one. When the connection ends, by whomever, it leaves the pool of `peer`.
pub(in crate::proxy) async fn start(stream: ServerStream, peer: &Rc<Peer>) -> hyper::Result<Sender> {
    let (sender, connection) = http1::Builder::new().handshake(TokioIo::new(stream)).await?;
    let peer = Rc::downgrade(peer);
    drop(tokio::task::spawn_local(async move {
        if let Err(error) = connection.with_upgrades().await {
            // Whoever waits for an answer gets the error as well; this is for idle connections.
            tracing::trace!(%error, "connection to server ended");
        }
        if let Some(peer) = peer.upgrade() {
            peer.purge();
        }
    }));
    Ok(sender)
}
