//! Where an entry point listens: `[host]:port[/protocol]`, as in `entryPoints.<name>.address` (`http.md` 4.2).
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// What is spoken at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP; the default.
    Tcp,
    /// UDP.
    Udp,
}

/// An address to listen on. It remembers how it was written, for the API; two are equal if they listen alike.
#[derive(Clone, Debug)]
pub struct ListenAddress {
    text: Arc<str>,
    host: Option<IpAddr>,
    port: u16,
    protocol: Protocol,
}

impl ListenAddress {
    /// `:port`.
    pub fn all_interfaces(port: u16) -> Self {
        Self { text: format!(":{port}").into(), host: None, port, protocol: Protocol::Tcp }
    }

    /// What is spoken there.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The interface; `None` for all of them, IPv4 and IPv6. `0.0.0.0` and `::` mean that too, as in Go.
    pub fn host(&self) -> Option<IpAddr> {
        self.host
    }

    /// The port; 0 lets the system choose.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses to bind one of, best first: all interfaces are one dual-stack socket on `[::]`, or `0.0.0.0` where
    /// the machine has no IPv6.
    pub fn candidates(&self) -> impl Iterator<Item = SocketAddr> + use<> {
        let (first, second) = match self.host {
            Some(host) => (host, None),
            None => (Ipv6Addr::UNSPECIFIED.into(), Some(Ipv4Addr::UNSPECIFIED.into())),
        };
        let port = self.port;
        [Some(first), second].into_iter().flatten().map(move |host| SocketAddr::new(host, port))
    }

    /// The first of the candidates.
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.host.unwrap_or(Ipv6Addr::UNSPECIFIED.into()), self.port)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ListenAddress {
    fn eq(&self, other: &Self) -> bool {
        (self.host, self.port, self.protocol) == (other.host, other.port, other.protocol)
    }
}

impl Eq for ListenAddress {}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        let host = specific(address.ip());
        Self { text: address.to_string().into(), host, port: address.port(), protocol: Protocol::Tcp }
    }
}

/// Why a text is no address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No port, or none that is a number up to 65535.
    #[error("expected `[host]:port` with a port number, such as `:80` or `127.0.0.1:8080`")]
    Port,
    /// Names are not looked up.
    #[error("host `{0}` is not an IP address")]
    Host(String),
    /// Neither tcp nor udp.
    #[error("invalid protocol `{0}`, expected tcp or udp")]
    Protocol(String),
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (address, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let protocol = match protocol.to_ascii_lowercase().as_str() {
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            _ => return Err(AddressError::Protocol(protocol.to_owned())),
        };
        let (host, port) = address.rsplit_once(':').ok_or(AddressError::Port)?;
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(AddressError::Port);
        }
        let port = port.parse().map_err(|_| AddressError::Port)?;
        let host = if host.is_empty() { None } else { specific(parse_host(host)?) };
        Ok(Self { text: text.into(), host, port, protocol })
    }
}

fn parse_host(host: &str) -> Result<IpAddr, AddressError> {
    let wrong = || AddressError::Host(host.to_owned());
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| wrong()),
        // The one name that means the same everywhere.
        None if host.eq_ignore_ascii_case("localhost") => Ok(Ipv4Addr::LOCALHOST.into()),
        None => host.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| wrong()),
    }
}

fn specific(ip: IpAddr) -> Option<IpAddr> {
    (!ip.is_unspecified()).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_with_and_without_host_and_protocol() {
        let cases = [
            (":80", None, 80),
            (":80/tcp", None, 80),
            (":80/TCP", None, 80),
            ("0.0.0.0:80", None, 80),
            ("[::]:80", None, 80),
            ("127.0.0.1:0", Some("127.0.0.1"), 0),
            ("localhost:8080", Some("127.0.0.1"), 8080),
            ("[::1]:80/tcp", Some("::1"), 80),
        ];
        for (text, host, port) in cases {
            let address: ListenAddress = text.parse().unwrap();
            assert_eq!(address.host(), host.map(|host| host.parse().unwrap()), "{text}");
            assert_eq!((address.port(), address.as_str()), (port, text));
        }
    }

    #[test]
    fn other_texts_are_refused_with_the_reason() {
        let host = |host: &str| AddressError::Host(host.to_owned());
        let cases = [
            ("", AddressError::Port),
            ("80", AddressError::Port),
            (":", AddressError::Port),
            (":+1", AddressError::Port),
            (":65536", AddressError::Port),
            (":http", AddressError::Port),
            ("example.com:80", host("example.com")),
            ("::1:80", host("::1")),
            ("[::1:80", host("[::1")),
            ("[127.0.0.1]:80", host("[127.0.0.1]")),
            (":80/sctp", AddressError::Protocol("sctp".to_owned())),
            (":80/", AddressError::Protocol(String::new())),
        ];
        for (text, want) in cases {
            assert_eq!(text.parse::<ListenAddress>().unwrap_err(), want, "{text:?}");
        }
    }

    #[test]
    fn all_interfaces_are_one_dual_stack_socket_or_ipv4_without_ipv6() {
        let all: ListenAddress = ":80".parse().unwrap();
        let shown: Vec<String> = all.candidates().map(|address| address.to_string()).collect();
        assert_eq!(shown, ["[::]:80", "0.0.0.0:80"]);
        assert_eq!(all.socket_addr(), all.candidates().next().unwrap());
        let one: ListenAddress = "127.0.0.1:80".parse().unwrap();
        assert_eq!(one.candidates().collect::<Vec<_>>(), [one.socket_addr()]);
    }

    #[test]
    fn addresses_that_listen_alike_are_equal_however_they_are_written() {
        let parse = |text: &str| text.parse::<ListenAddress>().unwrap();
        assert_eq!(parse(":80"), parse("0.0.0.0:80/tcp"));
        assert_ne!(parse(":80"), parse("127.0.0.1:80"));
        assert_ne!(parse(":80"), parse(":80/udp"));
        assert_eq!((parse(":80").protocol(), parse(":80/UDP").protocol()), (Protocol::Tcp, Protocol::Udp));
        assert_eq!(ListenAddress::from(SocketAddr::from(([127, 0, 0, 1], 80))), parse("127.0.0.1:80"));
    }
}
