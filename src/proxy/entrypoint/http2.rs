//! HTTP/2 with a client: after ALPN chose it, or with prior knowledge on a plain connection (spec/http.md 2.14).
//!
//! hyper runs the connection and one task per stream. Each stream has a [`Conn`] of its own ([`Conn::stream`]), so that a
//! request is served, timed and counted as on HTTP/1.1; the connection's own [`Conn`] knows how many streams there are.
use super::EntryPoint;
use super::connection::{Conn, Order};
use super::wire::{ClientStream, Transport};
use crate::base::io::{LocalExecutor, TokioIo};
use crate::proxy::http;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

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

/// hyper's settings for the connections of one entry point.
pub(super) fn settings(entry: &EntryPoint) -> Builder<LocalExecutor> {
    let mut builder = Builder::new(LocalExecutor);
    builder
        .max_concurrent_streams(entry.choices.max_streams.unwrap_or(MAX_STREAMS))
        .max_header_list_size(u32::try_from(entry.max_head).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS);
    builder
}

/// Runs one connection to its end.
pub(super) async fn run<T: Transport>(io: T, conn: &Rc<Conn>, settings: &Builder<LocalExecutor>) {
    conn.multiplexes();
    let stream = TokioIo::new(ClientStream::new(io, conn.wire().clone()));
    let service = service_fn({
        let conn = conn.clone();
        move |request| http::serve_stream(conn.clone(), request)
    });
    let mut connection = pin!(settings.serve_connection(stream, service));
    let mut leaving = false;
    let ended = poll_fn(|cx| {
        match conn.order(cx.waker()) {
            Order::Cut => return Poll::Ready(Ok(())),
            Order::Close if !leaving => {
                // GOAWAY; the streams that are there are finished.
                leaving = true;
                conn.leaves();
                connection.as_mut().graceful_shutdown();
            }
            Order::Close | Order::Serve => {}
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(entrypoint = %conn.entry.name, peer = %conn.client.ip, %error, "client connection ended");
    }
}
