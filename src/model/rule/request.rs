//! What a rule sees of a request.
use std::net::IpAddr;

use http::HeaderMap;

/// The parts of a request that rules look at, borrowed from it. The caller prepares them once per request; child routers get
/// a view of their own, since middlewares may have changed path and headers (`spec/http.md` 1.10).
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// Canonical host, made by [`super::canonical_host`]; empty if the request has none. A trailing dot stays.
    pub host: &'a str,
    /// The method as the client wrote it.
    pub method: &'a str,
    /// The routing path, made by [`super::routing_path`].
    pub path: &'a str,
    /// The raw query without its `?`, `None` if there is no `?`.
    pub query: Option<&'a str>,
    /// The headers after forwarded headers were managed. `host` and `transfer-encoding` in it are never matched.
    pub headers: &'a HeaderMap,
    /// Address of the connection's peer (after PROXY protocol).
    pub client_ip: IpAddr,
}
