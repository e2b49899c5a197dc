//! The sending half of an exchange: the head in one piece with the first bytes of the body, then the body as it comes.
//!
//! As much of the body is held as leaves in one write ([`crate::proxy::h1::Outbox`]): more is taken from the client when
//! the server has taken this.
use super::encode::Framing;
use super::{Connection, Failure, Sending, Touched};
use crate::proxy::h1::chunks;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame};
use std::io;
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
            while !waiting && self.outbox.is_ready_for_more() && matches!(self.sending, Sending::Body(_)) {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => self.queue(frame, body.is_end_stream()).map_err(Failure::Io)?,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(Failure::Body(error))),
                    Poll::Ready(None) => self.queue_end(&HeaderMap::new()).map_err(Failure::Io)?,
                    Poll::Pending => waiting = true,
                }
            }
            if !self.outbox.is_empty() {
                match ready!(self.outbox.poll_write(cx, &mut self.stream)) {
                    Ok(_) => self.touched = self.touched.max(Touched::Written),
                    Err(error) => {
                        self.stop_sending(Sending::Broken);
                        return Poll::Ready(Err(Failure::Io(error)));
                    }
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
        self.outbox.clear();
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
                chunks::chunk_size(data.len(), self.outbox.bytes());
                self.outbox.push(data);
                self.outbox.bytes().extend_from_slice(if last { b"\r\n0\r\n\r\n" } else { b"\r\n" });
                if last {
                    self.sending = Sending::Rest;
                }
                return Ok(());
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        self.outbox.push(data);
        Ok(())
    }

    /// The request's body is over.
    fn queue_end(&mut self, trailers: &HeaderMap) -> io::Result<()> {
        match &self.sending {
            Sending::Body(Framing::Length(1..)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Sending::Body(Framing::Chunked(announced)) => {
                chunks::last_chunk(trailers, |name| announced.contains(name), self.outbox.bytes());
            }
            _ => {}
        }
        self.sending = Sending::Rest;
        Ok(())
    }
}
