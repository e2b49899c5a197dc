//! Connections that change over to another protocol (spec/http.md 2.14), WebSocket for one.
//!
//! After the 101 a task of its own copies bytes in both directions until one side is done. It holds the [`Conn`], so the
//! connection still counts as running when the process drains, and it is cut like any other.
use super::answer::ForwardError;
use super::body::AnswerBody;
use super::headers;
use super::names::UPGRADE as UPGRADE_TOKEN;
use crate::base::io::TokioIo;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::connection::Order;
use crate::proxy::upstream::h1::Tunnel;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, Version};
use hyper::upgrade::{OnUpgrade, Upgraded};
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

/// Size of the buffers a tunnel copies through, one per direction.
const BUFFER: usize = 16 * 1024;

/// A client's wish to speak another protocol.
pub(super) struct Wish {
    protocol: HeaderValue,
    client: OnUpgrade,
}

impl Wish {
    /// The wish of `request`.
    pub(super) fn new<B>(request: &mut Request<B>, protocol: HeaderValue) -> Self {
        Self { protocol, client: hyper::upgrade::on(request) }
    }

    /// The protocol, as the client names it.
    pub(super) fn protocol(&self) -> &HeaderValue {
        &self.protocol
    }
}

/// Passes a 101 on and starts the tunnel. It must answer a wish, and name the same protocol.
pub(super) fn switch(
    conn: &Rc<Conn>,
    mut response: Response<AnswerBody>,
    wish: Option<Wish>,
) -> Result<Response<AnswerBody>, ForwardError> {
    let wish = wish.ok_or(ForwardError::Malformed)?;
    let named = response.headers().get(UPGRADE).cloned();
    let agreed = named.filter(|named| named.as_bytes().eq_ignore_ascii_case(wish.protocol.as_bytes()));
    let protocol = agreed.ok_or(ForwardError::Malformed)?;
    let server = response.body_mut().take_tunnel().ok_or(ForwardError::Malformed)?;
    let seen = headers::Seen::among(response.headers());
    headers::clean_answer(response.headers_mut(), seen);
    response.headers_mut().insert(CONNECTION, UPGRADE_TOKEN.clone());
    response.headers_mut().insert(UPGRADE, protocol);
    *response.version_mut() = Version::HTTP_11;
    conn.upgraded();
    conn.worker.stats.upgrades.count();
    drop(tokio::task::spawn_local(tunnel(conn.clone(), wish.client, server)));
    Ok(response)
}

async fn tunnel(conn: Rc<Conn>, client: OnUpgrade, server: Tunnel) {
    // The client's side is ready when hyper's task has sent the 101 and let go; until then that task has the orders.
    let client = match client.await {
        Ok(client) => client,
        Err(error) => {
            tracing::debug!(%error, "tunnel not set up");
            return;
        }
    };
    let mut copying = pin!(copy(client, server));
    let end = std::future::poll_fn(|cx| match conn.order(cx.waker()) {
        Order::Cut => Poll::Ready(Ok(())),
        Order::Serve | Order::Close => copying.as_mut().poll(cx),
    })
    .await;
    if let Err(error) = end {
        tracing::trace!(%error, "tunnel broken off");
    }
}

async fn copy(client: Upgraded, mut server: Tunnel) -> std::io::Result<()> {
    let mut client = TokioIo::new(client);
    tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, BUFFER, BUFFER).await.map(drop)
}
