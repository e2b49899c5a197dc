//! Bodies on their way through: streamed frame by frame with their trailers, never collected.
//!
//! Back-pressure comes with hyper: it reads from one side only what the other side has taken. A [`RequestBody`] tells its
//! connection how far it is; an [`AnswerBody`] gives the server's connection back when it has been read to its end, and
//! tells the client's connection when it is done with.
use super::headers::{Source, clean_trailers};
use super::strict;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::BodyState;
use crate::proxy::pool::Lease;
use crate::proxy::pool::shared::Place;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The body of a request on its way to a server.
pub(crate) enum RequestBody {
    /// There is none.
    Empty,
    /// Read from the client.
    Client {
        /// hyper's side of it.
        incoming: Incoming,
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
    Broken(#[source] hyper::Error),
    /// The read limit passed.
    #[error("client took too long to send the body")]
    Late,
}

impl RequestBody {
    /// The body `incoming` of a request on `conn`.
    pub(super) fn new(incoming: Incoming, conn: &Rc<Conn>) -> Self {
        if incoming.is_end_stream() {
            return Self::Empty;
        }
        Self::Client { incoming, conn: conn.clone(), request: conn.request_number() }
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
        let Self::Client { incoming, conn, request } = self.get_mut() else { return Poll::Ready(None) };
        if conn.body() == BodyState::Late {
            return Poll::Ready(Some(Err(BodyError::Late)));
        }
        match Pin::new(&mut *incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                if incoming.is_end_stream() {
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
                Poll::Ready(Some(Err(BodyError::Broken(error))))
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
            Self::Client { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Client { incoming, .. } => incoming.size_hint(),
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
    /// Ours.
    Whole(Bytes),
    /// Read from a server; the lease is there until the end was read, if the connection may be used again.
    Server {
        incoming: Incoming,
        lease: Option<Lease>,
    },
    /// Read from a server over a connection that others use as well.
    Shared {
        incoming: Incoming,
        /// Free again with the body.
        _place: Place,
    },
}

impl AnswerBody {
    /// `bytes`.
    pub(super) fn whole(bytes: impl Into<Bytes>, conn: &Rc<Conn>) -> Self {
        Self::new(Kind::Whole(bytes.into()), conn)
    }

    /// What a server sends over a shared connection.
    pub(super) fn shared(incoming: Incoming, place: Place, conn: &Rc<Conn>) -> Self {
        if incoming.is_end_stream() {
            return Self::new(Kind::Empty, conn);
        }
        Self::new(Kind::Shared { incoming, _place: place }, conn)
    }

    /// What a server sends. `lease` is its connection, if that can be used again.
    pub(super) fn server(incoming: Incoming, lease: Option<Lease>, conn: &Rc<Conn>) -> Self {
        if !incoming.is_end_stream() {
            return Self::new(Kind::Server { incoming, lease }, conn);
        }
        if let Some(lease) = lease {
            lease.give_back();
        }
        Self::new(Kind::Empty, conn)
    }

    fn new(kind: Kind, conn: &Rc<Conn>) -> Self {
        Self { kind, conn: conn.clone(), request: conn.request_number() }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        match &mut this.kind {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(_) => match std::mem::replace(&mut this.kind, Kind::Empty) {
                Kind::Whole(bytes) if !bytes.is_empty() => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Kind::Server { incoming, lease } => {
                let polled = std::task::ready!(Pin::new(&mut *incoming).poll_frame(cx));
                // A connection is given back when its answer is over, and no earlier: an error drops it with the body.
                let over = match &polled {
                    None => true,
                    Some(Ok(_)) => incoming.is_end_stream(),
                    Some(Err(_)) => false,
                };
                if over && let Some(lease) = lease.take() {
                    lease.give_back();
                }
                Poll::Ready(polled.map(|polled| polled.map(|frame| cleaned(frame, Source::Trusted))))
            }
            Kind::Shared { incoming, .. } => Pin::new(incoming)
                .poll_frame(cx)
                .map(|polled| polled.map(|polled| polled.map(|frame| cleaned(frame, Source::Trusted)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty => true,
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Server { incoming, .. } | Kind::Shared { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            Kind::Server { incoming, .. } | Kind::Shared { incoming, .. } => incoming.size_hint(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.conn.answered(self.request);
    }
}
