//! What was read from a connection and not yet understood.
//!
//! Its buffer is borrowed from the worker while there is anything in it, so that an idle connection holds none.
use super::buffers::{self, Buffers};
use bytes::BytesMut;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Most bytes that are read at once.
pub(in crate::proxy) const MAX_READ: usize = 64 * 1024;

/// Bytes of one connection, with where to get more room for them.
pub(in crate::proxy) struct Inbox {
    /// The bytes. After taking some off, [`Inbox::release`].
    pub(in crate::proxy) bytes: BytesMut,
    buffers: Rc<Buffers>,
    /// How much to read at once if the length is not known: more after reads that filled their room, less after small ones.
    pace: usize,
}

impl Inbox {
    /// An empty one.
    pub(in crate::proxy) fn new(buffers: Rc<Buffers>) -> Self {
        Self { bytes: BytesMut::new(), buffers, pace: buffers::READ }
    }

    /// How much to read at once if nothing is known of what comes.
    pub(in crate::proxy) fn pace(&self) -> usize {
        self.pace
    }

    /// Reads about `wanted` bytes at most. 0 is the end of the stream.
    pub(in crate::proxy) fn poll_fill<S>(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut S,
        wanted: usize,
    ) -> Poll<io::Result<usize>>
    where
        S: AsyncRead + Unpin,
    {
        if !self.bytes.is_empty() {
            self.bytes.reserve(wanted);
        } else if wanted <= buffers::READ {
            self.bytes = self.buffers.reader();
        } else {
            self.bytes = BytesMut::with_capacity(wanted);
        }
        let room = self.bytes.capacity() - self.bytes.len();
        let polled = pin!(stream.read_buf(&mut self.bytes)).poll(cx);
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

    /// Whether it has no buffer either.
    #[cfg(test)]
    pub(in crate::proxy) fn holds_nothing(&self) -> bool {
        self.bytes.capacity() == 0
    }

    /// Lends the buffer to others if it is empty.
    pub(in crate::proxy) fn release(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > 0 {
            self.buffers.keep_reader(std::mem::take(&mut self.bytes));
        }
    }
}
