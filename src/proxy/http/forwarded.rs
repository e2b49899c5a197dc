//! What servers learn about the client (spec/http.md 4.3): `X-Forwarded-*` and `X-Real-Ip`.
//!
//! Values that depend on the connection alone were made when it came in; values that depend on the host are remembered
//! with it. For an untrusted client, whose own headers are gone by now, nothing is looked up.
use super::names::{
    PORT_80, PORT_443, PROTO_HTTP, PROTO_HTTPS, PROTO_WS, PROTO_WSS, X_FORWARDED_FOR, X_FORWARDED_HOST,
    X_FORWARDED_PORT, X_FORWARDED_PROTO, X_FORWARDED_SERVER, X_REAL_IP,
};
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::choices::Chain;
use crate::proxy::entrypoint::connection::Trusted;
use crate::proxy::table::ConnectionKind;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Headers that are added to a request, `X-Forwarded-For` included.
const ADDED: usize = 6;

/// What a request says about itself, as far as it matters here.
pub(super) struct Context<'r> {
    /// Host as the client wrote it.
    pub(super) host: Option<&'r HeaderValue>,
    /// Port in it.
    pub(super) port: Option<&'r HeaderValue>,
    /// Protocol the client wants to change to.
    pub(super) upgrade: Option<&'r HeaderValue>,
}

/// Sets all but `X-Forwarded-For`, of which it only makes one line. Rules see the result.
pub(super) fn announce(headers: &mut HeaderMap, conn: &Conn, context: &Context<'_>) {
    // One growth of the map instead of one or two on the way.
    headers.reserve(ADDED);
    let proto = proto(conn.kind(), context.upgrade);
    match conn.client.trusted {
        Trusted::No => {
            headers.insert(&X_REAL_IP, conn.client.ip_value.clone());
            headers.insert(&X_FORWARDED_PROTO, proto.clone());
            headers.insert(&X_FORWARDED_PORT, port(conn.kind(), proto, context));
            if let Some(host) = context.host {
                headers.insert(&X_FORWARDED_HOST, host.clone());
            }
        }
        Trusted::Yes => {
            keep_or(headers, &X_REAL_IP, Some(conn.client.ip_value.clone()));
            keep_or(headers, &X_FORWARDED_PROTO, Some(proto.clone()));
            let proto = headers.get(&X_FORWARDED_PROTO).cloned().unwrap_or_else(|| proto.clone());
            keep_or(headers, &X_FORWARDED_PORT, Some(port(conn.kind(), &proto, context)));
            keep_or(headers, &X_FORWARDED_HOST, context.host.cloned());
            join_lines(headers, &X_FORWARDED_FOR);
        }
    }
    headers.insert(&X_FORWARDED_SERVER, conn.entry.server_name.clone());
}

/// Appends the client to `X-Forwarded-For`, unless the entry point leaves that as it is.
pub(super) fn append_client(headers: &mut HeaderMap, conn: &Conn) {
    if conn.entry.choices.chain == Chain::AsReceived {
        return;
    }
    let client = &conn.client.ip_value;
    let value = match (conn.client.trusted, headers.get(&X_FORWARDED_FOR)) {
        (Trusted::Yes, Some(earlier)) if !earlier.as_bytes().trim_ascii().is_empty() => {
            HeaderValue::from_bytes(&[earlier.as_bytes(), b", ", client.as_bytes()].concat())
                .unwrap_or_else(|_| client.clone())
        }
        _ => client.clone(),
    };
    headers.insert(&X_FORWARDED_FOR, value);
}

fn proto(kind: ConnectionKind, upgrade: Option<&HeaderValue>) -> &'static HeaderValue {
    let websocket = upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"));
    match (kind, websocket) {
        (ConnectionKind::Plain, false) => &PROTO_HTTP,
        (ConnectionKind::Plain, true) => &PROTO_WS,
        (ConnectionKind::Tls, false) => &PROTO_HTTPS,
        (ConnectionKind::Tls, true) => &PROTO_WSS,
    }
}

fn port(kind: ConnectionKind, proto: &HeaderValue, context: &Context<'_>) -> HeaderValue {
    if let Some(port) = context.port {
        return port.clone();
    }
    let secure = kind == ConnectionKind::Tls || *proto == PROTO_HTTPS || *proto == PROTO_WSS;
    if secure { PORT_443.clone() } else { PORT_80.clone() }
}

/// Keeps what a trusted peer says, unless it is empty.
fn keep_or(headers: &mut HeaderMap, name: &'static HeaderName, value: Option<HeaderValue>) {
    if headers.get(name).is_some_and(|present| !present.is_empty()) {
        return;
    }
    if let Some(value) = value {
        headers.insert(name, value);
    }
}

fn join_lines(headers: &mut HeaderMap, name: &'static HeaderName) {
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    let joined = lines.join(&b", "[..]);
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(name, value);
    }
}
