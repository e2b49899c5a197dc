//! Answers as bytes: status line, headers, framing, body.
//!
//! The framing is always ours: it follows from what is known of the body, so that what a server's headers said of length
//! and coding cannot differ from it (RFC 9112 6.3). A server that breaks off breaks the client's connection off, too, after
//! what it had sent.
use super::ClientIo;
use super::exchange::Exchange;
use crate::proxy::h1::chunks;
use crate::proxy::h1::lines::Keep;
use crate::proxy::h1::poll_turn;
use crate::proxy::h1::splice::{Pipe, WORTH};
use crate::proxy::http::{AnswerBody, AnswerError};
use crate::proxy::upstream::h1;
use crate::proxy::worker::Worker;
use ::http::header::{CONNECTION, CONTENT_LENGTH, DATE, TRAILER, TRANSFER_ENCODING};
use ::http::{HeaderMap, StatusCode, Version, response};
use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::ext::ReasonPhrase;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Bytes that pass from socket to socket before others have their turn.
const BURST: usize = 1 << 20;

/// What of a request decides how it is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) version: Version,
    pub(super) keep: Keep,
    pub(super) asks: Asks,
}

/// Whether the client wants a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// It does.
    All,
    /// It asked with HEAD.
    HeadAlone,
}

/// How the body of an answer is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// It has so many more bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// The end of the connection ends it, for clients that know no chunks.
    UntilClose,
}

/// Appends the head of an answer to `out`; how its body is framed, and what then becomes of the connection.
pub(super) fn head(
    parts: &response::Parts,
    body: &AnswerBody,
    shape: Shape,
    date: &[u8],
    out: &mut Vec<u8>,
) -> (Framing, Keep) {
    let status = parts.status;
    let framing = framing(status, body, shape);
    let switching = status == StatusCode::SWITCHING_PROTOCOLS;
    let mut keep = if framing == Framing::UntilClose { Keep::Close } else { shape.keep };
    status_line(parts, shape.version, out);
    let mut dated = switching;
    let bodiless = matches!(framing, Framing::Empty);
    // Of an answer without a body that could have had one: what it would have been.
    let length_may_stand = bodiless && (shape.asks == Asks::HeadAlone || status == StatusCode::NOT_MODIFIED);
    let mut has_length = false;
    for (name, value) in &parts.headers {
        match *name {
            CONNECTION if switching => chunks::line(name, value, out),
            CONNECTION => {
                if value.as_bytes().eq_ignore_ascii_case(b"close") {
                    keep = Keep::Close;
                }
            }
            CONTENT_LENGTH => {
                if length_may_stand {
                    has_length = true;
                    chunks::line(name, value, out);
                }
            }
            TRANSFER_ENCODING => {}
            TRAILER if framing != Framing::Chunked => {}
            DATE => {
                dated = true;
                chunks::line(name, value, out);
            }
            _ => chunks::line(name, value, out),
        }
    }
    match framing {
        Framing::Length(length) => chunks::content_length(length, out),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::UntilClose => {}
        Framing::Empty if has_length => {}
        Framing::Empty => {
            if let Some(length) = implied_length(status, body, shape) {
                chunks::content_length(length, out);
            }
        }
    }
    match (keep, shape.version) {
        _ if switching => {}
        (Keep::Close, Version::HTTP_10) | (Keep::Open, Version::HTTP_11) => {}
        (Keep::Close, _) => out.extend_from_slice(b"connection: close\r\n"),
        (Keep::Open, _) => out.extend_from_slice(b"connection: keep-alive\r\n"),
    }
    if !dated {
        out.extend_from_slice(b"date: ");
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    (framing, keep)
}

fn framing(status: StatusCode, body: &AnswerBody, shape: Shape) -> Framing {
    let never = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if never || shape.asks == Asks::HeadAlone || body.is_end_stream() {
        return Framing::Empty;
    }
    match (body.size_hint().exact(), shape.version) {
        (Some(length), _) => Framing::Length(length),
        (None, Version::HTTP_10) => Framing::UntilClose,
        (None, _) => Framing::Chunked,
    }
}

/// What is said of the length of a body that is not sent although nobody has said anything.
fn implied_length(status: StatusCode, body: &AnswerBody, shape: Shape) -> Option<u64> {
    let unsaid = status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    match shape.asks {
        _ if unsaid => None,
        // Our own answers know what they would be; of a server's, nothing is known.
        Asks::HeadAlone => body.size_hint().exact().filter(|length| *length > 0),
        Asks::All => Some(0),
    }
}

fn status_line(parts: &response::Parts, version: Version, out: &mut Vec<u8>) {
    let reason = parts.extensions.get::<ReasonPhrase>();
    if parts.status == StatusCode::OK && version == Version::HTTP_11 && reason.is_none() {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(if version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.extend_from_slice(parts.status.as_str().as_bytes());
    out.push(b' ');
    let usual = parts.status.canonical_reason().unwrap_or_default().as_bytes();
    out.extend_from_slice(reason.map_or(usual, ReasonPhrase::as_bytes));
    out.extend_from_slice(b"\r\n");
}

/// The body of an answer on its way.
pub(super) struct Sending {
    /// Until its end was taken.
    body: Option<AnswerBody>,
    framing: Framing,
    /// What went wrong, until all that came before it has left.
    failed: Option<SendError>,
    /// Through which the rest of the body passes.
    pipe: Option<Pipe>,
    /// Bytes that passed since others had their turn.
    burst: usize,
}

/// Why an answer has not left whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// The client's connection broke.
    #[error("connection to client broken")]
    Io(#[from] std::io::Error),
    /// The server broke off.
    #[error("answer broken off")]
    Body(#[source] AnswerError),
    /// It said how long the body is, and it is not.
    #[error("answer of another length than it says")]
    Length,
}

impl Sending {
    /// `body`, framed like this. One that is not sent is dropped.
    pub(super) fn new(body: AnswerBody, framing: Framing) -> Self {
        Self { body: (framing != Framing::Empty).then_some(body), framing, failed: None, pipe: None, burst: 0 }
    }

    /// Sends what there is of it. Ready when all of it has left.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        exchange: &mut Exchange,
        worker: &Worker,
    ) -> Poll<Result<(), SendError>> {
        let mut waiting = false;
        loop {
            // As much as is there leaves in one write.
            while !waiting
                && exchange.outbox.is_ready_for_more()
                && !self.passes(&exchange.io, worker)
                && let Some(body) = &mut self.body
            {
                let taken = match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let last = body.is_end_stream();
                        self.queue(frame, last, exchange)
                    }
                    Poll::Ready(Some(Err(error))) => Err(SendError::Body(error)),
                    Poll::Ready(None) => self.queue_end(&HeaderMap::new(), exchange),
                    Poll::Pending => {
                        waiting = true;
                        Ok(())
                    }
                };
                if let Err(error) = taken {
                    self.body = None;
                    self.failed = Some(error);
                }
            }
            if !exchange.outbox.is_empty() {
                ready!(exchange.outbox.poll_write(cx, &mut exchange.io))?;
                continue;
            }
            if self.pipe.is_some() {
                let passed = ready!(self.poll_pass(cx, &exchange.io));
                self.failed = passed.err();
                worker.stats.spliced.count();
                self.body = None;
                self.pipe = None;
            }
            if self.body.is_none() || waiting {
                exchange.outbox.clear();
                ready!(exchange.poll_out(cx))?;
            }
            if self.body.is_none() {
                return Poll::Ready(self.failed.take().map_or(Ok(()), Err));
            }
            if waiting {
                return Poll::Pending;
            }
        }
    }

    /// Whether the rest of the body need not be looked at: it goes from socket to socket, and is worth a pipe.
    fn passes(&mut self, io: &ClientIo, worker: &Worker) -> bool {
        if self.pipe.is_some() {
            return true;
        }
        let (Framing::Length(wanted @ WORTH..), ClientIo::Plain(_)) = (self.framing, io) else { return false };
        let connection = self.body.as_mut().and_then(AnswerBody::connection_mut);
        if connection.and_then(|connection| connection.plain_rest()).is_some_and(|(_, left)| left == wanted) {
            self.pipe = worker.pipes.take();
        }
        self.pipe.is_some()
    }

    /// Lets the rest of the body pass. Ready when all of it has left.
    fn poll_pass(&mut self, cx: &mut Context<'_>, io: &ClientIo) -> Poll<Result<(), SendError>> {
        let (Some(pipe), Some(body), ClientIo::Plain(client)) = (&mut self.pipe, &mut self.body, io) else {
            return Poll::Ready(Err(SendError::Length));
        };
        loop {
            ready!(pipe.poll_drain(cx, client))?;
            ready!(poll_turn(cx, &mut self.burst, BURST));
            let Some(connection) = body.connection_mut() else { return Poll::Ready(Err(SendError::Length)) };
            let Some((server, left)) = connection.plain_rest() else { break };
            let broken = |error| SendError::Body(AnswerError::Http1(error));
            match ready!(pipe.poll_fill(cx, server, left)) {
                Ok(0) => return Poll::Ready(Err(broken(h1::AnswerError::Closed))),
                Ok(count) => {
                    connection.took(count);
                    self.burst += count;
                }
                Err(error) => return Poll::Ready(Err(broken(h1::AnswerError::Io(error)))),
            }
        }
        body.let_go();
        Poll::Ready(Ok(()))
    }

    fn queue(&mut self, frame: Frame<Bytes>, last: bool, exchange: &mut Exchange) -> Result<(), SendError> {
        let data = match frame.into_data() {
            Ok(data) if data.is_empty() && !last => return Ok(()),
            Ok(data) => data,
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => return self.queue_end(&trailers, exchange),
                Err(_) => return Ok(()),
            },
        };
        let mut tail: &[u8] = b"";
        match &mut self.framing {
            Framing::Length(left) => {
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                *left = left.checked_sub(length).ok_or(SendError::Length)?;
                if last && *left > 0 {
                    return Err(SendError::Length);
                }
            }
            Framing::Chunked if data.is_empty() => return self.queue_end(&HeaderMap::new(), exchange),
            Framing::Chunked => {
                chunks::chunk_size(data.len(), exchange.outbox.bytes());
                tail = if last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
            }
            Framing::UntilClose => {}
            Framing::Empty => return Ok(()),
        }
        if last || self.framing == Framing::Length(0) {
            self.body = None;
        }
        exchange.outbox.push(data);
        if !tail.is_empty() {
            exchange.outbox.bytes().extend_from_slice(tail);
        }
        Ok(())
    }

    /// The body is over.
    fn queue_end(&mut self, trailers: &HeaderMap, exchange: &mut Exchange) -> Result<(), SendError> {
        self.body = None;
        match self.framing {
            Framing::Length(1..) => Err(SendError::Length),
            Framing::Chunked => {
                chunks::last_chunk(trailers, |_| true, exchange.outbox.bytes());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
