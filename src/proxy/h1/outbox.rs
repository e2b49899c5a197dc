//! What is to be written to a connection and has not left yet: some bytes of ours, a part of a body, what stands after it.
//!
//! At most one part of a body is held. Small ones are copied behind the bytes before them, for one plain write; large ones
//! never are.
use super::Buffers;
use bytes::{Buf, Bytes};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// Parts of a body that are copied: spares the kernel its bookkeeping for vectors.
const COPIED: usize = 2048;
/// With so many bytes waiting, no further part is taken: whoever does not read must not be written for.
const WAITING: usize = 4096;

/// What waits to be written.
pub(in crate::proxy) struct Outbox {
    /// Heads, sizes of chunks and trailers, before `part`.
    bytes: Vec<u8>,
    /// How much of `bytes` has left.
    left: usize,
    /// A part of a body.
    part: Bytes,
    /// What stands after it.
    tail: &'static [u8],
    buffers: Rc<Buffers>,
}

impl Outbox {
    /// An empty one.
    pub(in crate::proxy) fn new(buffers: Rc<Buffers>) -> Self {
        Self { bytes: Vec::new(), left: 0, part: Bytes::new(), tail: b"", buffers }
    }

    /// Where bytes can be added: there is no part of a body before which they would leave.
    pub(in crate::proxy) fn bytes(&mut self) -> &mut Vec<u8> {
        debug_assert!(self.holds_no_part(), "bytes would overtake the part of a body before them");
        if self.bytes.capacity() == 0 {
            self.bytes = self.buffers.writer();
        }
        &mut self.bytes
    }

    /// Whether more can be added.
    pub(in crate::proxy) fn is_ready_for_more(&self) -> bool {
        self.holds_no_part() && self.bytes.len() - self.left < WAITING
    }

    fn holds_no_part(&self) -> bool {
        self.part.is_empty() && self.tail.is_empty()
    }

    /// Whether all has left.
    pub(in crate::proxy) fn is_empty(&self) -> bool {
        self.left == self.bytes.len() && self.holds_no_part()
    }

    /// Whether it has no buffer either.
    #[cfg(test)]
    pub(in crate::proxy) fn holds_nothing(&self) -> bool {
        self.bytes.capacity() == 0 && self.is_empty()
    }

    /// Adds a part of a body and what stands after it; there must be none yet.
    pub(in crate::proxy) fn push(&mut self, part: Bytes, tail: &'static [u8]) {
        if !self.bytes.is_empty() && part.len() <= COPIED {
            let bytes = self.bytes();
            bytes.extend_from_slice(&part);
            bytes.extend_from_slice(tail);
        } else {
            self.part = part;
            self.tail = tail;
        }
    }

    /// Forgets what is left and gives the buffer back.
    pub(in crate::proxy) fn clear(&mut self) {
        self.left = 0;
        self.part = Bytes::new();
        self.tail = b"";
        if self.bytes.capacity() > 0 {
            self.buffers.keep_writer(std::mem::take(&mut self.bytes));
        }
    }

    /// Writes once; how many bytes have left. There must be some.
    pub(in crate::proxy) fn poll_write<S>(&mut self, cx: &mut Context<'_>, stream: &mut S) -> Poll<io::Result<usize>>
    where
        S: AsyncWrite + Unpin,
    {
        let stream = Pin::new(stream);
        let bytes = self.bytes.get(self.left..).unwrap_or_default();
        let written = match (bytes.is_empty(), self.holds_no_part(), self.tail.is_empty()) {
            (_, true, _) => ready!(stream.poll_write(cx, bytes))?,
            (true, _, true) => ready!(stream.poll_write(cx, &self.part))?,
            _ => {
                let parts = [IoSlice::new(bytes), IoSlice::new(&self.part), IoSlice::new(self.tail)];
                ready!(stream.poll_write_vectored(cx, &parts))?
            }
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    /// `written` bytes have left.
    fn advance(&mut self, mut written: usize) {
        let of_bytes = written.min(self.bytes.len() - self.left);
        self.left += of_bytes;
        written -= of_bytes;
        if self.left == self.bytes.len() {
            self.bytes.clear();
            self.left = 0;
        }
        let of_part = written.min(self.part.len());
        self.part.advance(of_part);
        written -= of_part;
        self.tail = self.tail.get(written..).unwrap_or_default();
        if self.part.is_empty() {
            // An empty slice would hold on to the buffer it was cut from.
            self.part = Bytes::new();
        }
    }
}
