//! Bodies on their way through: streamed frame by frame with their trailers, never collected.
//!
//! Each side is read only when the other side has taken what was read before. A [`RequestBody`] tells its connection how
//! far it is; an [`AnswerBody`] gives the server's connection back when it has been read to its end, and tells the
//! client's connection when it is done with.
use super::headers::{Source, clean_trailers};
use super::strict;
use crate::proxy::entrypoint::connection::BodyState;
use crate::proxy::entrypoint::{ClientBody, Conn, ReceiveError};
use crate::proxy::pool::Lease;
use crate::proxy::pool::shared::Place;
use crate::proxy::upstream::h1::{self, Connection, Duplex, Tunnel};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The body of a request, as its connection gives it.
pub(crate) enum Received {
    /// There is none.
    Nothing,
    /// Over HTTP/1.1.
    Http1(ClientBody),
    /// Over HTTP/2.
    Http2(Incoming),
}

impl Body for Received {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Nothing => Poll::Ready(None),
            Self::Http1(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Http1),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(BodyError::Http2),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Http1(body) => body.is_end_stream(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Nothing => SizeHint::with_exact(0),
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}

/// The body of a request on its way to a server.
pub(crate) enum RequestBody {
    /// There is none.
    Empty,
    /// Read from the client.
    Client {
        /// Where it comes from.
        received: Received,
        /// Whose it is.
        conn: Rc<Conn>,
        /// Number of the request on its connection.
        request: u64,
    },
}

/// Why a request's body could not be read. All of it is the client's doing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The client sent a bad chunk or left.
    #[error("client sent no whole body")]
    Http1(#[source] ReceiveError),
    /// The same over HTTP/2.
    #[error("client sent no whole body")]
    Http2(#[source] hyper::Error),
    /// The read limit passed.
    #[error("client took too long to send the body")]
    Late,
}

impl RequestBody {
    /// The body `received` of a request on `conn`.
    pub(super) fn new(received: Received, conn: &Rc<Conn>) -> Self {
        if received.is_end_stream() {
            return Self::Empty;
        }
        Self::Client { received, conn: conn.clone(), request: conn.request_number() }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Client { .. } => "Client",
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Self::Client { received, conn, request } = self.get_mut() else { return Poll::Ready(None) };
        if conn.body() == BodyState::Late {
            return Poll::Ready(Some(Err(BodyError::Late)));
        }
        match Pin::new(&mut *received).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if received.is_end_stream() {
                    conn.set_body(*request, BodyState::Whole);
                }
                let source = if conn.client.is_trusted() { Source::Trusted } else { Source::Untrusted };
                let mut frame = cleaned(frame, source);
                if let (Some((names, _)), Some(trailers)) = (conn.entry.choices.odd_names, frame.trailers_mut()) {
                    // It is too late to refuse.
                    strict::delete_odd(trailers, names);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                conn.set_body(*request, BodyState::Abandoned);
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                conn.set_body(*request, BodyState::Whole);
                Poll::Ready(None)
            }
            Poll::Pending => {
                conn.park_body(cx.waker());
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Client { received, .. } => received.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client { received, .. } => received.size_hint(),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if let Self::Client { conn, request, .. } = self {
            // Without effect if it was read to its end.
            conn.set_body(*request, BodyState::Abandoned);
        }
    }
}

/// `frame`, without what may not stand in trailers if it is one of trailers.
fn cleaned(mut frame: Frame<Bytes>, source: Source) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        clean_trailers(trailers, source);
    }
    frame
}

/// The body of an answer on its way to the client.
pub(crate) struct AnswerBody {
    kind: Kind,
    conn: Rc<Conn>,
    /// Number of the request on its connection.
    request: u64,
}

enum Kind {
    Empty,
    /// All of it.
    Whole(Bytes),
    /// Read from a server whose connection may be used again.
    Server(Lease),
    /// Read from a server that still takes the request.
    Early(Duplex),
    /// Read over a connection that others use as well.
    Http2 {
        incoming: Incoming,
        /// Free again with the body.
        _place: Place,
    },
    /// What follows a 101.
    Tunnel(Box<Connection>),
    /// It is broken, and that has not been said yet.
    Broken(AnswerError),
}

/// Why an answer's body could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// Over HTTP/1.1.
    #[error("answer broken off")]
    Http1(#[source] h1::AnswerError),
    /// Over HTTP/2.
    #[error("answer broken off")]
    Http2(#[source] hyper::Error),
}

impl AnswerBody {
    /// `bytes`.
    pub(super) fn whole(bytes: impl Into<Bytes>, conn: &Rc<Conn>) -> Self {
        Self::new(Kind::Whole(bytes.into()), conn)
    }

    /// What a server sends over the connection `lease`.
    pub(super) fn server(lease: Lease, conn: &Rc<Conn>) -> Self {
        Self::new(Kind::Server(lease), conn)
    }

    /// What a server sends that has not taken the request whole.
    pub(super) fn early(duplex: Duplex, conn: &Rc<Conn>) -> Self {
        Self::new(Kind::Early(duplex), conn)
    }

    /// What a server sends over a shared connection.
    pub(super) fn shared(incoming: Incoming, place: Place, conn: &Rc<Conn>) -> Self {
        if incoming.is_end_stream() {
            return Self::new(Kind::Empty, conn);
        }
        Self::new(Kind::Http2 { incoming, _place: place }, conn)
    }

    /// Nothing; `connection` is for the tunnel.
    pub(super) fn tunnel(connection: Box<Connection>, conn: &Rc<Conn>) -> Self {
        Self::new(Kind::Tunnel(connection), conn)
    }

    /// The server's side of the tunnel, if there is one.
    pub(super) fn take_tunnel(&mut self) -> Option<Tunnel> {
        match std::mem::replace(&mut self.kind, Kind::Empty) {
            Kind::Tunnel(connection) => Some(connection.into_tunnel()),
            _ => None,
        }
    }

    fn new(kind: Kind, conn: &Rc<Conn>) -> Self {
        Self { kind, conn: conn.clone(), request: conn.request_number() }
    }

    /// The connection to the server, if the rest of the body stands on it alone.
    pub(crate) fn connection_mut(&mut self) -> Option<&mut Connection> {
        match &mut self.kind {
            Kind::Server(lease) => Some(lease.connection_mut()),
            _ => None,
        }
    }

    /// The body was taken from its connection to the end: that may serve again.
    pub(crate) fn let_go(&mut self) {
        if let Kind::Server(lease) = std::mem::replace(&mut self.kind, Kind::Empty) {
            lease.give_back();
        }
    }

    fn poll_server(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let Kind::Server(lease) = &mut self.kind else { return Poll::Ready(None) };
        let polled = ready!(lease.connection_mut().poll_body(cx));
        // An error drops the connection, as one that may not be used again.
        if (polled.is_none() || lease.connection().is_over())
            && let Kind::Server(lease) = std::mem::replace(&mut self.kind, Kind::Empty)
        {
            lease.give_back();
        }
        Poll::Ready(polled.map(|polled| polled.map_err(AnswerError::Http1)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = AnswerError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        let this = self.get_mut();
        let polled = match &mut this.kind {
            Kind::Empty | Kind::Tunnel(_) => return Poll::Ready(None),
            Kind::Broken(_) => match std::mem::replace(&mut this.kind, Kind::Empty) {
                Kind::Broken(error) => return Poll::Ready(Some(Err(error))),
                _ => return Poll::Ready(None),
            },
            Kind::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                this.kind = Kind::Empty;
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
            Kind::Server(_) => ready!(this.poll_server(cx)),
            Kind::Early(duplex) => ready!(duplex.poll_body(cx)).map(|polled| polled.map_err(AnswerError::Http1)),
            Kind::Http2 { incoming, .. } => {
                ready!(Pin::new(incoming).poll_frame(cx)).map(|polled| polled.map_err(AnswerError::Http2))
            }
        };
        match polled {
            Some(Ok(frame)) => Poll::Ready(Some(Ok(cleaned(frame, Source::Trusted)))),
            Some(Err(error)) => {
                // On HTTP/2 hyper drops what it has not written yet when it hears of an error: the next time, when it has.
                this.kind = Kind::Broken(error);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => true,
            Kind::Broken(_) => false,
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Server(lease) => lease.connection().is_over(),
            Kind::Early(duplex) => duplex.is_over(),
            Kind::Http2 { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => SizeHint::with_exact(0),
            Kind::Broken(_) => SizeHint::default(),
            Kind::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Kind::Server(lease) => lease.connection().size_hint(),
            Kind::Early(duplex) => duplex.size_hint(),
            Kind::Http2 { incoming, .. } => incoming.size_hint(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.conn.answered(self.request);
    }
}
