//! The PROXY header (spec/http.md 4.4): the first bytes of a connection, in which a load balancer says who its client is.
//!
//! They are taken off the socket before anything else is read, so that TLS and HTTP never see them; what the bytes mean
//! stands in [`parse`]. A connection without them goes on as it is, a broken header ends it. Time is bounded by the
//! sweeper (the connection counts as one that has sent nothing), memory by [`parse::LONGEST`].
use super::Conn;
use super::connection::Order;
use super::options::Trust;
use parse::{Found, Said};
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::Poll;
use tokio::io::Interest;
use tokio::net::TcpStream;

mod parse;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The connection goes on behind the header, if there was one.
    Header,
    /// The connection ends.
    Nothing,
}

/// Takes the header off `tcp`, and believes it if the peer is to be trusted.
pub(super) async fn take(tcp: &TcpStream, conn: &Conn, trust: &Trust) -> Taken {
    let mut reading = pin!(read(tcp));
    let read = std::future::poll_fn(|cx| match conn.order(cx.waker()) {
        Order::Serve => reading.as_mut().poll(cx).map(Some),
        Order::Close | Order::Part | Order::Cut => Poll::Ready(None),
    })
    .await;
    match read {
        Some(Ok(Said::Client(client))) if trust.includes(conn.client.ip) => conn.announce(client),
        Some(Ok(Said::Client(_) | Said::Nothing)) => {}
        Some(Err(error)) => {
            tracing::debug!(entrypoint = %conn.entry.name, peer = %conn.client.ip, %error, "no proxy header");
            return Taken::Nothing;
        }
        None => return Taken::Nothing,
    }
    Taken::Header
}

async fn read(tcp: &TcpStream) -> io::Result<Said> {
    let mut seen: Vec<u8> = Vec::new();
    loop {
        match parse::find(&seen).map_err(io::Error::other)? {
            Found::None => return Ok(Said::Nothing),
            Found::Header { length, said } => {
                // All of it has been seen, so it is there.
                let mut header = vec![0; length];
                let taken = tcp.try_read(&mut header)?;
                return if taken == length { Ok(said) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            Found::Part { wanted } => more(tcp, &mut seen, wanted).await?,
        }
    }
}

/// Looks at up to `wanted` bytes of what has come, until they are more than those `seen`, and leaves them where they are.
async fn more(tcp: &TcpStream, seen: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
    let mut buffer = vec![0; wanted];
    loop {
        let ready = tcp.ready(Interest::READABLE).await?;
        let peeked = tcp.peek(&mut buffer).await?;
        if peeked > seen.len() {
            buffer.truncate(peeked);
            *seen = buffer;
            return Ok(());
        }
        if peeked == 0 || ready.is_read_closed() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The bytes that were seen keep the socket readable. Saying that it is not makes the next ones an event.
        let unread: io::Result<()> = tcp.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
        debug_assert!(unread.is_err(), "nothing is read");
    }
}
