//! An answer that came before its request was sent whole.
//!
//! The rest of the request is sent by a task of its own: the task of the answer's body stands still while the client does
//! not read, and a client may well read nothing before it has sent everything. Such a connection never goes back to a
//! pool. When the answer is done with, whatever the client still sends is of no use to anybody, and both ends are closed.
use super::{AnswerError, Connection, Failure};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// The answer's end of such a connection.
pub(in crate::proxy) struct Duplex(Rc<Shared>);

struct Shared {
    connection: RefCell<Box<Connection>>,
    /// Whether anybody still wants the answer.
    answer: Cell<Answer>,
    upload: Cell<Option<Waker>>,
    reader: Cell<Option<Waker>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Somebody reads it.
    Wanted,
    /// Nobody does any more.
    Done,
    /// The server waits for a body of which there will be no more.
    Broken,
}

impl Duplex {
    /// Goes on with sending `body` over `connection`.
    pub(in crate::proxy) fn start<B>(connection: Box<Connection>, body: B) -> Self
    where
        B: Body<Data = Bytes> + Unpin + 'static,
    {
        let connection = RefCell::new(connection);
        let shared = Rc::new(Shared {
            connection,
            answer: Cell::new(Answer::Wanted),
            upload: Cell::default(),
            reader: Cell::default(),
        });
        drop(tokio::task::spawn_local(upload(shared.clone(), body)));
        Self(shared)
    }

    /// See [`Connection::poll_body`].
    pub(in crate::proxy) fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnswerError>>> {
        if self.0.answer.get() == Answer::Broken {
            return Poll::Ready(Some(Err(AnswerError::Request)));
        }
        self.0.reader.set(Some(cx.waker().clone()));
        self.0.connection.borrow_mut().poll_body(cx)
    }

    /// See [`Connection::is_over`].
    pub(in crate::proxy) fn is_over(&self) -> bool {
        self.0.connection.borrow().is_over()
    }

    /// See [`Connection::size_hint`].
    pub(in crate::proxy) fn size_hint(&self) -> SizeHint {
        self.0.connection.borrow().size_hint()
    }
}

impl Drop for Duplex {
    fn drop(&mut self) {
        self.0.answer.set(Answer::Done);
        wake(&self.0.upload);
    }
}

fn wake(place: &Cell<Option<Waker>>) {
    if let Some(waker) = place.take() {
        waker.wake();
    }
}

async fn upload<B: Body<Data = Bytes> + Unpin>(shared: Rc<Shared>, mut body: B) {
    std::future::poll_fn(|cx| {
        if shared.answer.get() == Answer::Done {
            return Poll::Ready(());
        }
        shared.upload.set(Some(cx.waker().clone()));
        let sent = ready!(shared.connection.borrow_mut().poll_send(cx, &mut body));
        // That the server takes no more shows where its answer is read, if it matters at all.
        if let Err(Failure::Body(_)) = sent {
            shared.answer.set(Answer::Broken);
            wake(&shared.reader);
        }
        Poll::Ready(())
    })
    .await;
}
