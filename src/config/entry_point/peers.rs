//! Whom an entry point believes: X-Forwarded headers (`http.md` 4.3) and PROXY headers (4.4).
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{object, set};

/// Whose X-Forwarded headers are believed, and what is added to them. Default: nobody's, and the peer.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Forwarded {
    /// Everybody's.
    pub insecure: bool,
    /// Those of peers in these networks.
    pub trusted: Networks,
    /// Names of headers that rules and middlewares see although `Connection` lists them.
    pub connection: Vec<Arc<str>>,
    /// Whether the peer is left out of X-Forwarded-For.
    pub not_append_x_forwarded_for: bool,
}

impl Forwarded {
    /// Whether the headers of this peer are believed.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.insecure || self.trusted.contain(peer)
    }

    pub(super) fn to_api_json(&self) -> Value {
        object([
            ("insecure", set(self.insecure)),
            ("trustedIPs", self.trusted.to_api_json()),
            ("connection", (!self.connection.is_empty()).then(|| json!(shown(&self.connection)))),
            ("notAppendXForwardedFor", set(self.not_append_x_forwarded_for)),
        ])
    }
}

/// Whose PROXY headers are believed. Those of others are read and thrown away.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProxyProtocol {
    /// Everybody's.
    pub insecure: bool,
    /// Those of peers in these networks.
    pub trusted: Networks,
}

impl ProxyProtocol {
    pub(super) fn to_api_json(&self) -> Value {
        object([("insecure", set(self.insecure)), ("trustedIPs", self.trusted.to_api_json())])
    }
}

/// Addresses and networks, with the way they were written.
#[derive(Clone, Debug, Default)]
pub struct Networks {
    written: Vec<Arc<str>>,
    networks: Vec<IpNet>,
}

impl Networks {
    /// Reads them; those that are none come back by themselves.
    pub fn parse(written: Vec<String>) -> (Self, Vec<String>) {
        let (mut read, mut wrong) = (Self::default(), Vec::new());
        for text in written {
            match text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)) {
                Ok(network) => {
                    read.networks.push(network.trunc());
                    read.written.push(text.into());
                }
                Err(_) => wrong.push(text),
            }
        }
        (read, wrong)
    }

    /// The networks alone.
    pub fn as_slice(&self) -> &[IpNet] {
        &self.networks
    }

    /// Whether `peer` is in one of them. An IPv4 address counts the same when it comes as `::ffff:a.b.c.d`.
    pub fn contain(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.networks.iter().any(|network| network.contains(&peer))
    }

    fn to_api_json(&self) -> Option<Value> {
        (!self.written.is_empty()).then(|| json!(shown(&self.written)))
    }
}

/// However they are written.
impl PartialEq for Networks {
    fn eq(&self, other: &Self) -> bool {
        self.networks == other.networks
    }
}

impl Eq for Networks {}

fn shown(texts: &[Arc<str>]) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(written: &[&str]) -> Networks {
        Networks::parse(written.iter().map(|text| (*text).to_owned()).collect()).0
    }

    #[test]
    fn peers_are_trusted_by_network_even_as_mapped_addresses() {
        let forwarded = Forwarded { trusted: networks(&["127.0.1.7/24", "::1"]), ..Forwarded::default() };
        let trusts = |peer: &str| forwarded.trusts(peer.parse().unwrap());
        assert!(trusts("127.0.1.9") && trusts("::ffff:127.0.1.9") && trusts("::1"));
        assert!(!trusts("127.0.2.9") && !trusts("::2"));
        assert!(Forwarded { insecure: true, ..Forwarded::default() }.trusts("192.0.2.1".parse().unwrap()));
        assert!(!Forwarded::default().trusts("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn the_api_shows_networks_as_they_were_written() {
        let protocol = ProxyProtocol { insecure: false, trusted: networks(&["10.1.2.3/8", "::1"]) };
        assert_eq!(protocol.to_api_json(), json!({"trustedIPs": ["10.1.2.3/8", "::1"]}));
    }

    #[test]
    fn what_is_no_network_comes_back() {
        let (read, wrong) = Networks::parse(vec!["10.0.0.0/33".to_owned(), "::/0".to_owned(), "a.test".to_owned()]);
        assert_eq!((read, wrong), (networks(&["::/0"]), vec!["10.0.0.0/33".to_owned(), "a.test".to_owned()]));
    }
}
