//! Between tokio and hyper: a TCP stream as hyper wants it, with a gate that can stop all bytes, and tokio's timers.
//!
//! hyper-util has the same adapter without the gate. The gate serves [`super::Faults`]: while the network is half open
//! neither side of the connection notices anything but silence.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{ReadBufCursor, Sleep, Timer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::faults::Network;
use super::signal::until;

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection for hyper.
pub(super) struct TokioIo {
    stream: TcpStream,
    network: watch::Receiver<Network>,
    /// Present while bytes may not flow; done when they may again.
    blocked_reads: Option<Wait>,
    blocked_writes: Option<Wait>,
}

impl TokioIo {
    pub(super) fn new(stream: TcpStream, network: watch::Receiver<Network>) -> Self {
        Self { stream, network, blocked_reads: None, blocked_writes: None }
    }
}

/// Ready as soon as bytes may flow.
fn poll_gate(network: &watch::Receiver<Network>, blocked: &mut Option<Wait>, cx: &mut Context<'_>) -> Poll<()> {
    loop {
        if let Some(wait) = blocked {
            ready!(wait.as_mut().poll(cx));
            *blocked = None;
        }
        if *network.borrow() != Network::HalfOpen {
            return Poll::Ready(());
        }
        let mut network = network.clone();
        // An error means that the server is gone, and then nobody holds the bytes back.
        *blocked = Some(Box::pin(async move { until(&mut network, |now| *now != Network::HalfOpen).await }));
    }
}

impl hyper::rt::Read for TokioIo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut out: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(poll_gate(&this.network, &mut this.blocked_reads, cx));
        // Through a buffer of our own: writing into hyper's needs `unsafe`.
        let mut bytes = [0; 16 * 1024];
        let room = out.remaining().min(bytes.len());
        let mut buffer = ReadBuf::new(&mut bytes[..room]);
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buffer))?;
        out.put_slice(buffer.filled());
        Poll::Ready(Ok(()))
    }
}

impl hyper::rt::Write for TokioIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(poll_gate(&this.network, &mut this.blocked_writes, cx));
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Timers for hyper's header timeout.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokioTimer;

struct TokioSleep(Pin<Box<tokio::time::Sleep>>);

impl Future for TokioSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl Sleep for TokioSleep {}

impl Timer for TokioTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(TokioSleep(Box::pin(tokio::time::sleep(duration))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(TokioSleep(Box::pin(tokio::time::sleep_until(deadline.into()))))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}
