//! Listening, connections, shutdown.
//!
//! One task accepts, one task serves each connection; a shutdown ends watches, lets requests finish for a moment and
//! closes the rest. Faults of the network act here and in [`super::io`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::base::io::{TokioIo, TokioTimer};

use super::faults::Network;
use super::http::{self, Server};
use super::io::GatedStream;
use super::signal::until;

/// Connections at a time; more wait in the listen queue.
const MAX_CONNECTIONS: usize = 1_024;

/// A client has that long to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);

/// Requests under way have that long at a shutdown.
const GRACE: Duration = Duration::from_secs(2);

/// After an error of accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts and serves until shutdown.
pub(super) async fn run(listener: TcpListener, server: Arc<Server>) {
    let mut shutdown = server.shutdown.clone();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= MAX_CONNECTIONS {
            tokio::select! {
                _ = connections.join_next() => continue,
                () = until(&mut shutdown, |stop| *stop) => break,
            }
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(&mut connections, &server, stream, peer),
                Err(error) => {
                    tracing::warn!(%error, "embedded API server cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            () = until(&mut shutdown, |stop| *stop) => break,
        }
    }
    drop(listener);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_done).await.is_err() {
        connections.shutdown().await;
    }
}

fn admit(connections: &mut JoinSet<()>, server: &Arc<Server>, stream: TcpStream, peer: SocketAddr) {
    let network = server.faults.network();
    if *network.borrow() == Network::Refusing {
        // Closing with linger zero sends a reset, as close to a refusal as an open listener gets.
        if let Err(error) = stream.set_zero_linger() {
            tracing::debug!(%peer, %error, "connection closed without reset");
        }
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "connection stays with delays");
    }
    connections.spawn(serve(Arc::clone(server), TokioIo::new(GatedStream::new(stream, network)), peer));
}

async fn serve(server: Arc<Server>, io: TokioIo<GatedStream>, peer: SocketAddr) {
    let mut drops = server.faults.drops();
    let drops_at_start = *drops.borrow_and_update();
    let mut shutdown: watch::Receiver<bool> = server.shutdown.clone();
    let service = service_fn(move |request| {
        let server = Arc::clone(&server);
        async move { Ok::<_, std::convert::Infallible>(http::answer(server, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(io, service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until(&mut drops, |count| *count != drops_at_start) => return,
        () = until(&mut shutdown, |stop| *stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "connection to the embedded API server ended");
    }
}
