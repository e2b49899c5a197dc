//! Connections to the API server that can be told to end: a silent one looks like a quiet one.
//!
//! TCP keep-alive finds a machine that is gone; [`Cutter::cut`] ends every connection made so far, for the moment when a
//! server that was away answers again and nobody knows which of the old connections still lead anywhere.
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tower::Service;

/// First probe of a quiet connection, and the pause between further ones. With [`PROBES`] a machine that is gone is noticed
/// after half a minute, long before a watch would end by itself.
const PROBE_AFTER: Duration = Duration::from_secs(15);
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Probes without an answer until the connection is given up.
const PROBES: u32 = 3;

/// Ends connections.
#[derive(Clone, Debug)]
pub struct Cutter(Arc<watch::Sender<u64>>);

impl Cutter {
    /// Nothing is cut yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Ends all connections made so far.
    pub fn cut(&self) {
        self.0.send_modify(|cuts| *cuts += 1);
    }

    /// Done at the next cut. Never done when the cutter is gone.
    fn next_cut(&self) -> Cut {
        let mut cuts = self.0.subscribe();
        Box::pin(async move {
            if cuts.changed().await.is_err() {
                std::future::pending().await
            }
        })
    }
}

impl Default for Cutter {
    fn default() -> Self {
        Self::new()
    }
}

type Cut = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes TCP connections that end when they are cut.
#[derive(Clone, Debug)]
pub struct Connector {
    tcp: HttpConnector,
    cutter: Cutter,
}

impl Connector {
    /// With keep-alive, and ended by `cutter`.
    pub fn new(cutter: Cutter) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(PROBE_AFTER));
        tcp.set_keepalive_interval(Some(PROBE_EVERY));
        tcp.set_keepalive_retries(Some(PROBES));
        Self { tcp, cutter }
    }
}

impl Service<http::Uri> for Connector {
    type Response = Cuttable<<HttpConnector as Service<http::Uri>>::Response>;
    type Error = <HttpConnector as Service<http::Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<http::Uri>::poll_ready(&mut self.tcp, cx)
    }

    fn call(&mut self, to: http::Uri) -> Self::Future {
        // From now on, not from when it is connected: a connection under way may be as dead as the others.
        let cut = self.cutter.next_cut();
        let connecting = self.tcp.call(to);
        Box::pin(async move { Ok(Cuttable { stream: connecting.await?, state: State::Open(cut) }) })
    }
}

/// A stream that fails from its cut on.
pub struct Cuttable<S> {
    stream: S,
    state: State,
}

enum State {
    Open(Cut),
    Ended,
}

impl<S> Cuttable<S> {
    fn poll_open(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let State::Open(cut) = &mut self.state
            && cut.as_mut().poll(cx).is_ready()
        {
            self.state = State::Ended;
        }
        match self.state {
            State::Open(_) => Ok(()),
            State::Ended => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "given up: the API server had been silent"))
            }
        }
    }
}

impl<S: Read + Unpin> Read for Cuttable<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.poll_open(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: Write + Unpin> Write for Cuttable<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_open(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_open(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }
}

impl<S: Connection> Connection for Cuttable<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::io::TokioIo;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_cut_ends_what_was_open_and_nothing_that_is_opened_later() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to: http::Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let cutter = Cutter::new();
        let mut connector = Connector::new(cutter.clone());
        let mut silent = TokioIo::new(connector.call(to.clone()).await.unwrap());
        let reading = async { tokio::time::timeout(Duration::from_secs(30), silent.read_u8()).await.unwrap() };
        let cutting = async {
            tokio::task::yield_now().await;
            cutter.cut();
        };
        let (read, ()) = tokio::join!(reading, cutting);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
        let later = connector.call(to).await.unwrap();
        assert!(matches!(later.state, State::Open(_)));
    }

    #[tokio::test]
    async fn the_system_is_told_to_look_after_quiet_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let made = Connector::new(Cutter::new()).call(to).await.unwrap();
        let tcp = made.stream.into_inner();
        let socket = socket2::SockRef::from(&tcp);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), PROBE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), PROBE_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
    }
}
