//! WebSocket over a stream of HTTP/2 (RFC 8441): an extended CONNECT becomes the upgrade that servers know from
//! HTTP/1.1, and their 101 becomes the 200 that opens the stream.
//!
//! In between it is a request for an upgrade like any other: `prepare` sees the wish, [`super::upgrade`] runs the tunnel
//! over what hyper makes of the stream. Key and accept of RFC 6455 exist between us and the server only.
use super::AnswerBody;
use super::answer::{self, ForwardError};
use super::names::{UPGRADE as UPGRADE_TOKEN, WEBSOCKET};
use crate::proxy::entrypoint::Conn;
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::ext::Protocol;
use std::rc::Rc;

/// What is appended to the key before it is hashed (RFC 6455 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// An extended CONNECT that was made an upgrade.
pub(super) struct Extended {
    /// What the server has to prove that it understood.
    accept: HeaderValue,
}

impl Extended {
    /// Makes `request` an upgrade if it is an extended CONNECT for WebSocket. Any other CONNECT stays, and is refused.
    pub(super) fn of<B>(request: &mut Request<B>) -> Option<Self> {
        let protocol = request.extensions().get::<Protocol>()?;
        if *request.method() != Method::CONNECT || !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return None;
        }
        let host = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok())?;
        let key = key()?;
        let accept = accept(&key)?;
        *request.method_mut() = Method::GET;
        *request.version_mut() = Version::HTTP_11;
        let headers = request.headers_mut();
        // What follows the head is no body.
        headers.remove(TRANSFER_ENCODING);
        headers.remove(CONTENT_LENGTH);
        headers.entry(HOST).or_insert(host);
        headers.insert(CONNECTION, UPGRADE_TOKEN.clone());
        headers.insert(UPGRADE, WEBSOCKET.clone());
        headers.insert(SEC_WEBSOCKET_KEY, key);
        Some(Self { accept })
    }

    /// The client's answer. A 2xx that is no 101 would open a stream to a server that has opened none.
    pub(super) fn answered(self, conn: &Rc<Conn>, mut response: Response<AnswerBody>) -> Response<AnswerBody> {
        let status = response.status();
        let headers = response.headers_mut();
        let accepted = headers.remove(SEC_WEBSOCKET_ACCEPT);
        if status == StatusCode::SWITCHING_PROTOCOLS && accepted.as_ref() == Some(&self.accept) {
            headers.remove(CONNECTION);
            headers.remove(UPGRADE);
            *response.status_mut() = StatusCode::OK;
            return response;
        }
        if status == StatusCode::SWITCHING_PROTOCOLS || status.is_success() {
            return answer::failed(conn, &ForwardError::Malformed);
        }
        response
    }
}

/// A new key (RFC 6455 4.1). None if the system has no randomness.
fn key() -> Option<HeaderValue> {
    let mut nonce = [0; 16];
    rand::fill(&mut nonce).ok()?;
    HeaderValue::from_str(&STANDARD.encode(nonce)).ok()
}

/// What a server answers to `key` (RFC 6455 4.2.2, which names this hash; nothing depends on its strength).
fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &[key.as_bytes(), GUID].concat());
    HeaderValue::from_str(&STANDARD.encode(hash)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_6455_holds() {
        let accept = accept(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn keys_differ() {
        assert_ne!(key().unwrap(), key().unwrap());
    }
}
