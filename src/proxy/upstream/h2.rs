//! HTTP/2 to a server: one connection, many requests at a time.
use super::ConnectError;
use super::connect::HANDSHAKE_TIMEOUT;
use super::stream::{Greeted, ServerStream};
use crate::base::io::{LocalExecutor, TokioIo, TokioTimer};
use crate::model::transport::ForwardingTimeouts;
use crate::proxy::http::RequestBody;
use crate::proxy::pool::SharedSender;
use hyper::client::conn::http2;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use tokio::sync::oneshot;

/// Flow control windows, as large as needed for a fast server at some distance.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// Requests that are sent before the server has said how many it takes at a time.
const UNASKED_STREAMS: usize = 1;
/// Largest answer head, as for HTTP/1.1.
const MAX_HEADER_LIST: u32 = 1024 * 1024;

type Connection = http2::Connection<TokioIo<Greeted>, RequestBody, LocalExecutor>;

/// An HTTP/2 connection. It ends when the last of its senders is dropped and the last answer has been read.
#[derive(Debug)]
pub(in crate::proxy) struct Http2 {
    /// Sends requests; cloned for each of them.
    pub(in crate::proxy) sender: SharedSender,
    /// Belongs to the task that drives it.
    connection: Weak<RefCell<Connection>>,
}

impl Http2 {
    /// Whether it takes no more requests.
    pub(in crate::proxy) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.connection.strong_count() == 0
    }

    /// How many requests the server takes at a time.
    pub(in crate::proxy) fn most_requests(&self) -> usize {
        let connection = self.connection.upgrade();
        connection.and_then(|it| it.try_borrow().ok().map(|it| it.current_max_send_streams())).unwrap_or(0)
    }
}

/// Starts HTTP/2 on `stream`. Returns when the server's settings are there, which are the first thing it has to say
/// (RFC 9113 3.4): from then on it is known how many requests it takes at a time.
pub(in crate::proxy) async fn start(
    stream: ServerStream,
    timeouts: &ForwardingTimeouts,
) -> Result<Http2, ConnectError> {
    let (greeting, greeted) = oneshot::channel();
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_max_send_streams(UNASKED_STREAMS);
    if let Some(silence) = timeouts.read_idle {
        let pinged = builder.timer(TokioTimer::new()).keep_alive_interval(silence).keep_alive_timeout(timeouts.ping);
        pinged.keep_alive_while_idle(true);
    }
    let handshake = builder.handshake(TokioIo::new(Greeted::new(stream, greeting)));
    let (sender, connection) = handshake.await.map_err(ConnectError::Preface)?;
    let connection = Rc::new(RefCell::new(connection));
    let http2 = Http2 { sender, connection: Rc::downgrade(&connection) };
    drop(tokio::task::spawn_local(async move {
        let driven = std::future::poll_fn(|cx| Pin::new(&mut *connection.borrow_mut()).poll(cx));
        if let Err(error) = driven.await {
            tracing::trace!(%error, "http/2 connection to server ended");
        }
    }));
    let greeted = tokio::time::timeout(HANDSHAKE_TIMEOUT, greeted).await;
    // What was said is understood by now, since hyper reads and understands in one go; if it was no HTTP/2, the task that
    // sends learns of it in its next turn. Should it be later than us, the first request is handed back.
    tokio::task::yield_now().await;
    match greeted {
        Ok(Ok(())) if !http2.is_closed() => Ok(http2),
        Ok(_) => Err(ConnectError::NoHttp2),
        Err(_) => Err(ConnectError::Timeout),
    }
}
