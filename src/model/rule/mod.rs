//! Placeholder until the rules branch lands.
use std::sync::Arc;
/// Rule
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    text: Arc<str>,
}
impl Rule {
    /// Text
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// As on the rules branch.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// Canonical host, made by `canonical_host`; empty if the request has none. A trailing dot stays.
    pub host: &'a str,
    /// The method as the client wrote it.
    pub method: &'a str,
    /// The routing path, made by `routing_path`.
    pub path: &'a str,
    /// The raw query without its `?`, `None` if there is no `?`.
    pub query: Option<&'a str>,
    /// The headers after forwarded headers were managed. `host` and `transfer-encoding` in it are never matched.
    pub headers: &'a http::HeaderMap,
    /// Address of the connection's peer (after PROXY protocol).
    pub client_ip: std::net::IpAddr,
}
