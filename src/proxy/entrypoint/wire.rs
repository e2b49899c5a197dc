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
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

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
}

impl Phase {
    fn from_u8(number: u8) -> Self {
        match number {
            0 => Self::Idle,
            1 => Self::Head,
            2 => Self::Request,
            3 => Self::Flushing,
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
}

impl Wire {
    /// A connection that was accepted just now.
    pub(crate) fn new(ticks: Ticks) -> Self {
        let since = AtomicU64::new(ticks.now());
        Self { ticks, phase: AtomicU8::new(Phase::Idle as u8), since }
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
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.since.store(self.ticks.now(), Ordering::Relaxed);
    }

    fn on_read(&self) {
        if self.phase.load(Ordering::Relaxed) == Phase::Idle as u8 {
            self.enter(Phase::Head);
        }
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

/// A client's socket under watch.
#[derive(Debug)]
pub(crate) struct ClientStream {
    tcp: TcpStream,
    wire: Arc<Wire>,
}

impl ClientStream {
    /// Watches `tcp`.
    pub(crate) fn new(tcp: TcpStream, wire: Arc<Wire>) -> Self {
        Self { tcp, wire }
    }

    /// The socket without the watch.
    pub(crate) fn into_inner(self) -> TcpStream {
        self.tcp
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.tcp).poll_read(cx, buf);
        if polled.is_ready() && buf.filled().len() > before {
            self.wire.on_read();
        }
        polled
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.wire.swallows() {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.wire.swallows() {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        poll_write_small(Pin::new(&mut self.tcp), cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP stream has no buffer of its own. hyper flushes when its own is empty: then the answer has left.
        self.wire.on_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper shuts down just before it lets go of the socket, which is shut down by that. In a tunnel it says that one
        // side has said all it has to say.
        if self.wire.phase() != Phase::Upgraded {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
