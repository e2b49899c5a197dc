//! Header names and values that are needed again and again, made once at compile time.
use http::{HeaderName, HeaderValue};

pub(super) static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub(super) static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(super) static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
pub(super) static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) static X_FORWARDED_SERVER: HeaderName = HeaderName::from_static("x-forwarded-server");
pub(super) static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
pub(super) static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
pub(super) static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
pub(super) static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(super) static X_IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");
pub(super) static HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Whether a header is one of those that tell servers about the client.
pub(super) fn is_announced(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "x-forwarded-for"
            | "x-forwarded-host"
            | "x-forwarded-port"
            | "x-forwarded-proto"
            | "x-forwarded-server"
            | "x-real-ip"
    )
}

/// The protocol's name in `Upgrade` and `:protocol`.
pub(super) static WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
pub(super) static CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
pub(super) static CLOSE: HeaderValue = HeaderValue::from_static("close");
pub(super) static TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
pub(super) static UPGRADE: HeaderValue = HeaderValue::from_static("Upgrade");
pub(super) static PORT_80: HeaderValue = HeaderValue::from_static("80");
pub(super) static PORT_443: HeaderValue = HeaderValue::from_static("443");
pub(super) static PROTO_HTTP: HeaderValue = HeaderValue::from_static("http");
pub(super) static PROTO_HTTPS: HeaderValue = HeaderValue::from_static("https");
pub(super) static PROTO_WS: HeaderValue = HeaderValue::from_static("ws");
pub(super) static PROTO_WSS: HeaderValue = HeaderValue::from_static("wss");
pub(super) static TEXT_PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(super) static NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
