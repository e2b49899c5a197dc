//! A TCP stream with a gate that can stop all bytes, for [`super::Faults`]: while the network is half open neither side of
//! the connection notices anything but silence.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::faults::Network;
use super::signal::until;

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection with a gate.
pub(super) struct GatedStream {
    stream: TcpStream,
    network: watch::Receiver<Network>,
    /// Present while bytes may not flow; done when they may again.
    blocked_reads: Option<Wait>,
    blocked_writes: Option<Wait>,
}

impl GatedStream {
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

impl AsyncRead for GatedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        ready!(poll_gate(&this.network, &mut this.blocked_reads, cx));
        Pin::new(&mut this.stream).poll_read(cx, out)
    }
}

impl AsyncWrite for GatedStream {
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
