//! What is to be written to a connection and has not left yet: bytes of ours with parts of a body between them.
//!
//! Parts are gathered, up to a limit, and leave in one vectored write; small ones are copied behind the bytes before them,
//! which spares the kernel its bookkeeping for vectors. Large ones never are.
use super::Buffers;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// Parts of a body that are copied.
const COPIED: usize = 2048;
/// With so many bytes of ours, or of parts, or so many parts waiting, no more is taken: who does not read is not written
/// for.
const OURS: usize = 4096;
const HELD: usize = 128 * 1024;
const PARTS: usize = 16;
/// Slices of one write: each part, and what stands before it.
const SLICES: usize = 2 * PARTS + 1;

/// What waits to be written.
pub(in crate::proxy) struct Outbox {
    /// Heads, sizes of chunks, trailers.
    bytes: Vec<u8>,
    /// How much of `bytes` has left.
    left: usize,
    parts: VecDeque<Part>,
    /// Bytes of all parts.
    held: usize,
    buffers: Rc<Buffers>,
}

/// A part of a body.
struct Part {
    /// How much of our bytes stands before it.
    at: usize,
    data: Bytes,
}

impl Outbox {
    /// An empty one.
    pub(in crate::proxy) fn new(buffers: Rc<Buffers>) -> Self {
        Self { bytes: Vec::new(), left: 0, parts: VecDeque::new(), held: 0, buffers }
    }

    /// Where bytes are added behind all that waits.
    pub(in crate::proxy) fn bytes(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = self.buffers.writer();
        }
        &mut self.bytes
    }

    /// Adds a part of a body behind all that waits.
    pub(in crate::proxy) fn push(&mut self, part: Bytes) {
        if !self.bytes.is_empty() && part.len() <= COPIED {
            self.bytes.extend_from_slice(&part);
        } else if !part.is_empty() {
            self.held += part.len();
            self.parts.push_back(Part { at: self.bytes.len(), data: part });
        }
    }

    /// Whether more should be added before this has left.
    pub(in crate::proxy) fn is_ready_for_more(&self) -> bool {
        self.bytes.len() - self.left < OURS && self.held < HELD && self.parts.len() < PARTS
    }

    /// Whether all has left.
    pub(in crate::proxy) fn is_empty(&self) -> bool {
        self.left == self.bytes.len() && self.parts.is_empty()
    }

    /// Whether it has no buffer either.
    #[cfg(test)]
    pub(in crate::proxy) fn holds_nothing(&self) -> bool {
        self.bytes.capacity() == 0 && self.is_empty()
    }

    /// Forgets what is left and gives the buffer back.
    pub(in crate::proxy) fn clear(&mut self) {
        self.left = 0;
        self.held = 0;
        self.parts.clear();
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
        let written = if self.parts.is_empty() {
            ready!(stream.poll_write(cx, self.bytes.get(self.left..).unwrap_or_default()))?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.slices(&mut slices);
            match slices.get(..count).unwrap_or_default() {
                [one] => ready!(stream.poll_write(cx, one))?,
                several => ready!(stream.poll_write_vectored(cx, several))?,
            }
        };
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(written))
    }

    /// All that waits, or as much as there are slices for; how many were used.
    fn slices<'o>(&'o self, slices: &mut [IoSlice<'o>]) -> usize {
        let mut begin = self.left;
        let mut count = 0;
        let mut add = |bytes: &'o [u8]| {
            if let Some(slice) = slices.get_mut(count)
                && !bytes.is_empty()
            {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
        };
        for part in &self.parts {
            add(self.bytes.get(begin..part.at).unwrap_or_default());
            add(&part.data);
            begin = part.at;
        }
        add(self.bytes.get(begin..).unwrap_or_default());
        count
    }

    /// `written` bytes have left.
    fn advance(&mut self, mut written: usize) {
        while let Some(part) = self.parts.front_mut() {
            let of_bytes = written.min(part.at - self.left);
            self.left += of_bytes;
            written -= of_bytes;
            if self.left < part.at {
                return;
            }
            let of_part = written.min(part.data.len());
            written -= of_part;
            self.held -= of_part;
            if of_part < part.data.len() {
                part.data.advance(of_part);
                return;
            }
            self.parts.pop_front();
        }
        self.left += written.min(self.bytes.len() - self.left);
        if self.left == self.bytes.len() {
            self.bytes.clear();
            self.left = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Takes some bytes at a time, as the sizes say, and then any number.
    struct Slow {
        sizes: Vec<usize>,
        taken: Vec<u8>,
    }

    impl AsyncWrite for Slow {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.as_mut().poll_write_vectored(cx, &[IoSlice::new(buf)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.to_vec()).collect();
            let count = self.sizes.pop().unwrap_or(usize::MAX).clamp(1, all.len());
            self.taken.extend(&all[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #[test]
        fn all_leaves_in_order_however_little_is_taken_at_a_time(
            added in prop::collection::vec((any::<bool>(), 0_usize..5000), 1..40),
            sizes in prop::collection::vec(1_usize..6000, 0..60),
        ) {
            let mut outbox = Outbox::new(Rc::default());
            let mut slow = Slow { sizes, taken: Vec::new() };
            let mut cx = Context::from_waker(std::task::Waker::noop());
            let mut want: Vec<u8> = Vec::new();
            for (number, (ours, length)) in added.into_iter().enumerate() {
                let data = vec![u8::try_from(number).unwrap(); length];
                want.extend(&data);
                if ours { outbox.bytes().extend(&data) } else { outbox.push(data.into()) }
                while !outbox.is_ready_for_more() || number % 3 == 0 && !outbox.is_empty() {
                    prop_assert!(outbox.poll_write(&mut cx, &mut slow).is_ready());
                }
            }
            while !outbox.is_empty() {
                prop_assert!(outbox.poll_write(&mut cx, &mut slow).is_ready());
            }
            prop_assert_eq!(&slow.taken, &want);
            outbox.clear();
            prop_assert!(outbox.holds_nothing());
        }
    }
}
