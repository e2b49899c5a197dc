//! TLS options (spec/http.md 5.4): what an entry point agrees to in a handshake. One per name, few in all.
//!
//! [`Written`] is what a user wrote, all text; [`TlsOptions`] is what the data plane can do. In between stands
//! [`TlsOptions::parse`], which names everything that cannot be done as written: rustls has no TLS before 1.2 and only
//! suites with forward secrecy and authenticated encryption.
use super::finding::{Problem, excerpt};
use super::keys::SecretKey;
use std::fmt;
use std::sync::Arc;

mod parse;

/// Names TLS options. A connection remembers it, and routers with another one refuse its requests (spec/http.md 5.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsOptionsKey {
    /// The options that hold where none are named; always there.
    #[default]
    Default,
    /// Those of an object, by the name routers use for it: `name@provider`.
    Named(Arc<str>),
}

impl TlsOptionsKey {
    /// The key that a reference means: empty and `default` are the default options, and a name without provider is one
    /// of `provider`.
    pub fn of_reference(text: &str, provider: &str) -> Self {
        match text {
            "" | "default" => Self::Default,
            text if text.contains('@') => Self::Named(text.into()),
            text => Self::Named(format!("{text}@{provider}").into()),
        }
    }

    /// What the API says of a router that wants these and cannot have them (spec/http.md 1.12).
    pub fn unknown(&self) -> String {
        let shown = excerpt(&self.to_string());
        format!("building router handler: unknown TLS options: {}", shown.trim_matches('"'))
    }
}

/// As the API and findings show it.
impl fmt::Display for TlsOptionsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Named(name) => name,
        })
    }
}

/// TLS options that can be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Lowest version.
    pub min_version: Version,
    /// Highest version, not below the lowest.
    pub max_version: Version,
    /// Suites of TLS 1.2; `None` for all. Those of 1.3 are not up to anybody: an empty list leaves TLS 1.3 alone.
    pub cipher_suites: Option<Vec<CipherSuite>>,
    /// Groups for the key exchange. Empty for the usual ones.
    pub curves: Vec<Curve>,
    /// Whether clients show certificates.
    pub client_auth: ClientAuth,
    /// What becomes of a client whose server name no certificate covers.
    pub unknown_names: UnknownNames,
    /// Protocols in the order of preference. Empty for none: then a client gets HTTP/1.1.
    pub alpn: Vec<Arc<str>>,
    /// Whether sessions can be resumed with tickets.
    pub tickets: Tickets,
}

/// The options that hold where none are defined.
impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            min_version: Version::Tls12,
            max_version: Version::Tls13,
            cipher_suites: None,
            curves: Vec::new(),
            client_auth: ClientAuth::None,
            unknown_names: UnknownNames::Default,
            alpn: vec!["h2".into(), "http/1.1".into()],
            tickets: Tickets::Sent,
        }
    }
}

/// A version that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Whether a client without a name that a certificate covers is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownNames {
    /// With the default certificate.
    Default,
    /// Not at all: `sniStrict`.
    Refused,
}

/// Whether session tickets are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tickets {
    /// They are.
    Sent,
    /// They are not: `disableSessionTickets`.
    Off,
}

/// What is asked of a client's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    None,
    /// It is asked for and not looked at.
    Request,
    /// There must be one, of anybody.
    RequireAny,
    /// If there is one, an authority of these must vouch for it.
    VerifyIfGiven(Authorities),
    /// There must be one that an authority of these vouches for.
    Require(Authorities),
}

/// Certificate authorities, DER, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorities(pub Vec<Arc<[u8]>>);

macro_rules! named {
    ($(#[$doc:meta])* $kind:ident { $($(#[$member:meta])* $variant:ident = $($text:literal)|+),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind {
            $($(#[$member])* $variant),+
        }

        impl $kind {
            /// Every one there is.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The one of this name.
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($($text)|+ => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

named!(
    /// A suite of TLS 1.2 that is served, by its IANA name.
    CipherSuite {
        /// ECDHE, ECDSA, AES-256-GCM.
        EcdsaAes256 = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        /// ECDHE, ECDSA, AES-128-GCM.
        EcdsaAes128 = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        /// ECDHE, ECDSA, ChaCha20.
        EcdsaChaCha = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
        /// ECDHE, RSA, AES-256-GCM.
        RsaAes256 = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        /// ECDHE, RSA, AES-128-GCM.
        RsaAes128 = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        /// ECDHE, RSA, ChaCha20.
        RsaChaCha = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" | "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    }
);

named!(
    /// A group for the key exchange that is served.
    Curve {
        /// X25519 and ML-KEM-768 together: safe even if one of them falls, post-quantum.
        X25519MlKem768 = "X25519MLKEM768" | "x25519mlkem768",
        /// P-256 and ML-KEM-768 together.
        P256MlKem768 = "SecP256r1MLKEM768" | "secp256r1mlkem768",
        /// X25519.
        X25519 = "X25519" | "x25519",
        /// NIST P-256.
        P256 = "CurveP256" | "secp256r1",
        /// NIST P-384.
        P384 = "CurveP384" | "secp384r1",
    }
);

/// TLS options as somebody wrote them. Empty texts and lists mean "not written".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// `minVersion`.
    pub min_version: Arc<str>,
    /// `maxVersion`.
    pub max_version: Arc<str>,
    /// `cipherSuites`.
    pub cipher_suites: Vec<Arc<str>>,
    /// `curvePreferences`.
    pub curves: Vec<Arc<str>>,
    /// `clientAuth.clientAuthType`.
    pub client_auth_type: Arc<str>,
    /// Secrets with certificate authorities: `clientAuth.secretNames`.
    pub client_auth_secrets: Vec<SecretKey>,
    /// `sniStrict`.
    pub unknown_names: Option<UnknownNames>,
    /// `alpnProtocols`.
    pub alpn: Vec<Arc<str>>,
    /// `disableSessionTickets`.
    pub tickets: Option<Tickets>,
}

/// What came of reading options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The options; `None` if they cannot be served at all. Routers that name them then answer 503.
    pub options: Option<TlsOptions>,
    /// Everything that is wrong, and everything that is not done as written.
    pub problems: Vec<Problem>,
}
