//! The sending half of an exchange: the head in one piece with the first bytes of the body, then the body as it comes.
//!
//! At most one part of the body is held: the next is taken from the client when the server has taken this one.
use super::encode::{self, Framing};
use super::{Connection, Failure, Sending, Touched};
use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

impl Connection {
    /// Sends what there is of the request. `Ready` when all of it has left, or never will.
    pub(super) fn poll_send<B>(&mut self, cx: &mut Context<'_>, body: &mut B) -> Poll<Result<(), Failure<B::Error>>>
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
}
