//! The stream between hyper and the client's socket, and what can be seen on it from outside.
//!
//! hyper says neither when a client begins to send a request nor when an answer has left, and it answers broken heads by
//! itself. All three show on the wire: [`Wire`] keeps the [`Phase`] of the connection and since when it lasts, and while
//! no request is being served the only thing hyper can want to write is such an answer of its own, which is swallowed
//! so that [`super::refusal`] can give the one that spec/http.md 1.13 asks for.
//!
//! Shared between the stream, which has to be `Send` for upgrades, and the connection, hence relaxed atomics; both live
//! on one thread.
use super::watchdog::Ticks;
use crate::proxy::small_write::poll_write_small;
use crate::proxy::tls::Prefixed;
use crate::proxy::tls::accept::Secure;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Most bytes taken from a client in one read. hyper doubles its buffer as long as reads fill it, up to the size of the
/// largest head: 1 MiB for each client that uploads.
const READ_AT_MOST: usize = 64 << 10;
/// Bytes after which others have their turn.
const BURST: usize = 64 << 10;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Waiting for the first byte of a request.
    Idle = 0,
    /// Some bytes of a head came, but not all.
    Head = 1,
    /// A request is being served.
    Request = 2,
    /// The answer is complete but may not have left yet.
    Flushing = 3,
    /// Speaks another protocol.
    Upgraded = 4,
    /// A TLS handshake is under way.
    Handshake = 5,
    /// HTTP/2 without a stream.
    Resting = 6,
    /// HTTP/2 with streams, each of which has a phase of its own.
    Streams = 7,
    /// HTTP/2 after we said goodbye, without a stream.
    Leaving = 8,
}

impl Phase {
    fn from_u8(number: u8) -> Self {
        match number {
            0 => Self::Idle,
            1 => Self::Head,
            2 => Self::Request,
            3 => Self::Flushing,
            5 => Self::Handshake,
            6 => Self::Resting,
            7 => Self::Streams,
            8 => Self::Leaving,
            _ => Self::Upgraded,
        }
    }
}

/// What is visible of a connection from outside.
#[derive(Debug)]
pub(crate) struct Wire {
    ticks: Ticks,
    phase: AtomicU8,
    since: AtomicU64,
    /// Bytes of a head that is not whole.
    head: AtomicU64,
    heads: Heads,
}

/// Bytes that the unfinished heads of all connections of a worker hold together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heads(Arc<AtomicU64>);

impl Heads {
    /// From here on large heads have to go. One head may be 1 MiB by default, and there may be thousands.
    const LIMIT: u64 = 64 << 20;
    /// A head of so many bytes is never large.
    const SMALL: u64 = 16 << 10;

    fn add(&self, bytes: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(bytes), Ordering::Relaxed);
    }

    fn take(&self, bytes: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(bytes), Ordering::Relaxed);
    }

    /// Whether there is no room for a head of `bytes`.
    fn are_too_many_for(&self, bytes: u64) -> bool {
        bytes > Self::SMALL && self.0.load(Ordering::Relaxed) > Self::LIMIT
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.heads.take(self.head.load(Ordering::Relaxed));
    }
}

impl Wire {
    /// A connection that was accepted just now.
    pub(crate) fn new(ticks: Ticks, heads: Heads) -> Self {
        let since = AtomicU64::new(ticks.now());
        Self { ticks, phase: AtomicU8::new(Phase::Idle as u8), since, head: AtomicU64::new(0), heads }
    }

    /// What it is doing.
    pub(crate) fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Relaxed))
    }

    /// Since when, in ticks of the worker's clock.
    pub(crate) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// Enters `phase` now.
    pub(crate) fn enter(&self, phase: Phase) {
        let head = self.head.load(Ordering::Relaxed);
        if head > 0 {
            self.heads.take(head);
            self.head.store(0, Ordering::Relaxed);
        }
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.ticks.now(), Ordering::Relaxed);
    }

    /// Takes note of so many bytes from the client. An error when they belong to a large head and there are too many.
    fn on_read(&self, count: usize) -> io::Result<()> {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase > Phase::Head as u8 {
            return Ok(());
        }
        if phase == Phase::Idle as u8 {
            self.enter(Phase::Head);
        }
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let head = self.head.load(Ordering::Relaxed).wrapping_add(count);
        self.head.store(head, Ordering::Relaxed);
        self.heads.add(count);
        if self.heads.are_too_many_for(head) { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }

    fn on_flush(&self) {
        if self.phase.load(Ordering::Relaxed) == Phase::Flushing as u8 {
            self.enter(Phase::Idle);
        }
    }

    /// Whether what is about to be written is hyper's own answer to a broken head.
    fn swallows(&self) -> bool {
        self.phase.load(Ordering::Relaxed) <= Phase::Head as u8
    }
}

/// What HTTP is spoken over: a socket, or TLS on one. Not boxed: a plain connection pays nothing for the others.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Whether its end has to be said: TLS has a message for it, without which the other side takes it for cut off.
    const SAYS_GOODBYE: bool;

    /// Writes head and body of an answer, which come as several pieces.
    fn poll_write_pieces(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, pieces)
    }
}

impl Transport for TcpStream {
    const SAYS_GOODBYE: bool = false;

    fn poll_write_pieces(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_write_small(self, cx, pieces)
    }
}

impl Transport for Prefixed<TcpStream> {
    const SAYS_GOODBYE: bool = false;
}

impl Transport for Secure {
    const SAYS_GOODBYE: bool = true;
}

/// A client's stream under watch.
#[derive(Debug)]
pub(crate) struct ClientStream<T> {
    io: T,
    wire: Arc<Wire>,
    /// Bytes moved since others had their turn.
    burst: usize,
}

impl<T> ClientStream<T> {
    /// Watches `io`.
    pub(crate) fn new(io: T, wire: Arc<Wire>) -> Self {
        Self { io, wire, burst: 0 }
    }

    /// Whether others have to have their turn first; this task is then woken after they had it. Without this the runtime
    /// would look for news from other clients only after dozens of turns of whoever moves most: 3 ms beside one upload.
    fn must_yield(&mut self, cx: &mut Context<'_>) -> bool {
        if self.burst < BURST {
            return false;
        }
        self.burst = 0;
        // Its first poll puts the waker in line behind the next look at the sockets.
        pin!(tokio::task::yield_now()).poll(cx).is_pending()
    }

    /// The stream without the watch.
    pub(crate) fn into_inner(self) -> T {
        self.io
    }
}

impl<T: Transport> AsyncRead for ClientStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.must_yield(cx) {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        let polled = if buf.remaining() > READ_AT_MOST {
            let mut some = ReadBuf::new(buf.initialize_unfilled_to(READ_AT_MOST));
            let polled = Pin::new(&mut self.io).poll_read(cx, &mut some);
            let count = some.filled().len();
            buf.advance(count);
            polled
        } else {
            Pin::new(&mut self.io).poll_read(cx, buf)
        };
        match buf.filled().len().saturating_sub(before) {
            0 => {
                self.burst = 0;
                polled
            }
            count => {
                self.burst += count;
                polled.map(|read| read.and_then(|()| self.wire.on_read(count)))
            }
        }
    }
}

impl<T: Transport> AsyncWrite for ClientStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.wire.swallows() {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.wire.swallows() {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        Pin::new(&mut self.io).poll_write_pieces(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when its own buffer is empty: with that of TLS empty, too, the answer has left. A socket has none.
        std::task::ready!(Pin::new(&mut self.io).poll_flush(cx))?;
        self.wire.on_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper shuts down just before it lets go of the socket, which is shut down by that. In a tunnel it says that one
        // side has said all it has to say.
        // After a broken head our own refusal is still to come.
        let says_goodbye = T::SAYS_GOODBYE && self.wire.phase() != Phase::Head;
        if self.wire.phase() != Phase::Upgraded && !says_goodbye {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
