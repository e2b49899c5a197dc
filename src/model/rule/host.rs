//! Hosts: the canonical form of a request's host, and what `Host(...)` compares it with (`spec/http.md` 1.5).
use std::borrow::Cow;
use std::sync::Arc;

/// What the argument of `Host` means. Texts are lower-case ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPattern {
    /// One name, kept without a trailing dot.
    Exact(Arc<str>),
    /// `*.rest`, kept as `rest` without a trailing dot: exactly one label, which may be empty, before it.
    Wildcard(Arc<str>),
    /// `*`: any host, also none.
    Any,
    /// A star in any other place, kept as written: accepted, but matches nothing.
    Never(Arc<str>),
}

impl HostPattern {
    /// Reads an argument that is known to be ASCII and not empty.
    pub fn new(argument: &str) -> Self {
        let lower = argument.to_ascii_lowercase();
        if lower == "*" {
            return Self::Any;
        }
        match lower.strip_prefix("*.") {
            Some(rest) if !rest.is_empty() && !rest.contains('*') => Self::Wildcard(without_trailing_dot(rest).into()),
            None if !lower.contains('*') => Self::Exact(without_trailing_dot(&lower).into()),
            _ => Self::Never(lower.into()),
        }
    }

    /// Whether the canonical `host` matches; one trailing dot does not count.
    pub fn matches(&self, host: &str) -> bool {
        let host = without_trailing_dot(host);
        match self {
            Self::Exact(name) => host == &**name,
            Self::Wildcard(rest) => parent(host) == Some(&**rest),
            Self::Any => true,
            Self::Never(_) => false,
        }
    }

    /// The pattern as text that reads back as itself: `a.test`, `*.test`, `*`.
    pub fn text(&self) -> Arc<str> {
        // A dot that is left was the last but one; reading drops one again.
        let dot = |name: &str| if without_trailing_dot(name) == name { "" } else { "." };
        match self {
            Self::Exact(name) if dot(name).is_empty() => Arc::clone(name),
            Self::Exact(name) => format!("{name}.").into(),
            Self::Wildcard(rest) => format!("*.{rest}{}", dot(rest)).into(),
            Self::Any => "*".into(),
            Self::Never(text) => Arc::clone(text),
        }
    }
}

/// `host` without one trailing dot, which is how hosts are compared and indexed. A lone dot stays.
pub fn without_trailing_dot(host: &str) -> &str {
    match host.strip_suffix('.') {
        Some("") | None => host,
        Some(name) => name,
    }
}

/// What follows the first label.
pub(super) fn parent(host: &str) -> Option<&str> {
    host.split_once('.').map(|(_, rest)| rest)
}

/// The host that rules see: without port and brackets, trimmed, ASCII lower case; a trailing dot stays. Borrows unless there
/// is an upper-case letter.
///
/// What is no sound `host:port` is kept whole, as Go's `net.SplitHostPort` leaves it: `::1`, `[::1`.
pub fn canonical_host(authority: &str) -> Cow<'_, str> {
    let host = without_port(authority).trim();
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

fn without_port(authority: &str) -> &str {
    let Some((before, after)) = authority.rsplit_once(':') else { return authority };
    match authority.strip_prefix('[') {
        Some(inside) => match inside.split_once(']') {
            Some((host, "")) => host,
            Some((host, rest)) => {
                let port = rest.strip_prefix(':').filter(|port| !port.contains([':', '[', ']']));
                if port.is_some() && !host.contains('[') { host } else { authority }
            }
            None => authority,
        },
        None if before.contains([':', '[', ']']) || after.contains(['[', ']']) => authority,
        None => before,
    }
}
