//! One request of an HTTP/2 connection: brought into the form that the rest of the way expects, which is that of
//! HTTP/1.1, and served on a [`Conn`] of its own. WebSocket over a stream is [`super::extended`]'s.
use super::answer::Refused;
use super::extended::Extended;
use super::names::CHUNKED;
use super::{AnswerBody, Received};
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::Order;
use http::header::{CONTENT_LENGTH, COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// The stream was cut: it took longer than it may, or the process ends.
#[derive(Debug, thiserror::Error)]
#[error("stream cut")]
pub(crate) struct StreamCut;

/// Serves the request of the stream `conn`.
pub(crate) async fn serve_stream(
    conn: Rc<Conn>,
    mut request: Request<Incoming>,
) -> Result<Response<AnswerBody>, StreamCut> {
    // hyper has made room for it, and holds it nowhere else.
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if conn.wire().hold(u64::try_from(head).unwrap_or(u64::MAX)).is_err() {
        return Ok(super::answer::refused(&conn, Refused::TooManyHeaders));
    }
    join_cookies(request.headers_mut());
    frame(&mut request);
    let extended = Extended::of(&mut request);
    let mut serving = pin!(super::serve(conn.clone(), request.map(Received::Http2)));
    let response = poll_fn(|cx| match conn.order(cx.waker()) {
        Order::Cut => Poll::Ready(Err(StreamCut)),
        Order::Part | Order::Close | Order::Serve => serving.as_mut().poll(cx).map(|Ok(response)| Ok(response)),
    })
    .await?;
    Ok(match extended {
        Some(extended) => extended.answered(&conn, response),
        None => response,
    })
}

/// HTTP/2 may split cookies over lines, HTTP/1.1 may not (RFC 9113 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// A body without length is chunked in HTTP/1.1. Without the header hyper would leave that of a GET out.
fn frame(request: &mut Request<Incoming>) {
    if !request.body().is_end_stream() && !request.headers().contains_key(CONTENT_LENGTH) {
        request.headers_mut().insert(TRANSFER_ENCODING, CHUNKED.clone());
    }
}
