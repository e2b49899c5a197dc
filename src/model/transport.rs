//! How servers are reached: one servers transport (spec/http.md 2.7, spec/crd.md 13), checked and self-contained.
//!
//! There is one [`TransportKey::Default`], made from the static options; others come from ServersTransport objects, whose
//! Secrets and ConfigMaps are read by then: nothing here is a reference. What two transports have in common does not matter:
//! the data plane compares all of this before it hands a connection of one to the other, which it never does.
use super::facts::KeyPair;
use super::keys::TransportKey;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// The oldest version that is accepted; `None` for the oldest that we speak, TLS 1.2.
    pub min_version: Option<TlsVersion>,
    /// The newest version; `None` for the newest that we speak, TLS 1.3.
    pub max_version: Option<TlsVersion>,
    /// A URI that must be among the leaf's alternative names: `peerCertURI`. The chain is then verified even where
    /// [`Verification::Skip`] says otherwise, as in the reference; the server's name is not.
    pub peer_uri: Option<Arc<str>>,
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

/// A client certificate. Equal only if every byte of chain and key is: unlike [`KeyPair`] itself, which goes by its
/// fingerprint, this decides whose connection a request may use.
#[derive(Clone, Debug)]
pub struct ClientCertificate(pub Arc<KeyPair>);

impl PartialEq for ClientCertificate {
    fn eq(&self, other: &Self) -> bool {
        let same =
            |a: &KeyPair, b: &KeyPair| a.chain == b.chain && a.key_form == b.key_form && a.private_key == b.private_key;
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

/// A version of TLS. Those before 1.2 can be named but are never spoken: a transport that allows no newer one is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.0.
    Tls10,
    /// TLS 1.1.
    Tls11,
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// Reads `VersionTLS10` to `VersionTLS13`; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "VersionTLS10" => Some(Self::Tls10),
            "VersionTLS11" => Some(Self::Tls11),
            "VersionTLS12" => Some(Self::Tls12),
            "VersionTLS13" => Some(Self::Tls13),
            _ => None,
        }
    }
}

/// A cipher suite of TLS 1.2 that is on offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CipherSuite {
    /// ECDHE-ECDSA with AES-128-GCM.
    EcdsaAes128,
    /// ECDHE-ECDSA with AES-256-GCM.
    EcdsaAes256,
    /// ECDHE-ECDSA with ChaCha20-Poly1305.
    EcdsaChaCha20,
    /// ECDHE-RSA with AES-128-GCM.
    RsaAes128,
    /// ECDHE-RSA with AES-256-GCM.
    RsaAes256,
    /// ECDHE-RSA with ChaCha20-Poly1305.
    RsaChaCha20,
}

/// What the name of a cipher suite means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedSuite {
    /// It is on offer.
    Offered(CipherSuite),
    /// It belongs to TLS 1.3 and is on whether it is named or not.
    AlwaysOn,
    /// The reference has it; we do not: CBC, RC4, 3DES, or no forward secrecy.
    TooOld,
}

/// Names of the suites that the reference knows and we do not speak.
const TOO_OLD: &[&str] = &[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
];

impl NamedSuite {
    /// Reads an IANA name, in the spelling of the reference; `None` for one that it does not know either.
    pub fn parse(name: &str) -> Option<Self> {
        use CipherSuite as S;
        Some(match name {
            "TLS_AES_128_GCM_SHA256" | "TLS_AES_256_GCM_SHA384" | "TLS_CHACHA20_POLY1305_SHA256" => Self::AlwaysOn,
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" => Self::Offered(S::EcdsaAes128),
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" => Self::Offered(S::EcdsaAes256),
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" => {
                Self::Offered(S::EcdsaChaCha20)
            }
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" => Self::Offered(S::RsaAes128),
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" => Self::Offered(S::RsaAes256),
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" => {
                Self::Offered(S::RsaChaCha20)
            }
            known if TOO_OLD.contains(&known) => Self::TooOld,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_and_versions_are_known_by_the_names_of_the_reference() {
        let suites = [
            ("TLS_AES_128_GCM_SHA256", Some(NamedSuite::AlwaysOn)),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Some(NamedSuite::Offered(CipherSuite::RsaAes128))),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", Some(NamedSuite::Offered(CipherSuite::RsaChaCha20))),
            ("TLS_RSA_WITH_RC4_128_SHA", Some(NamedSuite::TooOld)),
            ("tls_aes_128_gcm_sha256", None),
            ("", None),
        ];
        for (name, want) in suites {
            assert_eq!(NamedSuite::parse(name), want, "{name}");
        }
        assert_eq!(TlsVersion::parse("VersionTLS12"), Some(TlsVersion::Tls12));
        assert_eq!(TlsVersion::parse("TLS1.2"), None);
    }
}
