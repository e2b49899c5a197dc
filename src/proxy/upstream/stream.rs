//! Connections to servers.
use crate::proxy::h1::Stream;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_rustls::client::TlsStream;

/// A connection to a server.
pub(in crate::proxy) type ServerStream = Stream<TlsStream<TcpStream>>;

/// A connection to a server that tells when the first bytes have come.
pub(super) struct Greeted {
    stream: ServerStream,
    greeting: Option<oneshot::Sender<()>>,
}

impl Greeted {
    /// `greeting` is told at the first bytes, and dropped if the connection ends without any.
    pub(super) fn new(stream: ServerStream, greeting: oneshot::Sender<()>) -> Self {
        Self { stream, greeting: Some(greeting) }
    }
}

impl AsyncRead for Greeted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready()
            && let Some(greeting) = self.greeting.take()
            && buf.filled().len() > before
            && greeting.send(()).is_err()
        {
            tracing::trace!("nobody waits for the server's first bytes any more");
        }
        read
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
