//! HTTP/1.1 to a server: hyper's client over one connection, driven by a task of its own.
use super::stream::ServerStream;
use crate::base::io::TokioIo;
use crate::proxy::pool::{Peer, Sender};
use hyper::client::conn::http1;
use std::rc::Rc;

/// Starts HTTP/1.1 on `stream`. An answer may have 100 header lines, hyper's own limit: with any other one its parser leaves
/// the stack and fills two tables on the heap for each answer.
/// When the connection ends, by whomever, it leaves the pool of `peer`.
pub(in crate::proxy) async fn start(stream: ServerStream, peer: &Rc<Peer>) -> hyper::Result<Sender> {
    let (sender, connection) = http1::Builder::new()
        // Old servers are no reason for a 500: what can be read is read, a header line that is none is left out.
        .allow_spaces_after_header_name_in_responses(true)
        .allow_obsolete_multiline_headers_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .handshake(TokioIo::new(stream))
        .await?;
    let peer = Rc::downgrade(peer);
    // Boxed: a task copies its future whole when it is made and when it ends.
    drop(tokio::task::spawn_local(Box::pin(async move {
        if let Err(error) = connection.with_upgrades().await {
            // Whoever waits for an answer gets the error as well; this is for idle connections.
            tracing::trace!(%error, "connection to server ended");
        }
        if let Some(peer) = peer.upgrade() {
            peer.purge();
        }
    })));
    Ok(sender)
}
