//! The answers the proxy gives by itself: the one place that decides which failure has which status and body.
//!
//! Three shapes (spec/http.md 1.13 and 2.15): standard error bodies (`text/plain`, `nosniff`, line feed), bare ones for
//! failures behind us, and refusals of broken requests, which close the connection.
use super::body::AnswerBody;
use super::names::{CLOSE, NOSNIFF, TEXT_PLAIN};
use crate::proxy::entrypoint::Conn;
use crate::proxy::upstream::{ConnectError, error_chain};
use http::header::{CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use hyper::ext::ReasonPhrase;
use std::io;
use std::rc::Rc;

/// Why a request could not be forwarded.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    /// The load balancer has no usable server.
    #[error("no available server")]
    NoServer,
    /// Nobody knows how to speak to the server.
    #[error("unknown scheme")]
    UnknownScheme,
    /// The server could not be reached.
    #[error("server not reached")]
    Connect(#[source] Rc<ConnectError>),
    /// The connection had been closed before the request was sent, or before anything was answered.
    #[error("idle connection was closed")]
    Stale,
    /// The server closed the connection without an answer.
    #[error("server closed the connection before an answer")]
    Closed,
    /// The server took too long.
    #[error("no answer within the response header timeout")]
    AnswerLate,
    /// The server's answer is no HTTP, or no answer to this request.
    #[error("malformed answer")]
    Malformed,
    /// The client's body broke off or is malformed.
    #[error("client sent no whole body")]
    BodyBroken,
    /// The client's body took too long.
    #[error("client took too long to send the body")]
    BodyLate,
}

/// Whose doing a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The client's.
    Client,
    /// Ours, or our user's settings.
    Us,
    /// The server's.
    Upstream,
}

/// Where a request that failed may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// On another server: nothing of it was sent.
    Elsewhere,
    /// On a new connection to the same server.
    NewConnection,
    /// Nowhere: it may have had an effect.
    Never,
}

impl ForwardError {
    /// Whose doing it is.
    pub(crate) fn side(&self) -> Side {
        match self {
            Self::BodyBroken | Self::BodyLate => Side::Client,
            Self::UnknownScheme | Self::NoServer => Side::Us,
            Self::Connect(_) | Self::Stale | Self::Closed | Self::AnswerLate | Self::Malformed => Side::Upstream,
        }
    }

    /// Whether the request may be tried again.
    pub(crate) fn retry(&self) -> Retry {
        match self {
            Self::Connect(_) => Retry::Elsewhere,
            Self::Stale => Retry::NewConnection,
            _ => Retry::Never,
        }
    }

    /// Status and bare body (spec/http.md 2.15); [`ForwardError::NoServer`] has a standard body instead.
    fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoServer => (StatusCode::SERVICE_UNAVAILABLE, "no available server\n"),
            Self::Stale | Self::Closed => BAD_GATEWAY,
            Self::AnswerLate => GATEWAY_TIMEOUT,
            Self::BodyLate => (client_closed_request(), "Client Closed Request"),
            Self::UnknownScheme | Self::Malformed | Self::BodyBroken => INTERNAL_ERROR,
            Self::Connect(error) => match &**error {
                ConnectError::Timeout => GATEWAY_TIMEOUT,
                ConnectError::Connect(cause) | ConnectError::TlsClosed(cause) if is_timeout(cause) => GATEWAY_TIMEOUT,
                ConnectError::TlsRefused(_) | ConnectError::Tls(_) => INTERNAL_ERROR,
                ConnectError::Resolve { .. }
                | ConnectError::Connect(_)
                | ConnectError::TlsClosed(_)
                | ConnectError::Preface(_)
                | ConnectError::NoHttp2 => BAD_GATEWAY,
            },
        }
    }
}

const BAD_GATEWAY: (StatusCode, &str) = (StatusCode::BAD_GATEWAY, "Bad Gateway");
const GATEWAY_TIMEOUT: (StatusCode, &str) = (StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout");
const INTERNAL_ERROR: (StatusCode, &str) = (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");

fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

/// A request that is refused before routing although its head was read (spec/http.md 1.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// HTTP/1.1 without Host.
    NoHost,
    /// More than one Host.
    TwoHosts,
    /// A Host that is none.
    MalformedHost,
    /// A target that is neither a path nor a URL.
    BadTarget,
    /// A broken escape in the path.
    BadPath,
    /// A transfer coding that is not `chunked` alone.
    TransferEncoding,
    /// An expectation that is not `100-continue`.
    Expectation,
    /// More header lines than are served.
    TooManyHeaders,
}

impl Refused {
    fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::NoHost => (StatusCode::BAD_REQUEST, "400 Bad Request: missing required Host header"),
            Self::TwoHosts | Self::BadTarget | Self::BadPath => (StatusCode::BAD_REQUEST, "400 Bad Request"),
            Self::MalformedHost => (StatusCode::BAD_REQUEST, "400 Bad Request: malformed Host header"),
            Self::TransferEncoding => (StatusCode::NOT_IMPLEMENTED, "Unsupported transfer encoding"),
            Self::Expectation => (StatusCode::EXPECTATION_FAILED, ""),
            Self::TooManyHeaders => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "431 Request Header Fields Too Large")
            }
        }
    }
}

/// The answer to a request that is refused.
pub(super) fn refused(conn: &Rc<Conn>, refused: Refused) -> Response<AnswerBody> {
    let (status, text) = refused.answer();
    let mut response = bare(conn, status, text);
    response.headers_mut().insert(CONNECTION, CLOSE.clone());
    if !text.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, TEXT_PLAIN.clone());
    }
    if let Some((_, detail)) = text.split_once(": ") {
        let reason = format!("{}: {detail}", status.canonical_reason().unwrap_or_default());
        if let Ok(reason) = ReasonPhrase::try_from(reason) {
            response.extensions_mut().insert(reason);
        }
    }
    response
}

/// The answer to a request that could not be forwarded.
pub(super) fn failed(conn: &Rc<Conn>, error: &ForwardError) -> Response<AnswerBody> {
    let (status, text) = error.answer();
    if matches!(error, ForwardError::NoServer) {
        return standard(conn, status, text);
    }
    let mut response = bare(conn, status, text);
    if status.canonical_reason().is_none() {
        response.extensions_mut().insert(ReasonPhrase::from_static(b"status code 499"));
    }
    if error.side() == Side::Client {
        // What follows on this connection is the rest of a body nobody reads.
        response.headers_mut().insert(CONNECTION, CLOSE.clone());
    }
    response
}

/// No router: 404.
pub(super) fn not_found(conn: &Rc<Conn>) -> Response<AnswerBody> {
    standard(conn, StatusCode::NOT_FOUND, "404 page not found\n")
}

/// A router that must not serve: 503.
pub(super) fn closed(conn: &Rc<Conn>) -> Response<AnswerBody> {
    bare(conn, StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
}

/// No complete table yet: 503.
pub(super) fn unavailable(conn: &Rc<Conn>) -> Response<AnswerBody> {
    standard(conn, StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable\n")
}

/// A TLS connection that was made with other options than the router wants: 421 (spec/http.md 5.7).
pub(super) fn misdirected(conn: &Rc<Conn>) -> Response<AnswerBody> {
    standard(conn, StatusCode::MISDIRECTED_REQUEST, "Misdirected Request\n")
}

/// A request that the entry point is told to refuse: 400.
pub(super) fn bad_request(conn: &Rc<Conn>) -> Response<AnswerBody> {
    standard(conn, StatusCode::BAD_REQUEST, "Bad Request\n")
}

/// A path that the entry point is told to refuse: 400 without a body.
pub(super) fn bare_bad_request(conn: &Rc<Conn>) -> Response<AnswerBody> {
    bare(conn, StatusCode::BAD_REQUEST, "")
}

/// CONNECT: 501.
pub(super) fn not_implemented(conn: &Rc<Conn>) -> Response<AnswerBody> {
    let mut response = bare(conn, StatusCode::NOT_IMPLEMENTED, "");
    response.headers_mut().insert(CONNECTION, CLOSE.clone());
    response
}

/// `OPTIONS *`: 200 without a body.
pub(super) fn empty_ok(conn: &Rc<Conn>) -> Response<AnswerBody> {
    bare(conn, StatusCode::OK, "")
}

fn standard(conn: &Rc<Conn>, status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = bare(conn, status, text);
    response.headers_mut().insert(CONTENT_TYPE, TEXT_PLAIN.clone());
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, NOSNIFF.clone());
    response
}

/// An answer with this body and no word about its type.
pub(super) fn bare(conn: &Rc<Conn>, status: StatusCode, text: &'static str) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(text, conn));
    *response.status_mut() = status;
    response
}

/// An error with its causes in one line, for logs.
pub(super) fn causes(error: &ForwardError) -> String {
    error_chain(error)
}
