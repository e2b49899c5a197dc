//! HTTP/2 with a client: after ALPN chose it, or with prior knowledge on a plain connection (spec/http.md 2.14).
//!
//! hyper runs the connection and one task per stream. Each stream has a [`Conn`] of its own ([`Conn::stream`]), so that a
//! request is served, timed and counted as on HTTP/1.1; the connection's own [`Conn`] knows how many streams there are.
//! [`StreamTasks`] puts each task under the orders of its stream: cut, it is dropped, which resets the stream and leaves
//! the others alone.
//!
//! Floods are bounded by h2: it answers a PING or SETTINGS before it reads on, so that whoever does not read is not read;
//! a block of headers in CONTINUATION frames has the size limit of any head; resets are counted, those of streams that
//! nobody has looked at by h2 (below), those of requests that a server is working on by [`Conn`]; the heads of all streams
//! and connections of a worker together have the bound of [`super::wire::Heads`].
use super::EntryPoint;
use super::connection::{Conn, Order};
use super::wire::{ClientStream, Transport};
use crate::base::io::TokioIo;
use crate::proxy::http;
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

mod frames;

pub(super) use frames::Frames;

/// Streams at a time (spec/http.md 4.2).
const MAX_STREAMS: u32 = 250;
/// What a client may send of bodies before they are taken: per stream, and per connection, which bounds its memory.
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of an answer that wait for the client, per stream.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client may reset before we have looked at them, and that we may have to reset because of its errors:
/// beyond these the connection ends (CVE-2023-44487, CVE-2025-8671).
const PENDING_RESETS: usize = 20;
const LOCAL_RESETS: usize = 256;

/// Runs the tasks of one connection's streams, on the thread they come from.
///
/// hyper asks the service for a stream's answer and hands its task over right after that: so the stream that began last
/// is the one that a task is for. Tasks without one are those that send what a tunnel has to say.
#[derive(Clone, Default)]
struct StreamTasks {
    began: Rc<Cell<Option<Rc<Conn>>>>,
}

impl<F: Future<Output = ()> + 'static> Executor<F> for StreamTasks {
    fn execute(&self, task: F) {
        match self.began.take() {
            Some(stream) => drop(tokio::task::spawn_local(obeying(stream, task))),
            None => drop(tokio::task::spawn_local(task)),
        }
    }
}

/// Runs the task of `stream` until it is done or cut. Cut before the answer it says so itself; after that it is dropped,
/// even if it waits for a client that does not read.
async fn obeying(stream: Rc<Conn>, task: impl Future<Output = ()>) {
    let mut task = pin!(task);
    poll_fn(|cx| {
        let order = stream.order(cx.waker());
        match task.as_mut().poll(cx) {
            Poll::Pending if order == Order::Cut => Poll::Ready(()),
            polled => polled,
        }
    })
    .await;
}

/// hyper's settings for a connection of this entry point.
fn settings(entry: &EntryPoint, tasks: StreamTasks) -> Builder<StreamTasks> {
    let mut builder = Builder::new(tasks);
    builder
        // WebSocket over a stream (RFC 8441).
        .enable_connect_protocol()
        .max_concurrent_streams(entry.choices.max_streams.unwrap_or(MAX_STREAMS))
        .max_header_list_size(u32::try_from(entry.max_head).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .header_table_size(entry.choices.decoder_table);
    builder
}

/// Runs one connection to its end.
pub(super) async fn run<T: Transport>(io: T, conn: &Rc<Conn>) {
    conn.multiplexes();
    let stream = TokioIo::new(ClientStream::new(io, conn.wire().clone()));
    let tasks = StreamTasks::default();
    let service = service_fn({
        let (conn, tasks) = (conn.clone(), tasks.clone());
        move |request| {
            let stream = Conn::stream(&conn);
            tasks.began.set(Some(stream.clone()));
            http::serve_stream(stream, request)
        }
    });
    let mut connection = pin!(settings(&conn.entry, tasks).serve_connection(stream, service));
    let mut leaving = false;
    let ended = poll_fn(|cx| {
        match conn.order(cx.waker()) {
            Order::Cut => return Poll::Ready(Ok(())),
            Order::Close | Order::Part if !leaving => {
                // GOAWAY; the streams that are there are finished.
                leaving = true;
                conn.leaves();
                connection.as_mut().graceful_shutdown();
            }
            Order::Part | Order::Close | Order::Serve => {}
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(entrypoint = %conn.entry.name, peer = %conn.client.ip, %error, "client connection ended");
    }
}
