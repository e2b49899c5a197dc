//! HTTP/1.1 with a client: one connection, one request at a time, driven by one task.
//!
//! Head ([`head`], or a [`refusal`]), then the request is served (`proxy/http`) with a [`body`] that reads from the
//! connection when it is asked to, then its [`answer`] leaves; if both came to their end and nobody wants to close, the
//! next head is read. [`exchange`] is what the task and the body share. There is no other task and no channel, an idle
//! connection holds no buffer, and the memory of a request's headers goes through the answer's into the next request's.
//!
//! The worker's sweeper and the drain give orders ([`Order`]): they are looked at before each step.
use super::connection::{BodyState, Conn, Order};
use crate::proxy::h1::Stream;
use crate::proxy::h1::lines::Keep;
use crate::proxy::http::{self, AnswerBody, Received};
use crate::proxy::tls::accept::Secure;
use ::http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use answer::{Asks, Framing, SendError, Sending, Shape};
use bytes::Bytes;
use exchange::{Exchange, Shared, Start};
use head::{Head, Length};
use refusal::Refusal;
use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::AsyncWrite;

mod answer;
mod body;
mod exchange;
mod head;
mod refusal;

pub(crate) use body::ClientBody;
pub(crate) use exchange::ReceiveError;
pub(crate) use head::RawTarget;

/// A client's connection.
pub(in crate::proxy) type ClientIo = Stream<Secure>;

/// How long, and for how many bytes, a closed connection is still read, so that the client gets to see its answer before
/// the kernel resets the connection over unread bytes.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES: usize = 256 * 1024;

/// What a client speaks that does not begin with HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// A TLS handshake.
    Tls,
    /// HTTP/2 with prior knowledge.
    Http2,
}

impl Other {
    /// The type of a TLS record that carries a handshake (RFC 8446 5.1). No method begins with it.
    const TLS_HANDSHAKE: u8 = 0x16;
    /// RFC 9113 3.4.
    const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// As much of it as no request begins with. The rest may still be on its way; HTTP/2 checks it.
    const HTTP2_SIGN: &[u8] = b"PRI * HTTP/2";

    fn of(read: &[u8]) -> Option<Self> {
        match read {
            [Self::TLS_HANDSHAKE, ..] => Some(Self::Tls),
            read if read.starts_with(Self::HTTP2_PREFACE) => Some(Self::Http2),
            read if read.starts_with(Self::HTTP2_SIGN) && Self::HTTP2_PREFACE.starts_with(read) => Some(Self::Http2),
            _ => None,
        }
    }
}

/// Whether a connection may turn out to speak something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    ToAll,
    ToHttp1,
}

/// Why a connection ends.
enum End {
    /// It was cut, or is broken, or the client left.
    Cut,
    /// All that was asked for was answered.
    Done,
    /// The last answer has left, but the client may still be sending.
    Unread,
    /// The head is refused.
    Refused(Refusal),
    /// It speaks another protocol.
    Tunnel(Response<AnswerBody>),
    /// It never spoke HTTP/1.1.
    Other(Other),
}

/// Runs one connection. What is left if the client speaks something else, with what was read of it.
pub(super) async fn serve(io: ClientIo, conn: &Rc<Conn>, open: Open) -> Option<(ClientIo, Bytes, Other)> {
    let exchange = Rc::new(RefCell::new(Exchange::new(io, conn.wire().clone(), &conn.worker.buffers)));
    // Boxed are the ends that not every connection comes to: each would hold the room for them all its life.
    match requests(conn, &exchange, open).await {
        End::Cut => {}
        End::Done => {
            // TLS has a message for the end, without which it would look cut off; a socket says it by being closed.
            if matches!(exchange.borrow().io, ClientIo::Tls(_)) {
                Box::pin(say_goodbye(&exchange)).await;
            }
        }
        End::Unread => Box::pin(linger(&exchange, None)).await,
        End::Refused(refusal) => Box::pin(linger(&exchange, Some(refusal))).await,
        End::Tunnel(response) => {
            if let Some(exchange) = Rc::into_inner(exchange) {
                let Exchange { io, inbox, .. } = exchange.into_inner();
                Box::pin(http::tunnel(conn, io, inbox.bytes.freeze(), response)).await;
            }
        }
        End::Other(other) => {
            let Exchange { io, inbox, .. } = Rc::into_inner(exchange)?.into_inner();
            return Some((io, inbox.bytes.freeze(), other));
        }
    }
    None
}

/// Closes a connection on which nothing is served, after what the client has sent: unread bytes would reset it.
pub(super) async fn dismiss(io: ClientIo, conn: &Conn) {
    let exchange = Rc::new(RefCell::new(Exchange::new(io, conn.wire().clone(), &conn.worker.buffers)));
    linger(&exchange, None).await;
}

/// Serves requests until there is a reason to end.
async fn requests(conn: &Rc<Conn>, exchange: &Shared, open: Open) -> End {
    let mut spare = HeaderMap::new();
    loop {
        let head = match next_head(conn, exchange, &mut spare, open).await {
            Ok(head) => head,
            Err(end) => return end,
        };
        let (shape, request) = taken(head, exchange);
        let mut serving = pin!(http::serve(conn.clone(), request));
        let served = poll_fn(|cx| {
            if conn.order(cx.waker()) == Order::Cut {
                return Poll::Ready(None);
            }
            match serving.as_mut().poll(cx) {
                Poll::Ready(Ok(response)) => Poll::Ready(Some(response)),
                Poll::Pending => {
                    let mut exchange = exchange.borrow_mut();
                    if let Some(interim) = conn.interim.take()
                        && shape.version == Version::HTTP_11
                    {
                        exchange.outbox.bytes().extend_from_slice(&interim);
                        // What of it does not leave now leaves before the answer.
                        drop(exchange.poll_out(cx));
                    }
                    exchange.poll_gone(cx).map(|()| None)
                }
            }
        });
        let Some(response) = served.await else { return End::Cut };
        if let Some(interim) = conn.interim.take()
            && shape.version == Version::HTTP_11
        {
            exchange.borrow_mut().outbox.bytes().extend_from_slice(&interim);
        }
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return switched(conn, exchange, response, shape).await;
        }
        match answered(conn, exchange, response, shape, &mut spare).await {
            // What is left of a body must never be taken for a request.
            Ok(Keep::Open) if conn.present_order() == Order::Serve && exchange.borrow().is_over() => {}
            Ok(_) if conn.present_order() == Order::Serve && exchange.borrow().has_read_all() => return End::Done,
            Ok(_) => return End::Unread,
            Err(error) => {
                if let Some(error) = error {
                    tracing::debug!(entrypoint = %conn.entry.name, peer = %conn.client.ip, %error, "client connection ended");
                }
                return End::Cut;
            }
        }
    }
}

/// The head of the next request.
async fn next_head(conn: &Conn, exchange: &Shared, spare: &mut HeaderMap, open: Open) -> Result<Head, End> {
    exchange.borrow_mut().resume();
    poll_fn(|cx| {
        let order = conn.order(cx.waker());
        let mut exchange = exchange.borrow_mut();
        if order == Order::Cut {
            // Inside the request line the client is told (spec/http.md 7, respondingTimeouts).
            let told = conn.is_head_late() && !exchange.inbox.bytes.contains(&b'\n');
            return Poll::Ready(Err(if told { End::Refused(Refusal::BAD_REQUEST) } else { End::Cut }));
        }
        match exchange.poll_head(cx, spare, conn.entry.max_head, open) {
            Poll::Ready(Start::Head(head)) => Poll::Ready(Ok(head)),
            Poll::Ready(Start::End) => Poll::Ready(Err(End::Done)),
            Poll::Ready(Start::Refused(refusal)) => Poll::Ready(Err(End::Refused(refusal))),
            Poll::Ready(Start::Other(other)) => Poll::Ready(Err(End::Other(other))),
            // A request that has begun is still served.
            Poll::Pending if order >= Order::Close && exchange.inbox.bytes.is_empty() => Poll::Ready(Err(End::Done)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// The request that begins with `head`, and what decides how it is answered.
fn taken(head: Head, exchange: &Shared) -> (Shape, Request<Received>) {
    let Head { method, uri, target, version, headers, length, keep, .. } = head;
    let asks = if method == Method::HEAD { Asks::HeadAlone } else { Asks::All };
    let body = match length {
        Length::Bytes(0) => Received::Nothing,
        _ => Received::Http1(ClientBody::of(exchange)),
    };
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = version;
    *request.headers_mut() = headers;
    if target == RawTarget::Odd {
        request.extensions_mut().insert(target);
    }
    (Shape { version, keep, asks }, request)
}

/// Sends an answer; what then becomes of the connection. Without an error in the error somebody else ended it.
async fn answered(
    conn: &Conn,
    exchange: &Shared,
    response: Response<AnswerBody>,
    mut shape: Shape,
    spare: &mut HeaderMap,
) -> Result<Keep, Option<SendError>> {
    if !exchange.borrow().is_over() {
        // A body that is alive is still being sent to a server that answers early: the end decides.
        let unwanted = Rc::strong_count(exchange) == 1;
        if unwanted && poll_fn(|cx| Poll::Ready(exchange.borrow_mut().drain(cx))).await {
            conn.set_body(conn.request_number(), BodyState::Whole);
        } else if unwanted {
            shape.keep = Keep::Close;
        }
    }
    exchange.borrow_mut().answers();
    let (parts, body) = response.into_parts();
    let date = conn.worker.date.at(&conn.worker.ticks);
    let (framing, keep) = answer::head(&parts, &body, shape, &date, exchange.borrow_mut().outbox.bytes());
    *spare = parts.headers;
    // Its values hold on to buffers; only its room is wanted.
    spare.clear();
    let mut sending = Sending::new(body, framing);
    poll_fn(|cx| {
        if conn.order(cx.waker()) == Order::Cut {
            return Poll::Ready(Err(None));
        }
        let mut exchange = exchange.borrow_mut();
        match sending.poll(cx, &mut exchange, &conn.worker) {
            Poll::Ready(sent) => {
                if sent.is_err() && framing == Framing::UntilClose {
                    exchange.ends_in_a_reset();
                }
                Poll::Ready(sent.map_err(Some))
            }
            Poll::Pending => exchange.poll_gone(cx).map(|()| Err(None)),
        }
    })
    .await?;
    conn.wire().flushed();
    Ok(keep)
}

/// Sends the head of a 101. What follows is no HTTP any more.
async fn switched(conn: &Conn, exchange: &Shared, response: Response<AnswerBody>, shape: Shape) -> End {
    let (parts, body) = response.into_parts();
    answer::head(&parts, &body, shape, b"", exchange.borrow_mut().outbox.bytes());
    let sent = poll_fn(|cx| match conn.order(cx.waker()) {
        Order::Cut => Poll::Ready(Err(std::io::ErrorKind::ConnectionAborted.into())),
        Order::Part | Order::Close | Order::Serve => exchange.borrow_mut().poll_out(cx),
    });
    match sent.await {
        Ok(()) => {
            exchange.borrow_mut().outbox.clear();
            End::Tunnel(Response::from_parts(parts, body))
        }
        Err(_) => End::Cut,
    }
}

/// Says that the connection ends, where that has to be said.
async fn say_goodbye(exchange: &Shared) {
    let said = poll_fn(|cx| Pin::new(&mut exchange.borrow_mut().io).poll_shutdown(cx));
    match tokio::time::timeout(LINGER, said).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!(%error, "client left without a goodbye"),
        Err(_) => tracing::trace!("client does not listen to a goodbye"),
    }
}

/// Sends the refusal, if there is one, and reads what the client is still sending for a short while.
async fn linger(exchange: &Shared, refusal: Option<Refusal>) {
    if let Some(refusal) = refusal {
        exchange.borrow_mut().outbox.bytes().extend_from_slice(&refusal.to_bytes());
    }
    let mut read = 0;
    let lingered = poll_fn(|cx| exchange.borrow_mut().poll_linger(cx, &mut read, LINGER_BYTES));
    match tokio::time::timeout(LINGER, lingered).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::trace!(%error, "client left before the end of its answer"),
        Err(_) => tracing::trace!("client kept sending after its answer"),
    }
}
