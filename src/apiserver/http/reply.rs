//! Answers: a JSON document, a line of text, or a stream of watch events.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WARNING};
use hyper::{Response, StatusCode};
use serde_json::Value;

use crate::apiserver::status::ApiError;
use crate::apiserver::watch::Watch;

/// The body of an answer.
pub(in crate::apiserver) type ReplyBody = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub(super) struct Reply(Response<ReplyBody>);

impl Reply {
    pub(super) fn json(code: StatusCode, document: &Value) -> Self {
        // Values always have a text.
        Self::json_text(code, serde_json::to_vec(document).unwrap_or_default())
    }

    pub(super) fn json_text(code: StatusCode, text: Vec<u8>) -> Self {
        Self::bytes(code, HeaderValue::from_static("application/json"), Bytes::from(text))
    }

    pub(super) fn text(code: StatusCode, text: &'static str) -> Self {
        Self::bytes(code, HeaderValue::from_static("text/plain; charset=utf-8"), Bytes::from_static(text.as_bytes()))
    }

    pub(super) fn bytes(code: StatusCode, content_type: HeaderValue, body: Bytes) -> Self {
        let mut response = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
        *response.status_mut() = code;
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        Self(response)
    }

    pub(super) fn typed(mut self, content_type: &'static str) -> Self {
        self.0.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self
    }

    /// Events until the watch ends.
    pub(super) fn stream(watch: Watch) -> Self {
        let frames = stream::unfold(watch, |mut watch| async move {
            let frame = watch.next_frame().await?;
            Some((frame.map(Frame::data), watch))
        });
        let mut response = Response::new(BodyExt::boxed_unsync(StreamBody::new(frames)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self(response)
    }

    /// Adds `Warning` headers, which kubectl prints.
    pub(super) fn warning(mut self, texts: &[String]) -> Self {
        for text in texts {
            let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
            if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
                self.0.headers_mut().append(WARNING, value);
            }
        }
        self
    }

    /// The `Status` of an error. Paths that are not served get the plain text that clients know from Kubernetes.
    pub(super) fn error(error: &ApiError) -> Self {
        if *error == ApiError::NoSuchPath {
            return Self::text(StatusCode::NOT_FOUND, "404 page not found\n");
        }
        let code = StatusCode::from_u16(error.code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut reply = Self::json(code, &error.to_status());
        if let Some(delay) = error.retry_after() {
            reply.0.headers_mut().insert(RETRY_AFTER, HeaderValue::from(delay.as_secs()));
        }
        reply
    }

    pub(super) fn into_response(self) -> Response<ReplyBody> {
        self.0
    }
}
