//! Connections to the API server that can be told to end: a silent one looks like a quiet one.
//!
//! TCP keep-alive finds a machine that is gone; [`Silence`] a server that is there and says nothing; [`Cutter::cut`] ends every
//! connection made so far, for the moment when a server that was away answers again and nobody knows which of the old
//! connections still lead anywhere.
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};
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
    silence: Option<Duration>,
}

impl Connector {
    /// With keep-alive, ended by `cutter`, and by the server's `silence` while it is listened to.
    pub fn new(cutter: Cutter, silence: Option<Duration>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(PROBE_AFTER));
        tcp.set_keepalive_interval(Some(PROBE_EVERY));
        tcp.set_keepalive_retries(Some(PROBES));
        Self { tcp, cutter, silence }
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
        let silence = self.silence;
        let connecting = self.tcp.call(to);
        Box::pin(async move {
            let stream = connecting.await?;
            Ok(Cuttable { stream, state: State::Open(cut), silence: silence.map(Silence::of) })
        })
    }
}

/// A stream that fails from its cut on.
pub struct Cuttable<S> {
    stream: S,
    state: State,
    silence: Option<Silence>,
}

enum State {
    Open(Cut),
    Ended,
}

/// How long nothing came although something was awaited. What is sent counts as something, too: an answer is awaited from its
/// request on, not from when its connection became idle.
///
/// A timer that is set anew with every read costs a wake-up of the process per watch event (as that of hyper-timeout does,
/// which fires right after each read). This one is left alone: when it fires, it looks how long it was quiet.
struct Silence {
    limit: Duration,
    last: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    fn of(limit: Duration) -> Self {
        let last = Instant::now();
        Self { limit, last, timer: Box::pin(sleep_until(last + limit)) }
    }

    /// An error when it lasted too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let end = self.last + self.limit;
            if end <= Instant::now() {
                let seconds = self.limit.as_secs();
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("the API server said nothing for {seconds} s"),
                ));
            }
            self.timer.as_mut().reset(end);
        }
        Ok(())
    }
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

    /// Something came or went.
    fn stir(&mut self) {
        if let Some(silence) = &mut self.silence {
            silence.last = Instant::now();
        }
    }
}

impl<S: Read + Unpin> Read for Cuttable<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        self.poll_open(cx)?;
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        match (&read, &mut self.silence) {
            (Poll::Ready(_), _) => self.stir(),
            (Poll::Pending, Some(silence)) => silence.poll(cx)?,
            (Poll::Pending, None) => {}
        }
        read
    }
}

impl<S: Write + Unpin> Write for Cuttable<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_open(cx)?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if written.is_ready() {
            self.stir();
        }
        written
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
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        if written.is_ready() {
            self.stir();
        }
        written
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
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::net::TcpListener;

    /// A connection that gives up after `limit`, and the server's end of it.
    fn impatient(limit: Duration) -> (TokioIo<Cuttable<TokioIo<DuplexStream>>>, DuplexStream) {
        let (ours, theirs) = duplex(64);
        let state = State::Open(Cutter::new().next_cut());
        (TokioIo::new(Cuttable { stream: TokioIo::new(ours), state, silence: Some(Silence::of(limit)) }), theirs)
    }

    fn silence(of: &mut TokioIo<Cuttable<TokioIo<DuplexStream>>>) -> &mut Silence {
        of.inner_mut().silence.as_mut().unwrap()
    }

    #[tokio::test]
    async fn a_silent_server_is_given_up() {
        let (mut ours, _theirs) = impatient(Duration::from_millis(1));
        let error = ours.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("the API server said nothing for"), "{error}");
    }

    #[tokio::test]
    async fn silence_is_counted_from_the_last_byte_of_either_side() {
        let limit = Duration::from_secs(75);
        let (mut ours, mut theirs) = impatient(limit);
        let long_ago = Instant::now() - limit;
        silence(&mut ours).last = long_ago;
        theirs.write_u8(7).await.unwrap();
        assert_eq!(ours.read_u8().await.unwrap(), 7);
        assert!(silence(&mut ours).last > long_ago, "something was heard");
        silence(&mut ours).last = long_ago;
        ours.write_u8(8).await.unwrap();
        assert!(silence(&mut ours).last > long_ago, "something was asked");
        // The timer of a byte before the last one: it looks, and goes on waiting for the rest.
        silence(&mut ours).timer.as_mut().reset(Instant::now());
        let read = tokio::time::timeout(Duration::from_millis(20), ours.read_u8()).await;
        assert!(read.is_err(), "given up too early: {read:?}");
        let silence = silence(&mut ours);
        assert_eq!(silence.timer.deadline(), silence.last + limit);
    }

    #[tokio::test]
    async fn what_is_read_sets_no_timer() {
        let (mut ours, mut theirs) = impatient(Duration::from_secs(75));
        let set = silence(&mut ours).timer.deadline();
        for _ in 0..3 {
            let (read, written) = tokio::join!(ours.read_u8(), theirs.write_u8(7));
            assert!(read.is_ok() && written.is_ok());
            assert_eq!(silence(&mut ours).timer.deadline(), set, "a wake-up of the process for each event");
        }
    }

    #[tokio::test]
    async fn a_cut_ends_what_was_open_and_nothing_that_is_opened_later() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let to: http::Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let cutter = Cutter::new();
        let mut connector = Connector::new(cutter.clone(), None);
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
        let made = Connector::new(Cutter::new(), None).call(to).await.unwrap();
        let tcp = made.stream.into_inner();
        let socket = socket2::SockRef::from(&tcp);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), PROBE_AFTER);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), PROBE_EVERY);
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), PROBES);
    }
}
