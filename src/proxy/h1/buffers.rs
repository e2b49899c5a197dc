//! The read and the write buffer that the connections of a worker lend each other.
//!
//! An idle connection has none. A request takes the write buffer for as long as it is being sent, an answer the read
//! buffer from its first byte to its last: mostly within one turn of a task, so the next connection finds the same few
//! cache lines warm. Whoever finds no buffer makes one.
use bytes::BytesMut;
use std::cell::Cell;

/// Room for what is read at once: a head, and with it most small bodies.
pub(in crate::proxy) const READ: usize = 8 * 1024;
/// With less room left than this, a buffer of which parts are still in use is left to them.
const READ_LEFT: usize = READ / 2;
/// The largest write buffer that is kept.
const WRITE_KEPT: usize = 16 * 1024;

/// The buffers of one worker.
#[derive(Default)]
pub(in crate::proxy) struct Buffers {
    read: Cell<BytesMut>,
    write: Cell<Vec<u8>>,
}

impl Buffers {
    /// An empty buffer with room for half of [`READ`] at least.
    pub(in crate::proxy) fn reader(&self) -> BytesMut {
        let mut buffer = self.read.take();
        if !buffer.try_reclaim(READ) && buffer.capacity() < READ_LEFT {
            buffer = BytesMut::with_capacity(READ);
        }
        buffer
    }

    /// Takes a buffer back.
    pub(in crate::proxy) fn keep_reader(&self, buffer: BytesMut) {
        if buffer.is_empty() && buffer.capacity() <= READ {
            self.read.set(buffer);
        }
    }

    /// An empty buffer.
    pub(in crate::proxy) fn writer(&self) -> Vec<u8> {
        self.write.take()
    }

    /// Takes a buffer back.
    pub(in crate::proxy) fn keep_writer(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() <= WRITE_KEPT {
            buffer.clear();
            self.write.set(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::BufMut;

    #[test]
    fn a_buffer_is_used_again_unless_somebody_still_reads_most_of_it() {
        let buffers = Buffers::default();
        let mut first = buffers.reader();
        let place = first.as_ptr();
        first.put_slice(b"head");
        let slice = first.split().freeze();
        buffers.keep_reader(first);
        let second = buffers.reader();
        assert_eq!(second.as_ptr(), place.wrapping_add(4), "the rest of it");
        buffers.keep_reader(second);
        assert_eq!(slice, "head");
        drop(slice);
        let mut third = buffers.reader();
        assert_eq!(third.as_ptr(), place, "all of it");
        third.put_bytes(0, READ_LEFT + 1);
        let large = third.split();
        buffers.keep_reader(third);
        assert!(buffers.reader().capacity() >= READ);
        drop(large);
    }

    #[test]
    fn large_write_buffers_are_not_kept() {
        let buffers = Buffers::default();
        buffers.keep_writer(Vec::with_capacity(WRITE_KEPT + 1));
        assert_eq!(buffers.writer().capacity(), 0);
        buffers.keep_writer(b"GET".to_vec());
        let kept = buffers.writer();
        assert!(kept.is_empty() && kept.capacity() >= 3);
    }
}
