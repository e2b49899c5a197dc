//! Connections that change over to another protocol (spec/http.md 2.14), WebSocket for one: the wish of the client, and the
//! 101 of the server. What follows is the [`mod@super::tunnel`]'s: of an HTTP/1.1 connection its own task runs it, of a stream
//! of HTTP/2 one that is started here.
use super::answer::ForwardError;
use super::body::AnswerBody;
use super::headers;
use super::names::UPGRADE as UPGRADE_TOKEN;
use super::tunnel::{Speech, tunnel_over};
use crate::base::io::TokioIo;
use crate::proxy::entrypoint::Conn;
use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderValue, Request, Response, Version};
use hyper::upgrade::OnUpgrade;
use std::rc::Rc;

/// A client's wish to speak another protocol.
pub(super) struct Wish {
    protocol: HeaderValue,
    /// Of a stream of HTTP/2.
    stream: Option<OnUpgrade>,
}

impl Wish {
    /// The wish of `request` on `conn`.
    pub(super) fn new<B>(conn: &Conn, request: &mut Request<B>, protocol: HeaderValue) -> Self {
        let stream = conn.is_stream().then(|| hyper::upgrade::on(request));
        Self { protocol, stream }
    }

    /// The protocol, as the client names it.
    pub(super) fn protocol(&self) -> &HeaderValue {
        &self.protocol
    }
}

/// Passes a 101 on. It must answer a wish, and name the same protocol.
pub(super) fn switch(
    conn: &Rc<Conn>,
    mut response: Response<AnswerBody>,
    wish: Option<Wish>,
) -> Result<Response<AnswerBody>, ForwardError> {
    let wish = wish.ok_or(ForwardError::Malformed)?;
    let named = response.headers().get(UPGRADE).cloned();
    let agreed = named.filter(|named| named.as_bytes().eq_ignore_ascii_case(wish.protocol.as_bytes()));
    let protocol = agreed.ok_or(ForwardError::Malformed)?;
    let seen = headers::Seen::among(response.headers());
    headers::clean_answer(response.headers_mut(), seen);
    response.headers_mut().insert(CONNECTION, UPGRADE_TOKEN.clone());
    response.headers_mut().insert(UPGRADE, protocol);
    *response.version_mut() = Version::HTTP_11;
    conn.upgraded();
    conn.worker.stats.upgrades.count();
    if let Some(stream) = wish.stream {
        let server = response.body_mut().take_tunnel().ok_or(ForwardError::Malformed)?;
        let conn = conn.clone();
        let speech = Speech::of(response.headers());
        drop(tokio::task::spawn_local(async move {
            // It is ready when hyper's task has sent the answer; until then that task has the orders.
            match stream.await {
                Ok(client) => tunnel_over(&conn, TokioIo::new(client), Bytes::new(), server, speech).await,
                Err(error) => tracing::debug!(%error, "tunnel not set up"),
            }
        }));
    }
    Ok(response)
}
