//! HTTP/2 to a server: one connection, many requests at a time.
use super::stream::ServerStream;
use crate::base::io::TokioIo;
use crate::proxy::pool::SharedSender;
use hyper::client::conn::http2;
use std::future::Future;

/// Flow control windows, as large as needed for a fast server at some distance.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// Requests that are sent before the server has said how many it takes at a time. What it refuses would be a 500.
const UNASKED_STREAMS: usize = 1;
/// Largest answer head, as for HTTP/1.1.
const MAX_HEADER_LIST: u32 = 1024 * 1024;

/// Runs hyper's tasks on the worker's own thread.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        drop(tokio::task::spawn_local(task));
    }
}

/// Starts HTTP/2 on `stream`.
pub(in crate::proxy) async fn start(stream: ServerStream) -> hyper::Result<SharedSender> {
    let (sender, connection) = http2::Builder::new(LocalExecutor)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADER_LIST)
        .initial_max_send_streams(UNASKED_STREAMS)
        .handshake(TokioIo::new(stream))
        .await?;
    drop(tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::trace!(%error, "http/2 connection to server ended");
        }
    }));
    Ok(sender)
}
