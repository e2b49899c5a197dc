//! Answers that send a client elsewhere: the redirection of an entry point (spec/http.md 4.7 and 3.22).
//!
//! It competes with the routers by its priority (`Table::route_against`), and like the router of the reference it takes
//! every request that names a host.
use super::answer;
use super::body::AnswerBody;
use super::names::X_FORWARDED_PROTO;
use super::target::Target;
use crate::config;
use crate::proxy::entrypoint::Conn;
use crate::proxy::entrypoint::options::Semicolons;
use crate::proxy::table::ConnectionKind;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri};
use std::rc::Rc;
use std::sync::Arc;

/// What users may leave to a router of their own (spec/http.md 4.2, `allowACMEByPass`).
const ACME: &str = "/.well-known/acme-challenge/";

/// The redirection of an entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    scheme: Arc<str>,
    /// `:port`; empty where the scheme implies it.
    port: Arc<str>,
    permanence: Permanence,
    acme: Acme,
    priority: i64,
    /// The connections it takes: those over TLS where the entry point makes all its routers ones for TLS.
    kind: ConnectionKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Permanence {
    Permanent,
    Temporary,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acme {
    Redirected,
    LeftOut,
}

impl Redirect {
    /// The redirection of `given`, if it has one.
    pub(crate) fn of(given: &config::EntryPoint) -> Option<Self> {
        let config::Redirection { to: _, port, scheme, permanent, priority } = given.redirection.as_ref()?;
        Some(Self {
            scheme: scheme.clone(),
            port: shown_port(scheme, &port.to_string()).into(),
            permanence: if *permanent { Permanence::Permanent } else { Permanence::Temporary },
            acme: if given.allow_acme_bypass { Acme::LeftOut } else { Acme::Redirected },
            priority: *priority,
            kind: if given.tls.is_some() { ConnectionKind::Tls } else { ConnectionKind::Plain },
        })
    }

    /// The priority with which it wants a request over such a connection, for this host (canonical) and routing path;
    /// `None` if it does not.
    pub(super) fn priority_for(&self, kind: ConnectionKind, host: &str, path: &str) -> Option<i64> {
        let left_out = kind != self.kind || host.is_empty() || self.acme == Acme::LeftOut && path.starts_with(ACME);
        (!left_out).then_some(self.priority)
    }

    fn status(&self, method: &Method) -> StatusCode {
        match (self.permanence, method == Method::GET) {
            (Permanence::Permanent, true) => StatusCode::MOVED_PERMANENTLY,
            (Permanence::Permanent, false) => StatusCode::PERMANENT_REDIRECT,
            (Permanence::Temporary, true) => StatusCode::FOUND,
            (Permanence::Temporary, false) => StatusCode::TEMPORARY_REDIRECT,
        }
    }
}

/// A request that is sent elsewhere.
pub(super) struct Redirected<'r> {
    pub(super) method: &'r Method,
    pub(super) headers: &'r HeaderMap,
    /// As the client wrote it.
    pub(super) host: Option<&'r HeaderValue>,
    pub(super) target: &'r Target<'r>,
    /// The target before it was cleaned.
    pub(super) uri: &'r Uri,
}

/// The answer. One that would lead to where the client is already is the reference's empty 418.
pub(super) fn answer(
    conn: &Rc<Conn>,
    redirect: &Redirect,
    kind: ConnectionKind,
    request: &Redirected<'_>,
) -> Response<AnswerBody> {
    let authority = request.host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let (name, port) = split(authority);
    // What was replaced in the query for the rules stays as the client wrote it.
    let query = match conn.entry.semicolons {
        Semicolons::Separate => request.uri.query(),
        Semicolons::Encoded => request.target.query(),
    };
    let mut rest = request.target.path().to_owned();
    if let Some(query) = query {
        rest.push('?');
        rest.push_str(query);
    }
    let scheme = present_scheme(kind, request.headers);
    let present = format!("{scheme}://{name}{}{rest}", shown_port(scheme, port));
    let location = format!("{}://{name}{}{rest}", redirect.scheme, redirect.port);
    if location == present {
        return answer::bare(conn, StatusCode::IM_A_TEAPOT, "");
    }
    let Ok(location) = HeaderValue::from_str(&location) else { return answer::bad_request(conn) };
    let status = redirect.status(request.method);
    let mut response = answer::bare(conn, status, status.canonical_reason().unwrap_or_default());
    response.headers_mut().insert(LOCATION, location);
    response
}

/// What the client believes to speak: a trusted peer knows better than we do.
fn present_scheme(kind: ConnectionKind, headers: &HeaderMap) -> &'static str {
    let told = headers.get(&X_FORWARDED_PROTO).map(HeaderValue::as_bytes).unwrap_or_default();
    let is = |words: [&str; 2]| words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(told));
    match kind {
        _ if is(["https", "wss"]) => "https",
        _ if is(["http", "ws"]) => "http",
        ConnectionKind::Tls => "https",
        ConnectionKind::Plain => "http",
    }
}

/// `:port`, unless the scheme implies it or there is none.
fn shown_port(scheme: &str, port: &str) -> String {
    match (scheme, port) {
        (_, "") | ("http", "80") | ("https", "443") => String::new(),
        _ => format!(":{port}"),
    }
}

/// Name and port of an authority; the port may be empty.
fn split(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') && (!name.contains(':') || name.ends_with(']')) => (name, port),
        _ => (authority, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorities_are_split_before_their_port() {
        let cases = [
            ("a.test", ("a.test", "")),
            ("a.test:80", ("a.test", "80")),
            ("[::1]", ("[::1]", "")),
            ("[::1]:80", ("[::1]", "80")),
            ("::1", ("::1", "")),
            ("", ("", "")),
        ];
        for (given, want) in cases {
            assert_eq!(split(given), want, "{given}");
        }
    }

    #[test]
    fn the_present_scheme_is_that_of_a_trusted_peer_else_of_the_connection() {
        let cases = [
            (ConnectionKind::Plain, None, "http"),
            (ConnectionKind::Tls, None, "https"),
            (ConnectionKind::Plain, Some("WSS"), "https"),
            (ConnectionKind::Tls, Some("ws"), "http"),
            (ConnectionKind::Tls, Some("gopher"), "https"),
        ];
        for (kind, told, want) in cases {
            let told = told.map(|told| (X_FORWARDED_PROTO.clone(), HeaderValue::from_static(told)));
            assert_eq!(present_scheme(kind, &told.into_iter().collect()), want);
        }
    }
}
