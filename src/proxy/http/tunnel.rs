//! What follows a change of protocol: bytes in both directions until both sides are done.
//!
//! Each direction holds at most what one read brought, in a buffer of the worker's: a silent tunnel, and most are silent
//! most of the time, holds none. It is under the orders of its connection, and still counts as running when the process
//! drains.
use super::AnswerBody;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::Order;
use crate::proxy::h1::{Buffers, Inbox};
use crate::proxy::upstream::h1::Tunnel;
use bytes::{Buf, Bytes};
use http::Response;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite};

/// Runs the tunnel that `response`, which was sent, has opened between `client`, of which `early` was read already, and
/// its server.
pub(crate) async fn tunnel<C>(conn: &Conn, client: C, early: Bytes, mut response: Response<AnswerBody>)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    if let Some(server) = response.body_mut().take_tunnel() {
        tunnel_over(conn, client, early, server).await;
    }
}

/// Runs a tunnel.
pub(super) async fn tunnel_over<C>(conn: &Conn, mut client: C, early: Bytes, mut server: Tunnel)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut up = Direction::new(&conn.worker.buffers);
    up.inbox.bytes.extend_from_slice(&early);
    drop(early);
    let mut down = Direction::new(&conn.worker.buffers);
    let ended = poll_fn(|cx| {
        if conn.order(cx.waker()) == Order::Cut {
            return Poll::Ready(Ok(()));
        }
        let up = up.poll(cx, &mut client, &mut server)?;
        let down = down.poll(cx, &mut server, &mut client)?;
        if up.is_ready() && down.is_ready() { Poll::Ready(Ok::<_, io::Error>(())) } else { Poll::Pending }
    });
    if let Err(error) = ended.await {
        tracing::trace!(%error, "tunnel broken off");
    }
}

/// One direction.
struct Direction {
    inbox: Inbox,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes may come.
    Open,
    /// Something was written and may still be in the way of TLS.
    Unflushed,
    /// There will be no more, which the other side has to be told.
    Ending,
    /// It was told.
    Ended,
}

impl Direction {
    fn new(buffers: &Rc<Buffers>) -> Self {
        Self { inbox: Inbox::new(buffers.clone()), state: State::Open }
    }

    /// Moves what there is. Ready when there will be no more.
    fn poll<F, T>(&mut self, cx: &mut Context<'_>, from: &mut F, to: &mut T) -> Poll<io::Result<()>>
    where
        F: AsyncRead + Unpin,
        T: AsyncWrite + Unpin,
    {
        loop {
            while !self.inbox.bytes.is_empty() {
                let written = ready!(Pin::new(&mut *to).poll_write(cx, &self.inbox.bytes))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.inbox.bytes.advance(written);
                self.inbox.release();
                self.state = State::Unflushed;
            }
            if self.state == State::Ended {
                return Poll::Ready(Ok(()));
            }
            if self.state == State::Ending {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.state = State::Ended;
                continue;
            }
            let wanted = self.inbox.pace();
            match self.inbox.poll_fill(cx, from, wanted) {
                Poll::Ready(Ok(0)) => self.state = State::Ending,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    if self.state == State::Unflushed {
                        ready!(Pin::new(&mut *to).poll_flush(cx))?;
                        self.state = State::Open;
                    }
                    return Poll::Pending;
                }
            }
        }
    }
}
