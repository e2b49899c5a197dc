//! HTTP/1.1 to a server: one connection, one exchange at a time, driven by whoever waits for the answer.
//!
//! There is no task and no channel: [`Connection`] is a state machine that is polled by the task of the request, later by
//! that of the answer's body. Its two halves are `sending` (head, body, done) and `receiving` (head, body, over); it may
//! serve again if both came to their end, nothing was read beyond it, and the server keeps it open
//! ([`Connection::is_reusable`]). [`encode`], [`head`] and `proxy/h1` know the bytes, [`duplex`] is for answers that come
//! before their requests were sent whole, [`tunnel`] for what follows a 101.
use super::stream::ServerStream;
use crate::proxy::h1::chunked::{ChunkError, Chunked};
use crate::proxy::h1::lines::Keep;
use crate::proxy::h1::{Buffers, Inbox, Outbox};
use encode::Framing;
use head::HeadError;
use http::Request;
use http_body::Body;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use tokio::io::AsyncReadExt;

mod duplex;
mod encode;
mod head;
mod receive;
mod send;
mod tunnel;

#[cfg(test)]
mod tests;

pub(in crate::proxy) use duplex::Duplex;
pub(in crate::proxy) use head::Head;
pub(in crate::proxy) use tunnel::Tunnel;

/// Most interim answers (1xx) before the final one.
const MAX_INTERIM: u8 = 32;

/// A connection to a server that speaks HTTP/1.1.
pub(in crate::proxy) struct Connection {
    stream: ServerStream,
    /// What was read and not yet understood.
    inbox: Inbox,
    /// What is on its way out.
    outbox: Outbox,
    sending: Sending,
    receiving: Receiving,
    keep: Keep,
    /// Whether the server saw anything of the present request, and we of its answer.
    touched: Touched,
    interim: u8,
    /// How much of what was read is known to hold no end of a head.
    searched: usize,
}

#[derive(Debug)]
enum Sending {
    /// The body is being taken from the client.
    Body(Framing),
    /// All of it was taken; what is left is in the buffers.
    Rest,
    /// It has left.
    Done,
    /// The server takes no more. It may have answered all the same.
    Broken,
}

#[derive(Debug)]
enum Receiving {
    Head,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
    Over,
}

/// How far an exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::proxy) enum Touched {
    /// Nothing was written.
    Nothing,
    /// Nothing was written, but some of the body was taken from the client.
    Body,
    /// Something was written, nothing was read.
    Written,
    /// Something was read.
    Read,
}

/// Why there is no answer; `E` is why a body cannot be read from its client.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum Failure<E> {
    /// The client's body.
    #[error("request body broken off")]
    Body(#[source] E),
    /// The connection broke.
    #[error("connection to server broken")]
    Io(#[source] io::Error),
    /// The server closed it.
    #[error("connection closed by server")]
    Closed,
    /// What the server sent is no answer.
    #[error("no answer")]
    Head(#[source] HeadError),
}

/// Why the body of an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(in crate::proxy) enum AnswerError {
    /// The connection broke.
    #[error("connection to server broken")]
    Io(#[source] io::Error),
    /// The server closed it before the end.
    #[error("answer broken off by server")]
    Closed,
    /// The client broke off the request that it answers.
    #[error("request broken off")]
    Request,
    /// The chunks are none.
    #[error("broken chunk from server")]
    Chunk(#[source] ChunkError),
}

impl Connection {
    /// A connection that was just made.
    pub(in crate::proxy) fn new(stream: ServerStream, buffers: Rc<Buffers>) -> Self {
        Self {
            stream,
            inbox: Inbox::new(buffers.clone()),
            outbox: Outbox::new(buffers),
            sending: Sending::Done,
            receiving: Receiving::Over,
            keep: Keep::Open,
            touched: Touched::Nothing,
            interim: 0,
            searched: 0,
        }
    }

    /// Whether it may take a request: the last exchange came to its end, and nothing was read beyond it.
    pub(in crate::proxy) fn is_reusable(&self) -> bool {
        matches!((&self.sending, &self.receiving), (Sending::Done, Receiving::Over))
            && self.keep == Keep::Open
            && self.inbox.bytes.is_empty()
    }

    /// Whether the server has neither closed the idle connection nor said anything on it, as far as this thread was told;
    /// without a call of the system in that case.
    pub(in crate::proxy) fn is_quiet(&mut self) -> bool {
        match &mut self.stream {
            ServerStream::Plain(tcp) => {
                matches!(tcp.try_read(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // Bytes on the wire may be tickets and keys alone.
            ServerStream::Tls(tls) => {
                let mut byte = [0];
                let read = pin!(tokio::task::unconstrained(tls.read(&mut byte)));
                read.poll(&mut Context::from_waker(Waker::noop())).is_pending()
            }
        }
    }

    /// How far the present exchange has come.
    pub(in crate::proxy) fn touched(&self) -> Touched {
        self.touched
    }

    /// Begins an exchange. It must be [reusable](Self::is_reusable) or new.
    pub(in crate::proxy) fn begin<B: Body>(&mut self, request: &Request<B>) {
        self.sending = match encode::head(request, self.outbox.bytes()) {
            Framing::Empty => Sending::Rest,
            framing => Sending::Body(framing),
        };
        self.receiving = Receiving::Head;
        self.touched = Touched::Nothing;
        self.interim = 0;
        self.searched = 0;
    }

    /// Whether the request was not sent whole, and still can be.
    pub(in crate::proxy) fn is_sending(&self) -> bool {
        matches!(self.sending, Sending::Body(_) | Sending::Rest)
    }

    /// What is left of it after a 101.
    pub(in crate::proxy) fn into_tunnel(self) -> Tunnel {
        Tunnel::new(self.stream, self.inbox.bytes)
    }
}
