//! What the connection's task and the body of its present request share: the stream, what was read from it and what has
//! not left yet, and where in the request the next byte stands.
//!
//! Both are mostly polled by one task. When an answer came before its request was sent whole, another task reads the rest
//! of the body (`upstream/h1/duplex.rs`): nothing here is held over a wait.
use super::head::{self, Expects, Head, Length, Parsed};
use super::refusal::Refusal;
use super::{ClientIo, Open, Other};
use crate::proxy::entrypoint::wire::Wire;
use crate::proxy::h1::chunked::{ChunkError, Chunked, Found};
use crate::proxy::h1::inbox::MAX_READ;
use crate::proxy::h1::{Buffers, Inbox, Outbox, buffers, may_hold_head, poll_turn};
use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::AsyncWrite;

/// Bytes read after which others have their turn.
const BURST: usize = 64 << 10;
/// Most empty lines before a head.
const MOST_EMPTY_LINES: usize = 8;
/// Most bytes of a body nobody wants that are read so that the connection can serve on.
const DRAINED: usize = 64 << 10;

/// An exchange that is shared.
pub(super) type Shared = Rc<RefCell<Exchange>>;

/// See the module's page.
pub(super) struct Exchange {
    pub(super) io: ClientIo,
    wire: Arc<Wire>,
    pub(super) inbox: Inbox,
    pub(super) outbox: Outbox,
    receiving: Receiving,
    expects: Expects,
    /// How much of the inbox is known to hold no end of a head.
    searched: usize,
    /// Empty lines before the present head.
    empty_lines: usize,
    /// Counts requests, so that a body which outlives its own takes nothing of the next.
    request: u64,
    /// Bytes read since others had their turn.
    burst: usize,
}

/// Where in the request the next byte stands.
enum Receiving {
    Length(u64),
    Chunked(Chunked),
    Over,
    /// What came is no body. Nothing after it can be understood.
    Broken,
}

/// Why the body of a request cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// The connection broke.
    #[error("connection to client broken")]
    Io(#[source] io::Error),
    /// The client closed it before the end.
    #[error("client left")]
    Closed,
    /// The chunks are none.
    #[error("broken chunk from client")]
    Chunk(#[source] ChunkError),
    /// The request is over.
    #[error("request is over")]
    Over,
}

/// What comes where a head is expected.
#[allow(clippy::large_enum_variant, reason = "it is taken apart where it is made; a box would cost an allocation")]
pub(super) enum Start {
    /// A request.
    Head(Head),
    /// Nothing, or not all of a head.
    End,
    /// Something that is refused.
    Refused(Refusal),
    /// Another protocol.
    Other(Other),
}

impl Exchange {
    /// Nothing was read from `io` yet.
    pub(super) fn new(io: ClientIo, wire: Arc<Wire>, buffers: &Rc<Buffers>) -> Self {
        Self {
            io,
            wire,
            inbox: Inbox::new(buffers.clone()),
            outbox: Outbox::new(buffers.clone()),
            receiving: Receiving::Over,
            expects: Expects::Nothing,
            searched: 0,
            empty_lines: 0,
            request: 0,
            burst: 0,
        }
    }

    /// Number of the present request.
    pub(super) fn request(&self) -> u64 {
        self.request
    }

    /// Reads about `wanted` bytes at most.
    fn poll_read(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        ready!(poll_turn(cx, &mut self.burst, BURST));
        match self.inbox.poll_fill(cx, &mut self.io, wanted) {
            Poll::Ready(Ok(count)) if count > 0 => {
                self.burst += count;
                self.wire.on_read(count)?;
                Poll::Ready(Ok(count))
            }
            none => {
                self.burst = 0;
                none
            }
        }
    }

    /// Reads some bytes where a head is expected. 0 is the end of the stream.
    pub(super) fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let wanted = self.inbox.bytes.len().clamp(buffers::READ, MAX_READ);
        self.poll_read(cx, wanted)
    }

    /// Takes note that bytes of the next head are there already.
    pub(super) fn resume(&mut self) {
        let early = self.inbox.bytes.len();
        // Too many heads in memory is said with the next bytes.
        if early > 0 && self.wire.on_read(early).is_err() {
            tracing::trace!("no room for a head that came early");
        }
    }

    /// The head of the next request, of `limit` bytes at most.
    pub(super) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        spare: &mut HeaderMap,
        limit: usize,
        open: Open,
    ) -> Poll<Start> {
        loop {
            if self.request == 0
                && open == Open::ToAll
                && let Some(other) = Other::of(&self.inbox.bytes)
            {
                return Poll::Ready(Start::Other(other));
            }
            if !self.skip_empty_lines() {
                return Poll::Ready(Start::Refused(Refusal::BAD_REQUEST));
            }
            if may_hold_head(&self.inbox.bytes, self.searched) {
                match head::parse(&mut self.inbox.bytes, spare, limit) {
                    Ok(Parsed::Whole(head)) => {
                        self.inbox.release();
                        return Poll::Ready(self.begin(head));
                    }
                    Ok(Parsed::Partial) => self.searched = self.inbox.bytes.len(),
                    Err(refusal) => return Poll::Ready(Start::Refused(refusal)),
                }
            }
            if self.inbox.bytes.len() >= limit {
                return Poll::Ready(Start::Refused(Refusal::TOO_LARGE));
            }
            match ready!(self.poll_more(cx)) {
                Ok(0) | Err(_) => return Poll::Ready(Start::End),
                Ok(_) => {}
            }
        }
    }

    /// Takes off empty lines before a head (RFC 9112 2.2). Whether there are not too many of them.
    fn skip_empty_lines(&mut self) -> bool {
        loop {
            let length = match &self.inbox.bytes[..] {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => return true,
            };
            self.inbox.bytes.advance(length);
            self.inbox.release();
            self.searched = self.searched.saturating_sub(length);
            self.empty_lines += 1;
            if self.empty_lines > MOST_EMPTY_LINES {
                return false;
            }
        }
    }

    fn begin(&mut self, head: Head) -> Start {
        debug_assert!(self.is_over(), "what is left of a body would be taken for a request");
        self.searched = 0;
        self.empty_lines = 0;
        self.request += 1;
        self.expects = head.expects;
        self.receiving = match head.length {
            Length::Bytes(0) => Receiving::Over,
            Length::Bytes(length) => Receiving::Length(length),
            Length::Chunked => Receiving::Chunked(Chunked::new()),
        };
        Start::Head(head)
    }

    /// Whether the request was read to its end.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.receiving, Receiving::Over)
    }

    /// The same, and the client has sent nothing after it as far as is known.
    pub(super) fn has_read_all(&self) -> bool {
        self.is_over() && self.inbox.bytes.is_empty()
    }

    /// The final answer begins: it is too late to ask for the body.
    pub(super) fn answers(&mut self) {
        self.expects = Expects::Nothing;
    }

    /// The end of the connection must not look like the end of an answer that only that would end.
    pub(super) fn ends_in_a_reset(&self) {
        if let ClientIo::Plain(tcp) = &self.io
            && let Err(error) = socket2::SockRef::from(tcp).set_linger(Some(Duration::ZERO))
        {
            tracing::debug!(%error, "a broken answer looks whole");
        }
    }

    /// How much of the body is to come.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self.receiving {
            Receiving::Length(left) => SizeHint::with_exact(left),
            Receiving::Over => SizeHint::with_exact(0),
            Receiving::Chunked(_) | Receiving::Broken => SizeHint::default(),
        }
    }

    /// The next part of the body. After `None` or an error there is no more.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReceiveError>>> {
        if self.expects == Expects::Continue {
            self.expects = Expects::Nothing;
            if self.inbox.bytes.is_empty() {
                self.outbox.bytes().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                // What of it does not leave now leaves before the answer.
                drop(self.poll_out(cx));
            }
        }
        loop {
            match self.next_frame() {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if self.is_over() => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(error)))),
            }
            let wanted = self.appetite();
            match ready!(self.poll_read(cx, wanted)) {
                Ok(0) => return Poll::Ready(Some(Err(self.fail(ReceiveError::Closed)))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(ReceiveError::Io(error))))),
            }
        }
    }

    fn fail(&mut self, error: ReceiveError) -> ReceiveError {
        self.receiving = Receiving::Broken;
        error
    }

    /// How much to read at once: little more than the body has left, so that a short read says that there is no more now.
    fn appetite(&self) -> usize {
        match self.receiving {
            Receiving::Length(left) => usize::try_from(left).unwrap_or(MAX_READ).min(self.inbox.pace() - 1) + 1,
            _ => self.inbox.pace(),
        }
    }

    /// What of the body is in the inbox.
    fn next_frame(&mut self) -> Result<Option<Frame<Bytes>>, ReceiveError> {
        let read = &mut self.inbox.bytes;
        let found = match &mut self.receiving {
            Receiving::Length(left) if !read.is_empty() => {
                let count = usize::try_from(*left).map_or(read.len(), |left| left.min(read.len()));
                *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.receiving = Receiving::Over;
                }
                Some(Frame::data(read.split_to(count).freeze()))
            }
            Receiving::Chunked(chunked) => match chunked.next(read).map_err(ReceiveError::Chunk)? {
                Found::Data(data) => Some(Frame::data(data)),
                Found::Nothing => None,
                Found::End(trailers) => {
                    self.receiving = Receiving::Over;
                    trailers.map(Frame::trailers)
                }
            },
            Receiving::Broken => return Err(ReceiveError::Closed),
            Receiving::Length(_) | Receiving::Over => None,
        };
        self.inbox.release();
        Ok(found)
    }

    /// Reads what is there of a body that nobody wants, if it is not much. Whether that was all of it.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) -> bool {
        // A client that waits to be told to send will not send, or will: only the next connection can be sure.
        if self.expects == Expects::Continue {
            return self.is_over();
        }
        let mut drained = 0;
        while !self.is_over() && drained <= DRAINED {
            match self.poll_body(cx) {
                Poll::Ready(Some(Ok(frame))) => drained += frame.data_ref().map_or(0, Bytes::len),
                Poll::Ready(None) => break,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
            }
        }
        self.is_over()
    }

    /// Whether the client has left while its request is served. What it sends meanwhile is kept for later.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_over() || !self.inbox.bytes.is_empty() {
            return Poll::Pending;
        }
        match self.poll_read(cx, buffers::READ) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(_)) | Poll::Pending => Poll::Pending,
        }
    }

    /// Writes what waits, says that there is no more, and reads what comes: until the client has closed, or so many bytes.
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>, read: &mut usize, most: usize) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx))?;
        ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
        while *read < most {
            self.inbox.bytes.clear();
            match ready!(self.inbox.poll_fill(cx, &mut self.io, buffers::READ))? {
                0 => break,
                count => *read += count,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what waits. Ready when all has left.
    pub(super) fn poll_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outbox.is_empty() {
            ready!(self.outbox.poll_write(cx, &mut self.io))?;
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }
}
