//! Sends a request to a server and, if that fails before anything was sent, to the next one.
//!
//! Three reasons to try again (spec/http.md 2.12, architecture.md 3, difference 5): the server could not be reached
//! (another one is picked, each once); the connection turns out to be closed before anything of the request was written (a
//! new one is made); a pooled one closes before any byte of the answer, and the request can be repeated without harm.
//! For that, a request stays where it is until the head of its answer is there.
use super::answer::{self, ForwardError, Retry};
use super::body::{AnswerBody, BodyError, Received, RequestBody};
use super::headers::{self, Seen};
use super::multiplexed::{over_shared, send_shared};
use super::names::{IDEMPOTENCY_KEY, UPGRADE as UPGRADE_TOKEN, X_IDEMPOTENCY_KEY};
use super::upgrade::Wish;
use super::{forwarded, upgrade};
use crate::model::plan::{HostHeader, Scheme};
use crate::proxy::balancer::{LiveBalancer, LiveServer, Tried};
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::BodyState;
use crate::proxy::pool::shared;
use crate::proxy::pool::{Lease, Peer};
use crate::proxy::upstream::connect::{Spoken, Wanted, connect};
use crate::proxy::upstream::h1::{Connection, Duplex, Failure, Head, Touched};
use crate::proxy::upstream::h2;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, SET_COOKIE, TRANSFER_ENCODING, UPGRADE};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use hyper::ext::ReasonPhrase;
use std::error::Error;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How often a request meets a closed connection of one server before it fails.
pub(super) const STALE_TRIES: usize = 3;

/// A request on its way to a load balancer.
pub(super) struct Forwarding {
    slot: Slot,
    balancer: Arc<LiveBalancer>,
    host: Option<HeaderValue>,
    upgrade: Option<Wish>,
}

impl Forwarding {
    /// `request` for `balancer`, with the host it named and the protocol it asked for.
    pub(super) fn new(
        conn: &Rc<Conn>,
        mut request: Request<Received>,
        balancer: Arc<LiveBalancer>,
        host: Option<HeaderValue>,
        protocol: Option<HeaderValue>,
    ) -> Self {
        if conn.entry.choices.listed.is_some() {
            headers::delete_spared(request.headers_mut());
        }
        let upgrade = protocol.map(|protocol| {
            let wish = Wish::new(conn, &mut request, protocol);
            request.headers_mut().insert(CONNECTION, UPGRADE_TOKEN.clone());
            request.headers_mut().insert(UPGRADE, wish.protocol().clone());
            wish
        });
        forwarded::append_client(request.headers_mut(), conn);
        *request.version_mut() = Version::HTTP_11;
        Self { slot: Some(request.map(|body| RequestBody::new(body, conn))), balancer, host, upgrade }
    }
}

/// Where a request is until its answer begins. It is there after a failure if it may be tried again. A place to lend
/// instead of a value to hand around: each level of futures would copy the request once more.
pub(super) type Slot = Option<Request<RequestBody>>;

pub(super) type Exchanged = Result<Response<AnswerBody>, ForwardError>;

/// The answer to a request.
pub(super) async fn forward(conn: &Rc<Conn>, forwarding: &mut Forwarding) -> Response<AnswerBody> {
    let Forwarding { slot, balancer, host, upgrade } = forwarding;
    let wanted = if upgrade.is_some() { Wanted::Http1 } else { Wanted::Any };
    let mut tried = Tried::new();
    let mut error = ForwardError::NoServer;
    let mut set_cookie = None;
    while let Some(request) = slot.as_mut()
        && let Some(picked) = balancer.pick(request.headers(), &tried)
    {
        if !tried.is_empty() {
            conn.worker.stats.retries.count();
        }
        address(request, picked.server, balancer.plan().options.host_header, host.as_ref());
        let peer = conn.worker.pools.peer(&picked.server.peer);
        error = match exchange(conn, &peer, slot, wanted).await {
            Ok(response) => return bound(finish(conn, response, upgrade.take()), picked.set_cookie),
            Err(error) => error,
        };
        set_cookie = picked.set_cookie;
        tracing::debug!(
            backend = %picked.server.server.url, side = ?error.side(), error = %answer::causes(&error), "request not forwarded"
        );
        if error.retry() != Retry::Elsewhere {
            break;
        }
        tried.insert(picked.index);
    }
    bound(answer::failed(conn, &error), set_cookie)
}

/// `response` with the cookie of the server that it is about. Failures carry it, too (spec/http.md 2.4).
fn bound(mut response: Response<AnswerBody>, set_cookie: Option<HeaderValue>) -> Response<AnswerBody> {
    if let Some(cookie) = set_cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Sets the Host header that `server` is to see.
fn address(request: &mut Request<RequestBody>, server: &LiveServer, policy: HostHeader, client: Option<&HeaderValue>) {
    // A server that was tried before may have been spoken to in HTTP/2, which names the host in the target.
    origin_form(request);
    let wanted = match (policy, client) {
        (HostHeader::Pass, Some(client)) => client,
        (HostHeader::Pass, None) | (HostHeader::OfServer, _) => &server.host_header,
    };
    if request.headers().get(HOST) != Some(wanted) {
        request.headers_mut().insert(HOST, wanted.clone());
    }
}

/// Paths that not every request takes are boxed: their state would have to be moved with each request (connecting, TLS and
/// HTTP/2 make it 5 kB; a test in `tests.rs` watches the size).
async fn exchange(conn: &Rc<Conn>, peer: &Rc<Peer>, slot: &mut Slot, wanted: Wanted) -> Exchanged {
    match (peer.key().scheme(), wanted) {
        (Scheme::Unknown(_), _) => Err(ForwardError::UnknownScheme),
        (Scheme::H2c, Wanted::Any) => Box::pin(over_shared(conn, peer, slot)).await,
        (Scheme::Https, Wanted::Any) if !shared::is_http1(peer) => Box::pin(over_shared(conn, peer, slot)).await,
        _ => over_own(conn, peer, slot, wanted).await,
    }
}

/// Whether the connection was closed before the request was sent, so that a new one will do.
pub(super) fn is_stale(error: &ForwardError, slot: &Slot) -> bool {
    slot.is_some() && error.retry() == Retry::NewConnection
}

/// Over a connection that serves one request at a time: a pooled one, else a new one.
pub(super) async fn over_own(conn: &Rc<Conn>, peer: &Rc<Peer>, slot: &mut Slot, wanted: Wanted) -> Exchanged {
    if let Some(connection) = peer.take() {
        conn.worker.stats.upstream_reuses.count();
        match send(conn, peer, connection, slot, Origin::Pool).await {
            Err(error) if is_stale(&error, slot) => {}
            done => return done,
        }
        conn.worker.stats.retries.count();
    }
    Box::pin(over_new(conn, peer, slot, wanted)).await
}

/// Over a connection that is made for the request.
async fn over_new(conn: &Rc<Conn>, peer: &Rc<Peer>, slot: &mut Slot, wanted: Wanted) -> Exchanged {
    let worker = &conn.worker;
    for _ in 0..STALE_TRIES {
        worker.stats.upstream_connects.count();
        let timeouts = peer.key().transport().timeouts();
        let unreachable = |error| ForwardError::Connect(Rc::new(error));
        let left = conn.time_to_connect(timeouts.dial);
        let (stream, spoken) = connect(peer.key(), left, wanted).await.map_err(unreachable)?;
        let sent = match spoken {
            Spoken::Http1 => {
                let connection = Box::new(Connection::new(stream, worker.buffers.clone()));
                send(conn, peer, connection, slot, Origin::New).await
            }
            // It spoke HTTP/1.1 when it was asked first.
            Spoken::Http2 => {
                let sender = h2::start(stream, timeouts).await.map_err(unreachable)?;
                send_shared(conn, peer, shared::adopt(peer, sender), slot).await
            }
        };
        match sent {
            Err(error) if is_stale(&error, slot) => {}
            done => return done,
        }
    }
    Err(ForwardError::Closed)
}

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It has served before; the server may just be closing it.
    Pool,
    /// It was made for this request.
    New,
}

/// One HTTP/1.1 exchange.
pub(super) async fn send(
    conn: &Rc<Conn>,
    peer: &Rc<Peer>,
    mut connection: Box<Connection>,
    slot: &mut Slot,
    origin: Origin,
) -> Exchanged {
    let Some(request) = slot else { return Err(ForwardError::Closed) };
    origin_form(request);
    connection.begin(request);
    let relay = |status, headers| conn.interim.relay(conn, status, headers);
    match answered(conn, peer, |cx| connection.poll_head(cx, request, relay)).await {
        Some(Ok(head)) => received(conn, peer, connection, slot, head),
        Some(Err(failure)) => {
            let error = meaning(conn, failure);
            let harmless = match connection.touched() {
                Touched::Nothing => true,
                Touched::Written => origin == Origin::Pool && is_repeatable(request),
                Touched::Body | Touched::Read => false,
            };
            Err(if harmless && matches!(error, ForwardError::Closed) { ForwardError::Stale } else { error })
        }
        None => Err(ForwardError::AnswerLate),
    }
}

/// The answer that begins with `head`. Mostly all of it is there, and the connection is free.
fn received(
    conn: &Rc<Conn>,
    peer: &Rc<Peer>,
    mut connection: Box<Connection>,
    slot: &mut Slot,
    head: Head,
) -> Exchanged {
    let body = if head.status == StatusCode::SWITCHING_PROTOCOLS {
        if connection.is_sending() {
            return Err(ForwardError::Malformed);
        }
        AnswerBody::tunnel(connection, conn)
    } else if let Some(whole) = connection.take_whole() {
        peer.put(connection);
        AnswerBody::whole(whole, conn)
    } else if connection.is_sending()
        && let Some(request) = slot.take()
    {
        AnswerBody::early(Duplex::start(connection, request.into_body()), conn)
    } else {
        AnswerBody::server(Lease::new(peer, connection), conn)
    };
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = head.headers;
    if let Some(reason) = head.reason {
        response.extensions_mut().insert(reason);
    }
    Ok(response)
}

/// Waits for the head of the answer, as long as the server may take for it: `None` if it takes longer. There is no timer:
/// the sweeper wakes this task when the time is over.
pub(super) async fn answered<T>(
    conn: &Conn,
    peer: &Peer,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    conn.await_answer(peer.key().transport().timeouts().response_header);
    let answered = std::future::poll_fn(|cx| match poll(cx) {
        Poll::Ready(answered) => Poll::Ready(Some(answered)),
        Poll::Pending if conn.is_answer_late() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    conn.answer_began();
    answered
}

/// What a failed HTTP/1.1 exchange means; see [`classify`] for the rule.
fn meaning(conn: &Conn, failure: Failure<BodyError>) -> ForwardError {
    if conn.body() == BodyState::Late {
        return ForwardError::BodyLate;
    }
    match failure {
        Failure::Body(BodyError::Late) => ForwardError::BodyLate,
        Failure::Body(BodyError::Http1(_) | BodyError::Http2(_)) => ForwardError::BodyBroken,
        Failure::Io(error) => broken(&error),
        Failure::Closed => ForwardError::Closed,
        Failure::Head(error) => {
            tracing::debug!(%error, "server's answer not understood");
            ForwardError::Malformed
        }
    }
}

/// What a failed HTTP/2 exchange means. Rule of spec/http.md 2.15: end of file and network errors are 502 (504 where they are
/// timeouts), the client's doing is 499 or 500, everything else is 500.
pub(super) fn classify(conn: &Conn, error: &hyper::Error) -> ForwardError {
    if conn.body() == BodyState::Late {
        return ForwardError::BodyLate;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(present) = cause {
        match present.downcast_ref::<BodyError>() {
            Some(BodyError::Late) => return ForwardError::BodyLate,
            Some(BodyError::Http1(_) | BodyError::Http2(_)) => return ForwardError::BodyBroken,
            None => {}
        }
        if let Some(io) = present.downcast_ref::<io::Error>() {
            return broken(io);
        }
        cause = present.source();
    }
    // hyper's end of file; the other kinds without an I/O error in them are about what the server sent.
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return ForwardError::Closed;
    }
    // A ping that was not answered.
    if error.is_timeout() {
        return ForwardError::AnswerLate;
    }
    ForwardError::Malformed
}

/// What it means that a connection broke.
fn broken(error: &io::Error) -> ForwardError {
    // Bytes that are no TLS; an alert, though, is the server's way to close.
    if let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        && !matches!(tls, rustls::Error::AlertReceived(_))
    {
        return ForwardError::Malformed;
    }
    if error.kind() == io::ErrorKind::TimedOut { ForwardError::AnswerLate } else { ForwardError::Closed }
}

/// Whether a request may be sent twice although the first one may have arrived (spec/http.md 2.12).
pub(super) fn is_repeatable(request: &Request<RequestBody>) -> bool {
    let headers = request.headers();
    is_bodyless(request)
        && (matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
            || headers.contains_key(&IDEMPOTENCY_KEY)
            || headers.contains_key(&X_IDEMPOTENCY_KEY))
}

/// Whether a request has no body, so that nothing of it is gone once it was sent.
pub(super) fn is_bodyless(request: &Request<RequestBody>) -> bool {
    matches!(request.body(), RequestBody::Empty)
}

/// HTTP/1.1 names the host in a header alone.
pub(super) fn origin_form(request: &mut Request<RequestBody>) {
    if request.uri().authority().is_none() {
        return;
    }
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(HOST, host);
    }
    if let Some(target) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(target);
    }
}

/// HTTP/2 names the host in the target alone, and knows no transfer codings.
pub(super) fn absolute_form(request: &mut Request<RequestBody>, peer: &Peer) -> Result<(), http::Error> {
    request.headers_mut().remove(TRANSFER_ENCODING);
    let Some(host) = request.headers_mut().remove(HOST) else { return Ok(()) };
    let scheme = if *peer.key().scheme() == Scheme::Https { "https" } else { "http" };
    let target = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(target).build()?;
    Ok(())
}

/// Makes a server's answer the client's.
fn finish(conn: &Rc<Conn>, mut response: Response<AnswerBody>, upgrade: Option<Wish>) -> Response<AnswerBody> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return upgrade::switch(conn, response, upgrade).unwrap_or_else(|error| answer::failed(conn, &error));
    }
    if response.headers().len() > headers::MOST_LINES {
        return answer::failed(conn, &ForwardError::Malformed);
    }
    let seen = Seen::among(response.headers());
    if seen.has_transfer_encoding() && !headers::is_chunked_alone(response.headers()) {
        // HTTP/2 knows none, and over HTTP/1.1 nobody could say where such a body ends.
        return answer::failed(conn, &ForwardError::Malformed);
    }
    headers::clean_answer(response.headers_mut(), seen);
    if response.status() == StatusCode::NOT_MODIFIED {
        // RFC 9110 15.4.5: no metadata of a representation that is not there; the reference drops it, too.
        response.headers_mut().remove(CONTENT_TYPE);
    }
    *response.version_mut() = Version::HTTP_11;
    if response.status().canonical_reason().is_none() && response.extensions().get::<ReasonPhrase>().is_none() {
        response.extensions_mut().insert(ReasonPhrase::from_static(b""));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::ServerState;
    use crate::model::plan::Server;
    use crate::proxy::balancer::PeerKey;

    fn live(host: &str) -> LiveServer {
        let url = format!("https://{host}:443").into();
        let server = Server { url, scheme: Scheme::Https, host: host.into(), port: 443, state: ServerState::Active };
        let peer = Arc::new(PeerKey::new(&server, &Arc::default()));
        LiveServer::new(server, peer)
    }

    #[test]
    fn after_a_server_that_speaks_http_2_the_next_one_is_called_by_its_own_name() {
        let mut request = Request::builder().uri("https://10.0.0.1/x?y").body(RequestBody::Empty).unwrap();
        let next = live("10.0.0.2");
        address(&mut request, &next, HostHeader::OfServer, Some(&HeaderValue::from_static("a.test")));
        origin_form(&mut request);
        assert_eq!(request.headers().get(HOST), Some(&next.host_header));
        assert_eq!(request.uri(), "/x?y");
    }
}
