//! What follows a change of protocol: bytes in both directions until both sides are done.
//!
//! Each direction holds at most what one read brought, in a buffer of the worker's: a silent tunnel, and most are silent
//! most of the time, holds none. It is under the orders of its connection, and still counts as running when the process
//! drains. Shortly before the end of that time a WebSocket is told that we go away (RFC 6455 7.4.1, status 1001), between
//! two frames of its own: clients then connect anew elsewhere, instead of waiting for a connection that was cut.
use super::AnswerBody;
use super::names::WEBSOCKET;
use super::web_socket::Frames;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::Order;
use crate::proxy::h1::{Buffers, Inbox, poll_turn};
use crate::proxy::upstream::h1::Tunnel;
use aws_lc_rs::rand;
use bytes::{Buf, Bytes};
use http::header::UPGRADE;
use http::{HeaderMap, Response};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes that one direction moves before others have their turn.
const BURST: usize = 256 * 1024;

/// What is spoken in a tunnel, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speech {
    /// Frames of RFC 6455.
    WebSocket,
    /// Something else.
    Unknown,
}

impl Speech {
    /// What an answer with these headers changes over to.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let named = headers.get(UPGRADE).is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(WEBSOCKET.as_bytes()));
        if named { Self::WebSocket } else { Self::Unknown }
    }
}

/// Runs the tunnel that `response`, which was sent, has opened between `client`, of which `early` was read already, and
/// its server.
pub(crate) async fn tunnel<C>(conn: &Conn, client: C, early: Bytes, mut response: Response<AnswerBody>)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let speech = Speech::of(response.headers());
    if let Some(server) = response.body_mut().take_tunnel() {
        tunnel_over(conn, client, early, server, speech).await;
    }
}

/// Runs a tunnel.
pub(super) async fn tunnel_over<C>(conn: &Conn, mut client: C, early: Bytes, mut server: Tunnel, speech: Speech)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut up = Direction::new(&conn.worker.buffers, speech, Frame::to_server);
    up.inbox.bytes.extend_from_slice(&early);
    drop(early);
    let mut down = Direction::new(&conn.worker.buffers, speech, Frame::to_client);
    let ended = poll_fn(|cx| {
        let order = conn.order(cx.waker());
        if order >= Order::Part {
            down.part();
            up.part();
        }
        let up = up.poll(cx, &mut client, &mut server)?;
        let down = down.poll(cx, &mut server, &mut client)?;
        let done = up.is_ready() && down.is_ready() || order == Order::Cut;
        if done { Poll::Ready(Ok::<_, io::Error>(())) } else { Poll::Pending }
    });
    if let Err(error) = ended.await {
        tracing::trace!(%error, "tunnel broken off");
    }
}

/// A close frame that says "going away".
struct Frame;

impl Frame {
    const STATUS: [u8; 2] = 1001_u16.to_be_bytes();

    fn to_client() -> Bytes {
        let [high, low] = Self::STATUS;
        Bytes::copy_from_slice(&[0x88, 2, high, low])
    }

    /// Clients have to mask what they say, with what nobody can guess (RFC 6455 5.3).
    fn to_server() -> Bytes {
        let mut mask = [0; 4];
        if rand::fill(&mut mask).is_err() {
            tracing::debug!("no randomness for a mask");
        }
        let [high, low] = Self::STATUS;
        let [a, b, c, d] = mask;
        Bytes::copy_from_slice(&[0x88, 0x82, a, b, c, d, high ^ a, low ^ b])
    }
}

/// One direction.
struct Direction {
    inbox: Inbox,
    /// What passed, if it has frames.
    frames: Option<Frames>,
    /// How to say that we go away.
    farewell: fn() -> Bytes,
    /// What we have to say ourselves and have not said yet.
    ours: Bytes,
    state: State,
    flush: Flush,
    /// Bytes read since others had their turn.
    burst: usize,
}

/// Whether something was written that may still be in a buffer of TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flush {
    Wanted,
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Bytes may come.
    Open,
    /// The farewell is to be said when the present frame is over.
    Parting,
    /// It was said, what comes is thrown away.
    Parted,
    /// There will be no more, which the other side has to be told.
    Ending,
    /// It was told.
    Ended,
}

impl Direction {
    fn new(buffers: &Rc<Buffers>, speech: Speech, farewell: fn() -> Bytes) -> Self {
        let frames = (speech == Speech::WebSocket).then(Frames::new);
        Self {
            inbox: Inbox::new(buffers.clone()),
            frames,
            farewell,
            ours: Bytes::new(),
            state: State::Open,
            flush: Flush::Done,
            burst: 0,
        }
    }

    /// Says farewell as soon as it can be said.
    fn part(&mut self) {
        if self.state == State::Open && self.frames.is_some() {
            self.state = State::Parting;
        }
    }

    /// Moves what there is. Ready when there will be no more.
    fn poll<F, T>(&mut self, cx: &mut Context<'_>, from: &mut F, to: &mut T) -> Poll<io::Result<()>>
    where
        F: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        loop {
            ready!(self.poll_write(cx, to))?;
            match self.state {
                State::Ended => return Poll::Ready(Ok(())),
                State::Ending => {
                    ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                    self.state = State::Ended;
                    continue;
                }
                State::Open | State::Parting | State::Parted => {}
            }
            ready!(poll_turn(cx, &mut self.burst, BURST));
            let wanted = self.inbox.pace();
            match self.inbox.poll_fill(cx, from, wanted) {
                Poll::Ready(Ok(0)) => self.state = State::Ending,
                Poll::Ready(Ok(count)) => self.burst += count,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.burst = 0;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Writes what there is to write. Ready when all of it has left.
    fn poll_write<T: AsyncWrite + Unpin>(&mut self, cx: &mut Context<'_>, to: &mut T) -> Poll<io::Result<()>> {
        loop {
            if self.state == State::Parting
                && let Some(frames) = &self.frames
                && frames.is_between()
            {
                self.ours = if frames.has_closed() { Bytes::new() } else { (self.farewell)() };
                self.state = State::Parted;
            }
            while !self.ours.is_empty() {
                let count = ready!(write(cx, to, &self.ours))?;
                self.ours.advance(count);
                self.flush = Flush::Wanted;
            }
            if self.inbox.bytes.is_empty() {
                match &self.frames {
                    Some(frames) if self.state == State::Parting && frames.is_between() => continue,
                    _ => break,
                }
            }
            let count = match (self.state, &self.frames) {
                (State::Parted, _) => self.inbox.bytes.len(),
                (State::Parting, Some(frames)) => {
                    let present = frames.present(&self.inbox.bytes);
                    ready!(write(cx, to, self.inbox.bytes.get(..present).unwrap_or_default()))?
                }
                _ => ready!(write(cx, to, &self.inbox.bytes))?,
            };
            if self.state != State::Parted {
                self.flush = Flush::Wanted;
            }
            if let Some(frames) = &mut self.frames {
                frames.pass(self.inbox.bytes.get(..count).unwrap_or_default());
                // The other side has said goodbye, too.
                if self.state == State::Parted && frames.has_closed() {
                    self.state = State::Ending;
                }
            }
            self.inbox.bytes.advance(count);
            self.inbox.release();
        }
        if self.flush == Flush::Wanted {
            ready!(Pin::new(to).poll_flush(cx))?;
            self.flush = Flush::Done;
        }
        Poll::Ready(Ok(()))
    }
}

fn write<T: AsyncWrite + Unpin>(cx: &mut Context<'_>, to: &mut T, bytes: &[u8]) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(to).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        count => Poll::Ready(Ok(count)),
    }
}
