//! The typed matchers and how each looks at a request (`spec/http.md` 1.4).
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HOST, HeaderName, TRANSFER_ENCODING};
use ipnet::{IpNet, Ipv4Net};

use super::host::HostPattern;
use super::pattern::Pattern;
use super::query;
use super::request::RequestView;

/// One condition on a request. Both syntaxes use the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// The host, see [`HostPattern`].
    Host(HostPattern),
    /// The host is searched; a trailing dot is part of it.
    HostRegexp(Pattern),
    /// The routing path is this one.
    Path(Arc<str>),
    /// The routing path begins with these bytes, whatever follows.
    PathPrefix(Arc<str>),
    /// The routing path is searched.
    PathRegexp(Pattern),
    /// The method is this one, upper case.
    Method(Arc<str>),
    /// A header line of this name has just this value.
    Header(HeaderKey, Arc<str>),
    /// A header line of this name is searched.
    HeaderRegexp(HeaderKey, Pattern),
    /// A query parameter of this name has this value. `Query(k)` is an empty value here.
    Query(Arc<str>, Arc<str>),
    /// A query parameter of this name is searched.
    QueryRegexp(Arc<str>, Pattern),
    /// The peer's address.
    ClientIp(Network),
}

impl Matcher {
    /// Whether `request` meets the condition. Allocates only to decode a query.
    pub fn matches(&self, request: &RequestView<'_>) -> bool {
        match self {
            Self::Host(pattern) => pattern.matches(request.host),
            Self::HostRegexp(pattern) => pattern.is_match(request.host.as_bytes()),
            Self::Path(path) => request.path == &**path,
            Self::PathPrefix(prefix) => request.path.starts_with(&**prefix),
            Self::PathRegexp(pattern) => pattern.is_match(request.path.as_bytes()),
            Self::Method(method) => request.method == &**method,
            Self::Header(key, value) => key.any_line(request, |line| line == value.as_bytes()),
            Self::HeaderRegexp(key, pattern) => key.any_line(request, |line| pattern.is_match(line)),
            Self::Query(key, value) => any_value(request, key, |found| found == value.as_bytes()),
            Self::QueryRegexp(key, pattern) => any_value(request, key, |found| pattern.is_match(found)),
            Self::ClientIp(network) => network.contains(request.client_ip),
        }
    }
}

fn any_value(request: &RequestView<'_>, key: &str, test: impl Fn(&[u8]) -> bool) -> bool {
    let mut pairs = request.query.into_iter().flat_map(query::pairs);
    pairs.any(|(name, value)| *name == *key.as_bytes() && test(&value))
}

/// The name of a header as written in a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderKey {
    text: Arc<str>,
    /// `None` if no request can have it: no header name at all, or one the server takes out (`Host`, `Transfer-Encoding`).
    name: Option<HeaderName>,
}

impl HeaderKey {
    /// Reads a name; any text is accepted.
    pub fn new(text: Arc<str>) -> Self {
        let name = HeaderName::from_bytes(text.as_bytes()).ok();
        Self { text, name: name.filter(|name| *name != HOST && *name != TRANSFER_ENCODING) }
    }

    /// The name as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn any_line(&self, request: &RequestView<'_>, test: impl Fn(&[u8]) -> bool) -> bool {
        self.name.as_ref().is_some_and(|name| request.headers.get_all(name).iter().any(|line| test(line.as_bytes())))
    }
}

/// An address or a range of addresses. IPv4 in its IPv6 form (`::ffff:a.b.c.d`) counts as IPv4, here and in requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpNet);

impl Network {
    /// Reads `10.0.0.1`, `10.0.0.0/8`, `fe80::/10`. `None` for anything else; bits beyond the prefix are dropped.
    pub fn parse(text: &str) -> Option<Self> {
        let net = match text.split_once('/') {
            None => IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()),
            Some((address, prefix)) => {
                let digits = !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit());
                let prefix = if digits { prefix.parse::<u8>().ok()? } else { return None };
                canonical_net(IpNet::new(address.parse().ok()?, prefix).ok()?)
            }
        };
        Some(Self(net.trunc()))
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// `::ffff:10.0.0.0/104` as `10.0.0.0/8`.
fn canonical_net(net: IpNet) -> IpNet {
    let IpNet::V6(six) = net else { return net };
    let four = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(96));
    four.and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok()).map_or(net, IpNet::V4)
}

/// `10.0.0.1` or `10.0.0.0/8`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}
