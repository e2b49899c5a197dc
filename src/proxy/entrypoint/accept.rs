//! Takes connections of one entry point on one worker and gives each its task.
//!
//! No room ([`super::room`]) and no file descriptor pause the loop while room is made, a drain ends it. What waits in the kernel's queue then is still taken: those clients believe that they are connected, and a
//! listener that is closed resets them. Where another process listens on the same port (`reusePort`), new clients are
//! first steered there (`sockets.rs`), so that none of them knocks between the last look and the end.
use super::options::Start;
use super::sockets::{self, Sharing};
use super::{Conn, EntryPoint, connection};
use crate::proxy::worker::Worker;
use std::cell::Cell;
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
/// How long clients that were connecting when others were turned away may take to finish: some round trips, and less than
/// the second after which the others knock again.
const HANDOVER: Duration = Duration::from_millis(500);

struct Acceptor {
    listener: TcpListener,
    entry: Rc<EntryPoint>,
    worker: Rc<Worker>,
    last_logged: Cell<Option<u64>>,
    /// Accepted, but there is no room for it yet.
    held: Cell<Option<(TcpStream, SocketAddr)>>,
}

/// Listens when it is time to, then accepts until the worker stops accepting on this entry point.
pub(crate) async fn run(listener: std::net::TcpListener, entry: Rc<EntryPoint>, worker: Rc<Worker>) {
    let listening = worker.listens(entry.id);
    if entry.start == Start::WhenReady {
        tokio::select! {
            () = worker.stops_accepting(entry.id) => return,
            () = worker.is_ready() => {}
        }
    }
    let listener = match sockets::listen(&listener).and_then(|()| TcpListener::from_std(listener)) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(entrypoint = %entry.name, %error, "listener lost");
            return;
        }
    };
    let acceptor = Acceptor { listener, entry, worker, last_logged: Cell::default(), held: Cell::default() };
    tokio::select! {
        biased;
        () = acceptor.worker.stops_accepting(acceptor.entry.id) => {}
        () = pin!(acceptor.accept()) => {}
    }
    acceptor.held.take().into_iter().for_each(|accepted| acceptor.serve(accepted));
    if acceptor.entry.sharing == Sharing::Processes {
        acceptor.hand_over().await;
    }
    while let Some(accepted) = acceptor.queued().await {
        acceptor.serve(accepted);
    }
    drop(acceptor);
    drop(listening);
}

impl Acceptor {
    async fn accept(&self) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => {
                    self.held.set(Some(accepted));
                    self.find_room().await;
                    self.held.take().into_iter().for_each(|accepted| self.serve(accepted));
                }
                Err(error) if concerns_one_connection(&error) => self.worker.stats.accept_errors.count(),
                Err(error) => {
                    self.worker.stats.accept_errors.count();
                    if self.may_log() {
                        tracing::error!(entrypoint = %self.entry.name, %error, "cannot accept connections");
                    }
                    self.worker.make_room(&self.entry, PAUSE).await;
                }
            }
        }
    }

    async fn find_room(&self) {
        while self.entry.room.is_full() {
            let evicted = self.worker.make_room(&self.entry, PAUSE).await;
            if evicted == 0 && self.may_log() {
                let limit = self.entry.room.limit();
                tracing::error!(entrypoint = %self.entry.name, limit, "no room for more connections: clients wait");
            }
        }
    }

    fn serve(&self, (tcp, peer): (TcpStream, SocketAddr)) {
        let conn = Conn::new(self.worker.clone(), self.entry.clone(), peer);
        // Boxed: a task copies its future whole when it is made and when it ends, and this one has some kilobytes.
        drop(tokio::task::spawn_local(Box::pin(connection::run(tcp, conn))));
    }

    /// Leaves new clients to the other processes on this port and takes those that have begun to connect.
    async fn hand_over(&self) {
        if let Err(error) = sockets::turn_away(&self.listener) {
            tracing::warn!(entrypoint = %self.entry.name, %error, "clients that connect just now may be reset");
            return;
        }
        let rest = async {
            while let Ok(accepted) = self.listener.accept().await {
                self.serve(accepted);
            }
        };
        // It ends in time or with the first error; the queue is emptied after either.
        drop(tokio::time::timeout(HANDOVER, rest).await);
    }

    /// A connection that is already there.
    async fn queued(&self) -> Option<(TcpStream, SocketAddr)> {
        std::future::poll_fn(|cx| match self.listener.poll_accept(cx) {
            std::task::Poll::Ready(accepted) => std::task::Poll::Ready(accepted.ok()),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }

    fn may_log(&self) -> bool {
        let now = self.worker.ticks.now();
        let may = self.last_logged.get().is_none_or(|last| now.saturating_sub(last) >= LOG_EVERY);
        if may {
            self.last_logged.set(Some(now));
        }
        may
    }
}

/// Whether only the connection at the head of the queue was bad.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
