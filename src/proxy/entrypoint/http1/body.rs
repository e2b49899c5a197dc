//! The body of a request, as it is handed on: read from the connection when somebody asks for it.
use super::exchange::{ReceiveError, Shared};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The body of one request. It may outlive the request, and is then broken.
pub(crate) struct ClientBody {
    exchange: Shared,
    request: u64,
}

impl ClientBody {
    /// The body of the present request of `exchange`.
    pub(super) fn of(exchange: &Shared) -> Self {
        Self { request: exchange.borrow().request(), exchange: exchange.clone() }
    }

    fn is_present(&self) -> bool {
        self.exchange.borrow().request() == self.request
    }
}

impl Body for ClientBody {
    type Data = Bytes;
    type Error = ReceiveError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReceiveError>>> {
        if !self.is_present() {
            return Poll::Ready(Some(Err(ReceiveError::Over)));
        }
        self.exchange.borrow_mut().poll_body(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.is_present() && self.exchange.borrow().is_over()
    }

    fn size_hint(&self) -> SizeHint {
        if self.is_present() { self.exchange.borrow().size_hint() } else { SizeHint::default() }
    }
}
