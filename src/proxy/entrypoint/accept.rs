//! Takes connections of one entry point on one worker and gives each its task.
use super::connection;
use super::{Conn, EntryPoint};
use crate::proxy::worker::Worker;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How long to wait after an error that the next `accept` would meet again: no file descriptor left, for one.
const PAUSE: Duration = Duration::from_millis(50);
/// At most one line about it in this time, in milliseconds.
const LOG_EVERY: u64 = 10_000;

/// Accepts until the worker stops accepting on this entry point. What waits in the kernel's queue then is still taken:
/// those clients believe that they are connected.
pub(crate) async fn run(listener: TcpListener, entry: Rc<EntryPoint>, worker: Rc<Worker>) {
    let settings = Rc::new(connection::Settings::new(&entry));
    worker.listens(entry.id);
    let mut last_logged = None;
    let serve = |(tcp, peer): (TcpStream, SocketAddr)| {
        let conn = Conn::new(worker.clone(), entry.clone(), peer);
        // Boxed: a task copies its future whole when it is made and when it ends, and this one has some kilobytes.
        drop(tokio::task::spawn_local(Box::pin(connection::run(tcp, conn, settings.clone()))));
    };
    let accept = async {
        loop {
            match listener.accept().await {
                Ok(accepted) => serve(accepted),
                Err(error) if concerns_one_connection(&error) => worker.stats.accept_errors.count(),
                Err(error) => {
                    worker.stats.accept_errors.count();
                    let now = worker.ticks.now();
                    if last_logged.is_none_or(|last| now.saturating_sub(last) >= LOG_EVERY) {
                        last_logged = Some(now);
                        tracing::error!(entrypoint = %entry.name, %error, "cannot accept connections");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = worker.stops_accepting(entry.id) => {}
        () = pin!(accept) => {}
    }
    while let Some(accepted) = queued(&listener).await {
        serve(accepted);
    }
    drop(listener);
    worker.listens_no_more(entry.id);
}

/// A connection that is already there.
async fn queued(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    std::future::poll_fn(|cx| match listener.poll_accept(cx) {
        std::task::Poll::Ready(accepted) => std::task::Poll::Ready(accepted.ok()),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}

/// Whether only the connection at the head of the queue was bad.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
