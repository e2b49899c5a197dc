//! What can be seen of a connection from outside: [`Wire`] keeps its [`Phase`] and since when it lasts. And the stream that
//! hyper reads and writes for HTTP/2.
//!
//! Shared between the stream, which has to be `Send` for hyper's upgrades, and the connection, hence relaxed atomics; both
//! live on one thread.
use super::http2::Frames;
use super::watchdog::Ticks;
use crate::proxy::h1::poll_turn;
use crate::proxy::tls::Prefixed;
use crate::proxy::tls::accept::Secure;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a byte of an unfinished block of HTTP/2 headers may take in memory (measured: 80), and the most that a block may.
const UNPACKED: u64 = 80;
const MOST_UNPACKED: u64 = 2 << 20;
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
    /// Bytes of a head that is not whole, or large and not answered.
    head: AtomicU64,
    /// When an unfinished block of HTTP/2 headers began; `u64::MAX` if there is none.
    block: AtomicU64,
    heads: Heads,
}

/// Bytes that the heads of all connections of a worker hold together: unfinished ones, and large ones until they are
/// answered.
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
        Self {
            ticks,
            phase: AtomicU8::new(Phase::Idle as u8),
            since,
            head: AtomicU64::new(0),
            block: AtomicU64::new(u64::MAX),
            heads,
        }
    }

    /// What it is doing.
    pub(crate) fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Relaxed))
    }

    /// Since when, in ticks of the worker's clock.
    pub(crate) fn since(&self) -> u64 {
        self.since.load(Ordering::Relaxed)
    }

    /// Enters `phase` now. A large head counts until its request is answered.
    pub(crate) fn enter(&self, phase: Phase) {
        let held = match phase {
            Phase::Request => self.head.load(Ordering::Relaxed) > Heads::SMALL,
            // Follow the frames, not the streams.
            Phase::Resting | Phase::Streams | Phase::Leaving => true,
            _ => false,
        };
        if !held {
            self.let_go();
        }
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.ticks.now(), Ordering::Relaxed);
    }

    /// Takes note of so many bytes of a head that are held. An error when the head is large and there are too many.
    pub(crate) fn hold(&self, bytes: u64) -> io::Result<()> {
        let head = self.head.load(Ordering::Relaxed).wrapping_add(bytes);
        self.head.store(head, Ordering::Relaxed);
        self.heads.add(bytes);
        if self.heads.are_too_many_for(head) { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }

    /// Takes note that so many bytes of a block of HTTP/2 headers are not finished. They are unpacked as they come: a byte
    /// of them may stand for a header of many (RFC 7541 6.1).
    fn note_block(&self, bytes: u64) -> io::Result<()> {
        self.let_go();
        if bytes == 0 {
            self.block.store(u64::MAX, Ordering::Relaxed);
            return Ok(());
        }
        if self.block.load(Ordering::Relaxed) == u64::MAX {
            self.block.store(self.ticks.now(), Ordering::Relaxed);
        }
        self.hold(bytes.saturating_mul(UNPACKED).min(MOST_UNPACKED))
    }

    /// Since when a block of HTTP/2 headers is not finished.
    pub(super) fn block_since(&self) -> Option<u64> {
        Some(self.block.load(Ordering::Relaxed)).filter(|since| *since != u64::MAX)
    }

    /// They are held no more.
    pub(super) fn let_go(&self) {
        let head = self.head.load(Ordering::Relaxed);
        if head > 0 {
            self.heads.take(head);
            self.head.store(0, Ordering::Relaxed);
        }
    }

    /// Takes note of so many bytes from the client. An error when they belong to a large head and there are too many.
    pub(super) fn on_read(&self, count: usize) -> io::Result<()> {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase > Phase::Head as u8 {
            return Ok(());
        }
        if phase == Phase::Idle as u8 {
            self.enter(Phase::Head);
        }
        self.hold(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// All of an answer has left.
    pub(super) fn flushed(&self) {
        if self.phase.load(Ordering::Relaxed) == Phase::Flushing as u8 {
            self.enter(Phase::Idle);
        }
    }
}

/// What HTTP/2 is spoken over: a socket, or TLS on one.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl Transport for Prefixed<TcpStream> {}

impl Transport for Secure {}

/// A client's stream under watch.
#[derive(Debug)]
pub(crate) struct ClientStream<T> {
    io: T,
    wire: Arc<Wire>,
    frames: Frames,
    /// Bytes moved since others had their turn.
    burst: usize,
}

impl<T> ClientStream<T> {
    /// Watches `io`.
    pub(crate) fn new(io: T, wire: Arc<Wire>) -> Self {
        Self { io, wire, frames: Frames::new(), burst: 0 }
    }
}

impl<T: Transport> AsyncRead for ClientStream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(poll_turn(cx, &mut self.burst, BURST));
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buf);
        let read = buf.filled().get(before..).unwrap_or_default();
        if read.is_empty() {
            self.burst = 0;
            return polled;
        }
        self.burst += read.len();
        let unfinished = self.frames.pass(read);
        self.wire.note_block(unfinished)?;
        polled
    }
}

impl<T: Transport> AsyncWrite for ClientStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
