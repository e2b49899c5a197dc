//! The receiving half of an exchange: the head, skipping interim answers, then the body as far as it is asked for.
//!
//! Nothing is read beyond what is asked for but what a read happens to bring: that is never taken for the next answer.
use super::chunked::{ChunkError, Chunked, Found};
use super::head::{self, Head, HeadError, Keep, Length, MAX_HEAD, Parsed};
use super::{AnswerError, Connection, Failure, MAX_INTERIM, MAX_READ, Receiving, Touched, buffers};
use bytes::{Buf, Bytes, BytesMut};
use http::Request;
use http_body::{Body, Frame, SizeHint};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncReadExt;

impl Connection {
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
            match ready!(self.poll_read(cx, self.pace)) {
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
            self.pace = match count {
                count if count >= room => (self.pace * 2).min(MAX_READ),
                count if count < self.pace / 4 => (self.pace / 2).max(buffers::READ),
                _ => self.pace,
            };
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
}
