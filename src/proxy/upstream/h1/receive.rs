//! The receiving half of an exchange: the head, telling of interim answers, then the body as far as it is asked for.
//!
//! Nothing is read beyond what is asked for but what a read happens to bring: that is never taken for the next answer.
use super::head::{self, Head, HeadError, Length, MAX_HEAD, Parsed};
use super::{AnswerError, Connection, Failure, MAX_INTERIM, Receiving, Touched};
use crate::proxy::h1::chunked::{ChunkError, Chunked, Found};
use crate::proxy::h1::inbox::MAX_READ;
use crate::proxy::h1::lines::Keep;
use crate::proxy::h1::{buffers, may_hold_head};
use crate::proxy::upstream::stream::ServerStream;
use bytes::{Buf, Bytes};
use http::{HeaderMap, Request, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::task::{Context, Poll, ready};
use tokio::net::TcpStream;

impl Connection {
    /// Sends `request` and reads the head of its answer, whichever goes first. The memory of the request's headers is used
    /// for those of the answer. `interim` is told of answers (1xx) before the final one.
    pub(in crate::proxy) fn poll_head<B>(
        &mut self,
        cx: &mut Context<'_>,
        request: &mut Request<B>,
        mut interim: impl FnMut(StatusCode, HeaderMap),
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
            while may_hold_head(&self.inbox.bytes, self.searched) {
                match head::parse(&mut self.inbox.bytes, &request.method().clone(), request.headers_mut()) {
                    Ok(Parsed::Whole(head)) => return Poll::Ready(Ok(self.accept(head))),
                    Ok(Parsed::Partial) => {
                        self.searched = self.inbox.bytes.len();
                        break;
                    }
                    Ok(Parsed::Interim(status, headers)) if self.interim < MAX_INTERIM => {
                        interim(status, headers);
                        self.interim += 1;
                        self.searched = 0;
                        self.skip_empty_lines();
                    }
                    Ok(Parsed::Interim(..)) => return Poll::Ready(Err(Failure::Head(HeadError::TooLong))),
                    Err(error) => return Poll::Ready(Err(Failure::Head(error))),
                }
            }
            if self.inbox.bytes.len() >= MAX_HEAD {
                return Poll::Ready(Err(Failure::Head(HeadError::TooLong)));
            }
            // Not more, even if much has come at once before: what of a large body is read with the head is copied.
            match ready!(self.inbox.poll_fill(cx, &mut self.stream, buffers::READ)) {
                Ok(0) => return Poll::Ready(Err(Failure::Closed)),
                Ok(_) => self.touched = Touched::Read,
                Err(error) => return Poll::Ready(Err(Failure::Io(error))),
            }
        }
    }

    /// Takes off what may stand before a head and be no end to it.
    fn skip_empty_lines(&mut self) {
        let count = self.inbox.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        if count > 0 {
            self.inbox.bytes.advance(count);
            self.searched = self.searched.saturating_sub(count);
            self.inbox.release();
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
        self.inbox.release();
        head
    }

    /// The whole body of the answer, if it came with the head.
    pub(in crate::proxy) fn take_whole(&mut self) -> Option<Bytes> {
        match self.receiving {
            Receiving::Over => Some(Bytes::new()),
            Receiving::Length(length)
                if usize::try_from(length).is_ok_and(|length| length <= self.inbox.bytes.len()) =>
            {
                let whole = self.inbox.bytes.split_to(usize::try_from(length).unwrap_or_default()).freeze();
                self.receiving = Receiving::Over;
                self.inbox.release();
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
            let wanted = self.appetite();
            match ready!(self.inbox.poll_fill(cx, &mut self.stream, wanted)) {
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
            Receiving::Length(left) if !self.inbox.bytes.is_empty() => {
                let count =
                    usize::try_from(*left).map_or(self.inbox.bytes.len(), |left| left.min(self.inbox.bytes.len()));
                *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                if *left == 0 {
                    self.receiving = Receiving::Over;
                }
                Some(Frame::data(self.inbox.bytes.split_to(count).freeze()))
            }
            Receiving::Chunked(chunked) => match chunked.next(&mut self.inbox.bytes)? {
                Found::Data(data) => Some(Frame::data(data)),
                Found::Nothing => None,
                Found::End(trailers) => {
                    self.receiving = Receiving::Over;
                    trailers.map(Frame::trailers)
                }
            },
            Receiving::UntilClose if !self.inbox.bytes.is_empty() => {
                Some(Frame::data(self.inbox.bytes.split().freeze()))
            }
            Receiving::Length(_) | Receiving::UntilClose | Receiving::Head | Receiving::Over => None,
        };
        self.inbox.release();
        Ok(found)
    }

    /// The socket from which the rest of the body can be taken without being looked at, and how much that is.
    pub(in crate::proxy) fn plain_rest(&self) -> Option<(&TcpStream, u64)> {
        match (&self.stream, &self.receiving) {
            (ServerStream::Plain(tcp), Receiving::Length(left)) if self.inbox.bytes.is_empty() => Some((tcp, *left)),
            _ => None,
        }
    }

    /// So many bytes of the rest were taken.
    pub(in crate::proxy) fn took(&mut self, count: usize) {
        if let Receiving::Length(left) = &mut self.receiving {
            *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
            if *left == 0 {
                self.receiving = Receiving::Over;
            }
        }
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
            _ => self.inbox.pace(),
        }
    }
}
