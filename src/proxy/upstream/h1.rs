//! HTTP/1.1 to a server: one connection, one exchange at a time, driven by whoever waits for the answer.
//!
//! There is no task and no channel: [`Connection`] is a state machine that is polled by the task of the request, later by
//! that of the answer's body. Its two halves are `sending` (head, body, done) and `receiving` (head, body, over); it may
//! serve again if both came to their end, nothing was read beyond it, and the server keeps it open
//! ([`Connection::is_reusable`]). [`encode`], [`head`] and [`chunked`] know the bytes, [`duplex`] is for answers that come
//! before their requests were sent whole, [`tunnel`] for what follows a 101.
use super::stream::ServerStream;
use bytes::{Buf, Bytes, BytesMut};
use chunked::{ChunkError, Chunked, Found};
use encode::Framing;
use head::{HeadError, Keep, Length, MAX_HEAD, Parsed};
use http::{HeaderMap, Request};
use http_body::{Body, Frame, SizeHint};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncReadExt, AsyncWrite};

mod buffers;
mod chunked;
mod duplex;
mod encode;
mod head;
mod tunnel;

#[cfg(test)]
mod tests;

pub(in crate::proxy) use buffers::Buffers;
pub(in crate::proxy) use duplex::Duplex;
pub(in crate::proxy) use head::Head;
pub(in crate::proxy) use tunnel::Tunnel;

/// Most bytes of a body that are read at once.
const MAX_READ: usize = 64 * 1024;
/// Most interim answers (1xx) before the final one.
const MAX_INTERIM: u8 = 32;

/// A connection to a server that speaks HTTP/1.1.
pub(in crate::proxy) struct Connection {
    stream: ServerStream,
    buffers: Rc<Buffers>,
    /// What was read and not yet understood.
    read: BytesMut,
    /// Head, sizes of chunks and trailers on their way out, before `chunk`.
    out: Vec<u8>,
    /// How much of `out` has left.
    left: usize,
    /// A part of the body on its way out.
    chunk: Bytes,
    /// What stands after it.
    tail: &'static [u8],
    sending: Sending,
    receiving: Receiving,
    keep: Keep,
    /// Whether the server saw anything of the present request, and we of its answer.
    touched: Touched,
    interim: u8,
    /// How much of `read` is known to hold no end of a head.
    searched: usize,
    /// How much to read at once if the length is not known.
    pace: usize,
}

#[derive(Debug)]
enum Sending {
    /// The body is being taken from the client.
    Body(Framing),
    /// All of it was taken; what is left is in the buffers.
    Rest,
    /// It has left.
    Done,
    /// The server takes no more. It may have answered all the same.
    Broken,
}

#[derive(Debug)]
enum Receiving {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Over,
}

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::proxy) enum Touched {
    /// Nothing was written.
    Nothing,
    /// Nothing was written, but some of the body was taken from the client.
    Body,
    /// Something was written, nothing was read.
    Written,
    /// Something was read.
    Read,
}

/// Why there is no answer; `E` is why a body cannot be read from its client.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum Failure<E> {
    /// The client's body.
    #[error("request body broken off")]
    Body(#[source] E),
    /// The connection broke.
    #[error("connection to server broken")]
    Io(#[source] io::Error),
    /// The server closed it.
    #[error("connection closed by server")]
    Closed,
    /// What the server sent is no answer.
    #[error("no answer")]
    Head(#[source] HeadError),
}

/// Why the body of an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum AnswerError {
    /// The connection broke.
    #[error("connection to server broken")]
    Io(#[source] io::Error),
    /// The server closed it before the end.
    #[error("answer broken off by server")]
    Closed,
    /// The client broke off the request that it answers.
    #[error("request broken off")]
    Request,
    /// The chunks are none.
    #[error("broken chunk from server")]
    Chunk(#[source] ChunkError),
}

impl Connection {
    /// A connection that was just made.
    pub(in crate::proxy) fn new(stream: ServerStream, buffers: Rc<Buffers>) -> Self {
        Self {
            stream,
            buffers,
            read: BytesMut::new(),
            out: Vec::new(),
            left: 0,
            chunk: Bytes::new(),
            tail: b"",
            sending: Sending::Done,
            receiving: Receiving::Over,
            keep: Keep::Open,
            touched: Touched::Nothing,
            interim: 0,
            searched: 0,
            pace: buffers::READ,
        }
    }

    /// Whether it may take a request: the last exchange came to its end, and nothing was read beyond it.
    pub(in crate::proxy) fn is_reusable(&self) -> bool {
        matches!((&self.sending, &self.receiving), (Sending::Done, Receiving::Over))
            && self.keep == Keep::Open
            && self.read.is_empty()
    }

    /// Whether the server has neither closed the idle connection nor said anything on it, as far as this thread was told;
    /// without a call of the system in that case.
    pub(in crate::proxy) fn is_quiet(&mut self) -> bool {
        match &mut self.stream {
            ServerStream::Plain(tcp) => {
                matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // Bytes on the wire may be tickets and keys alone.
            ServerStream::Tls(tls) => {
                let mut byte = [0];
                let read = pin!(tokio::task::unconstrained(tls.read(&mut byte)));
                read.poll(&mut Context::from_waker(Waker::noop())).is_pending()
            }
        }
    }

    /// How far the present exchange has come.
    pub(in crate::proxy) fn touched(&self) -> Touched {
        self.touched
    }

    /// Begins an exchange. It must be [reusable](Self::is_reusable) or new.
    pub(in crate::proxy) fn begin<B: Body>(&mut self, request: &Request<B>) {
        self.out = self.buffers.writer();
        self.left = 0;
        self.sending = match encode::head(request, &mut self.out) {
            Framing::Empty => Sending::Rest,
            framing => Sending::Body(framing),
        };
        self.receiving = Receiving::Head;
        self.touched = Touched::Nothing;
        self.interim = 0;
        self.searched = 0;
    }

    /// Sends `request` and reads the head of its answer, whichever goes first. The memory of the request's headers is used
    /// for those of the answer.
    pub(in crate::proxy) fn poll_head<B>(
        &mut self,
        cx: &mut Context<'_>,
        request: &mut Request<B>,
    ) -> Poll<Result<Head, Failure<B::Error>>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if let Poll::Ready(Err(failure)) = self.poll_send(cx, request.body_mut()) {
            match failure {
                // It may have answered before it closed.
                Failure::Io(_) if self.touched > Touched::Nothing => {}
                failure => return Poll::Ready(Err(failure)),
            }
        }
        loop {
            self.skip_empty_lines();
            while self.may_hold_head() {
                match head::parse(&mut self.read, &request.method().clone(), request.headers_mut()) {
                    Ok(Parsed::Whole(head)) => return Poll::Ready(Ok(self.accept(head))),
                    Ok(Parsed::Partial) => {
                        self.searched = self.read.len();
                        break;
                    }
                    Ok(Parsed::Interim) if self.interim < MAX_INTERIM => {
                        self.interim += 1;
                        self.searched = 0;
                        self.skip_empty_lines();
                    }
                    Ok(Parsed::Interim) => return Poll::Ready(Err(Failure::Head(HeadError::TooLong))),
                    Err(error) => return Poll::Ready(Err(Failure::Head(error))),
                }
            }
            if self.read.len() >= MAX_HEAD {
                return Poll::Ready(Err(Failure::Head(HeadError::TooLong)));
            }
            match ready!(self.poll_read(cx, buffers::READ)) {
                Ok(0) => return Poll::Ready(Err(Failure::Closed)),
                Ok(_) => self.touched = Touched::Read,
                Err(error) => return Poll::Ready(Err(Failure::Io(error))),
            }
        }
    }

    /// Whether there is anything to parse that was not parsed before. A head that comes byte by byte is parsed again only
    /// when it may be complete, or a slow server could keep us parsing.
    fn may_hold_head(&self) -> bool {
        if self.searched == 0 {
            return !self.read.is_empty();
        }
        let fresh = self.read.get(self.searched.saturating_sub(2)..).unwrap_or_default();
        self.read.len() > self.searched && fresh.windows(2).any(|pair| pair == b"\n\n" || pair == b"\n\r")
    }

    /// Takes off what may stand before a head and be no end to it.
    fn skip_empty_lines(&mut self) {
        let count = self.read.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if count > 0 {
            self.read.advance(count);
            self.searched = self.searched.saturating_sub(count);
            self.release();
        }
    }

    fn accept(&mut self, head: Head) -> Head {
        self.keep = head.keep;
        self.receiving = match head.length {
            Length::Bytes(0) => Receiving::Over,
            Length::Bytes(length) => Receiving::Length(length),
            Length::Chunked => Receiving::Chunked(Chunked::new()),
            Length::UntilClose => Receiving::UntilClose,
        };
        self.release();
        head
    }

    /// The whole body of the answer, if it came with the head.
    pub(in crate::proxy) fn take_whole(&mut self) -> Option<Bytes> {
        match self.receiving {
            Receiving::Over => Some(Bytes::new()),
            Receiving::Length(length) if usize::try_from(length).is_ok_and(|length| length <= self.read.len()) => {
                let whole = self.read.split_to(usize::try_from(length).unwrap_or_default()).freeze();
                self.receiving = Receiving::Over;
                self.release();
                Some(whole)
            }
            _ => None,
        }
    }

    /// Whether the request was not sent whole, and still can be.
    pub(in crate::proxy) fn is_sending(&self) -> bool {
        matches!(self.sending, Sending::Body(_) | Sending::Rest)
    }

    /// The next part of the answer's body. After `None` or an error there is no more.
    pub(in crate::proxy) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        loop {
            match self.next_frame() {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if matches!(self.receiving, Receiving::Over) => return Poll::Ready(None),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(AnswerError::Chunk(error))))),
            }
            match ready!(self.poll_read(cx, self.appetite())) {
                Ok(0) if matches!(self.receiving, Receiving::UntilClose) => {
                    self.keep = Keep::Close;
                    self.receiving = Receiving::Over;
                }
                Ok(0) => return Poll::Ready(Some(Err(self.fail(AnswerError::Closed)))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(AnswerError::Io(error))))),
            }
        }
    }

    fn fail(&mut self, error: AnswerError) -> AnswerError {
        self.keep = Keep::Close;
        self.receiving = Receiving::Over;
        error
    }

    /// What of the body is in the buffer.
    fn next_frame(&mut self) -> Result<Option<Frame<Bytes>>, ChunkError> {
        let found = match &mut self.receiving {
            Receiving::Length(left) if !self.read.is_empty() => {
                let count = usize::try_from(*left).map_or(self.read.len(), |left| left.min(self.read.len()));
                *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.receiving = Receiving::Over;
                }
                Some(Frame::data(self.read.split_to(count).freeze()))
            }
            Receiving::Chunked(chunked) => match chunked.next(&mut self.read)? {
                Found::Data(data) => Some(Frame::data(data)),
                Found::Nothing => None,
                Found::End(trailers) => {
                    self.receiving = Receiving::Over;
                    trailers.map(Frame::trailers)
                }
            },
            Receiving::UntilClose if !self.read.is_empty() => Some(Frame::data(self.read.split().freeze())),
            Receiving::Length(_) | Receiving::UntilClose | Receiving::Head | Receiving::Over => None,
        };
        self.release();
        Ok(found)
    }

    /// Whether the answer's body is over.
    pub(in crate::proxy) fn is_over(&self) -> bool {
        matches!(self.receiving, Receiving::Over)
    }

    /// How much of the answer's body is to come.
    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        match self.receiving {
            Receiving::Length(left) => SizeHint::with_exact(left),
            Receiving::Over => SizeHint::with_exact(0),
            Receiving::Head | Receiving::Chunked(_) | Receiving::UntilClose => SizeHint::default(),
        }
    }

    /// How much to read at once. One byte more than the body has left: the kernel then says by itself that there is no
    /// more for now, and what a server sends beyond the end is seen.
    fn appetite(&self) -> usize {
        match self.receiving {
            Receiving::Length(left) => usize::try_from(left).unwrap_or(MAX_READ).min(MAX_READ - 1) + 1,
            _ => self.pace,
        }
    }

    /// Reads about `wanted` bytes at most into `read`.
    fn poll_read(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<io::Result<usize>> {
        if !self.read.is_empty() {
            self.read.reserve(wanted);
        } else if wanted <= buffers::READ {
            self.read = self.buffers.reader();
        } else {
            self.read = BytesMut::with_capacity(wanted);
        }
        let room = self.read.capacity() - self.read.len();
        let polled = pin!(self.stream.read_buf(&mut self.read)).poll(cx);
        if let Poll::Ready(Ok(count)) = polled {
            self.pace = if count >= room { (self.pace * 2).min(MAX_READ) } else { self.pace };
        }
        self.release();
        polled
    }

    /// Lends the read buffer to others as soon as it is empty.
    fn release(&mut self) {
        if self.read.is_empty() && self.read.capacity() > 0 {
            self.buffers.keep_reader(std::mem::take(&mut self.read));
        }
    }

    /// Sends what there is of the request. `Ready` when all of it has left, or never will.
    fn poll_send<B>(&mut self, cx: &mut Context<'_>, body: &mut B) -> Poll<Result<(), Failure<B::Error>>>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut waiting = false;
        loop {
            if !waiting && self.chunk.is_empty() && self.tail.is_empty() && matches!(self.sending, Sending::Body(_)) {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => self.queue(frame, body.is_end_stream()).map_err(Failure::Io)?,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Failure::Body(error))),
                    Poll::Ready(None) => self.queue_end(&HeaderMap::new()).map_err(Failure::Io)?,
                    Poll::Pending => waiting = true,
                }
            }
            if self.left < self.out.len() || !self.chunk.is_empty() || !self.tail.is_empty() {
                if let Err(error) = ready!(self.poll_write(cx)) {
                    self.stop_sending(Sending::Broken);
                    return Poll::Ready(Err(Failure::Io(error)));
                }
                continue;
            }
            match self.sending {
                Sending::Body(_) if waiting => return Poll::Pending,
                Sending::Body(_) => {}
                Sending::Rest => {
                    let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
                    self.stop_sending(if flushed.is_ok() { Sending::Done } else { Sending::Broken });
                    return Poll::Ready(flushed.map_err(Failure::Io));
                }
                Sending::Done | Sending::Broken => return Poll::Ready(Ok(())),
            }
        }
    }

    fn stop_sending(&mut self, how: Sending) {
        self.sending = how;
        self.left = 0;
        self.chunk = Bytes::new();
        self.tail = b"";
        self.buffers.keep_writer(std::mem::take(&mut self.out));
    }

    /// Takes a frame of the request's body; `last`: it is known to be the last one.
    fn queue(&mut self, frame: Frame<Bytes>, last: bool) -> io::Result<()> {
        let data = match frame.into_data() {
            Ok(data) if data.is_empty() => return Ok(()),
            Ok(data) => data,
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => return self.queue_end(&trailers),
                Err(_) => return Ok(()),
            },
        };
        self.touched = self.touched.max(Touched::Body);
        match &mut self.sending {
            Sending::Body(Framing::Length(left)) => {
                let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                *left = left.checked_sub(length).ok_or(io::ErrorKind::InvalidData)?;
                if *left == 0 {
                    self.sending = Sending::Rest;
                }
            }
            Sending::Body(Framing::Chunked(_)) => {
                encode::chunk_size(data.len(), &mut self.out);
                self.tail = if last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
                if last {
                    self.sending = Sending::Rest;
                }
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        self.chunk = data;
        Ok(())
    }

    /// The request's body is over.
    fn queue_end(&mut self, trailers: &HeaderMap) -> io::Result<()> {
        match &self.sending {
            Sending::Body(Framing::Length(1..)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Sending::Body(Framing::Chunked(announced)) => encode::last_chunk(trailers, announced, &mut self.out),
            _ => {}
        }
        self.sending = Sending::Rest;
        Ok(())
    }

    /// Writes once.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let out = self.out.get(self.left..).unwrap_or_default();
        let stream = Pin::new(&mut self.stream);
        let written = match (out.is_empty(), self.chunk.is_empty() && self.tail.is_empty(), self.tail.is_empty()) {
            (_, true, _) => ready!(stream.poll_write(cx, out))?,
            (true, _, true) => ready!(stream.poll_write(cx, &self.chunk))?,
            _ => {
                let parts = [IoSlice::new(out), IoSlice::new(&self.chunk), IoSlice::new(self.tail)];
                ready!(stream.poll_write_vectored(cx, &parts))?
            }
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.touched = self.touched.max(Touched::Written);
        self.advance(written);
        Poll::Ready(Ok(()))
    }

    /// `written` bytes have left.
    fn advance(&mut self, mut written: usize) {
        let of_out = written.min(self.out.len() - self.left);
        self.left += of_out;
        written -= of_out;
        if self.left == self.out.len() {
            self.out.clear();
            self.left = 0;
        }
        let of_chunk = written.min(self.chunk.len());
        self.chunk.advance(of_chunk);
        written -= of_chunk;
        self.tail = self.tail.get(written..).unwrap_or_default();
    }

    /// What is left of it after a 101.
    pub(in crate::proxy) fn into_tunnel(self) -> Tunnel {
        Tunnel::new(self.stream, self.read)
    }
}
