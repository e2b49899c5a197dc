//! How servers are reached: one servers transport (spec/http.md 2.7, spec/crd.md 13), checked and self-contained.
//!
//! There is one [`TransportKey::Default`], made from the static options; others come from ServersTransport objects, whose
//! Secrets and ConfigMaps are read by then: nothing here is a reference. What two transports have in common does not matter:
//! the data plane compares all of this before it hands a connection of one to the other, which it never does.
use super::facts::KeyPair;
use super::keys::TransportKey;
use super::tls::{CipherSuite, Version};
use std::sync::Arc;
use std::time::Duration;

/// One servers transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServersTransport {
    /// Which one.
    pub key: TransportKey,
    /// TLS to `https` servers.
    pub tls: TransportTls,
    /// Whether `https` servers are offered HTTP/2: `disableHTTP2`. Servers named `h2c` are not asked.
    pub http2: Http2,
    /// Idle connections kept per server and worker: `maxIdleConnsPerHost`, resolved (0 in an object means 2, a negative
    /// number none). 0 for none.
    pub max_idle_per_host: usize,
    /// Time limits.
    pub timeouts: ForwardingTimeouts,
}

/// TLS to servers. Plain `http` and `h2c` servers never see any of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportTls {
    /// SNI, and the name that the certificate must have: `serverName`. `None` for the host of the server's URL.
    pub server_name: Option<Arc<str>>,
    /// Whether the certificate is verified: `insecureSkipVerify`. That the server owns it is checked in any case.
    pub verification: Verification,
    /// Who vouches for certificates.
    pub roots: Roots,
    /// Shown to servers that ask for one: the first that suits what the server accepts.
    pub certificates: Vec<ClientCertificate>,
    /// TLS 1.2 suites that are offered, in the order of our preference; `None` for all. Those of TLS 1.3 are always on.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// The oldest version that is accepted.
    pub min_version: Version,
    /// The newest version. Below the oldest one, the transport cannot be used.
    pub max_version: Version,
    /// A URI that must be among the leaf's alternative names: `peerCertURI`. The chain is then verified even where
    /// [`Verification::Skip`] says otherwise, as in the reference; the server's name is not.
    pub peer_uri: Option<Arc<str>>,
}

/// Everything verified by the authorities of the system, under the server's own name, without a certificate of ours.
impl Default for TransportTls {
    fn default() -> Self {
        Self {
            server_name: None,
            verification: Verification::Verify,
            roots: Roots::System,
            certificates: Vec::new(),
            cipher_suites: None,
            min_version: Version::Tls12,
            max_version: Version::Tls13,
            peer_uri: None,
        }
    }
}

/// Whether certificates of servers are verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Chain and name.
    #[default]
    Verify,
    /// Neither.
    Skip,
}

/// Who vouches for certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Roots {
    /// The authorities of the system, read once when the first server needs them.
    #[default]
    System,
    /// These alone, as DER. None at all means that no certificate verifies: entries that cannot be read were left out.
    Given(Arc<[Arc<[u8]>]>),
}

/// Whether HTTP/2 is offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Http2 {
    /// `h2` and `http/1.1`.
    #[default]
    Offered,
    /// `http/1.1` alone.
    Disabled,
}

/// A client certificate. Equal only if every byte of the chain is, which names the one key that belongs to it: unlike
/// [`KeyPair`] itself, which goes by its fingerprint alone, this decides whose connection a request may use.
#[derive(Clone, Debug)]
pub struct ClientCertificate(pub Arc<KeyPair>);

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &KeyPair, b: &KeyPair| a.certified.cert == b.certified.cert && a.fingerprint == b.fingerprint;
        Arc::ptr_eq(&self.0, &other.0) || same(&self.0, &other.0)
    }
}

impl Eq for ClientCertificate {}

/// Time limits on the way to a server. `None` for no limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ForwardingTimeouts {
    /// To connect. Default 30 s.
    pub dial: Option<Duration>,
    /// From the end of the request to the head of its answer. Default none.
    pub response_header: Option<Duration>,
    /// How long an idle connection is kept. Default 90 s.
    pub idle: Option<Duration>,
    /// HTTP/2: silence after which a ping is sent. Default none, so no pings.
    pub read_idle: Option<Duration>,
    /// HTTP/2: how long the answer to a ping may take; then the connection is closed. Default 15 s.
    pub ping: Duration,
}

impl Default for ForwardingTimeouts {
    fn default() -> Self {
        Self {
            dial: Some(Duration::from_secs(30)),
            response_header: None,
            idle: Some(Duration::from_secs(90)),
            read_idle: None,
            ping: Duration::from_secs(15),
        }
    }
}

/// The default transport as it is without any option.
impl Default for ServersTransport {
    fn default() -> Self {
        Self {
            key: TransportKey::Default,
            tls: TransportTls::default(),
            http2: Http2::Offered,
            max_idle_per_host: 200,
            timeouts: ForwardingTimeouts::default(),
        }
    }
}
