//! TLS options at work: one rustls configuration each, built when a plan is installed, shared by all workers.
//!
//! Sessions belong to the options they were made with: each has ticket keys and a session store of its own, so that a
//! client that was let in under one cannot resume under another, and changed options start anew. Options that verify
//! clients have none at all ([`resumption`]).
use super::chosen::Chosen;
use super::verify::AnyCertificate;
use crate::model::tls::{
    Authorities, CipherSuite, ClientAuth, Curve, Tickets, TlsOptions, TlsOptionsKey, UnknownNames, Version,
};
use rustls::crypto::aws_lc_rs::{self, Ticketer, cipher_suite, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use std::sync::{Arc, LazyLock};

/// Sessions of TLS 1.2 clients without tickets that are remembered per options. About 1 kB each.
const SESSIONS: usize = 4096;

/// TLS options, ready for handshakes.
#[derive(Debug)]
pub(crate) struct LiveOptions {
    /// Their name.
    pub(crate) key: TlsOptionsKey,
    /// What they were built from.
    pub(crate) plan: Arc<TlsOptions>,
    /// For rustls; without it every handshake is refused.
    pub(super) config: Option<Arc<ServerConfig>>,
}

/// Why rustls does not take options.
#[derive(Debug, thiserror::Error)]
enum BuildError {
    #[error("settings not accepted")]
    Settings(#[from] rustls::Error),
    #[error("a certificate authority is not usable")]
    Authority(#[source] rustls::Error),
    #[error("client verification not accepted")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl LiveOptions {
    /// The default options with their usual values.
    pub(crate) fn usual() -> Arc<Self> {
        static USUAL: LazyLock<Arc<LiveOptions>> = LazyLock::new(|| {
            let key = TlsOptionsKey::Default;
            LiveOptions::build(key.clone(), Arc::default())
                .unwrap_or_else(|| Arc::new(LiveOptions { key, plan: Arc::default(), config: None }))
        });
        USUAL.clone()
    }

    /// Builds `plan`; `None`, and a line in the log, if rustls does not take it.
    pub(crate) fn build(key: TlsOptionsKey, plan: Arc<TlsOptions>) -> Option<Arc<Self>> {
        match config(&plan) {
            Ok(config) => Some(Arc::new(Self { key, plan, config: Some(Arc::new(config)) })),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(name = %key, %error, cause, "TLS options cannot be used");
                None
            }
        }
    }

    /// Whether a client is refused that names nothing a certificate covers.
    pub(super) fn refuses_unknown_names(&self) -> bool {
        self.plan.unknown_names == UnknownNames::Refused
    }
}

fn config(plan: &TlsOptions) -> Result<ServerConfig, BuildError> {
    let provider = Arc::new(provider(plan));
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions(plan))?;
    let mut config = match verifier(&plan.client_auth, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    }
    .with_cert_resolver(Arc::new(Chosen));
    config.alpn_protocols = plan.alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    match resumption(plan) {
        Resumption::Offered => {
            config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
            // Keys change every six hours; the one before is still taken.
            config.ticketer = Ticketer::new()?;
        }
        Resumption::Never => {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
    }
    Ok(config)
}

/// Whether a client may take up a session again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resumption {
    Offered,
    Never,
}

fn resumption(plan: &TlsOptions) -> Resumption {
    match (&plan.client_auth, plan.tickets) {
        (_, Tickets::Off) => Resumption::Never,
        // rustls takes the client's certificate over from the session and verifies nothing again: one that has expired
        // would be let in for as long as tickets live, which is hours.
        (ClientAuth::VerifyIfGiven(_) | ClientAuth::Require(_), _) => Resumption::Never,
        (ClientAuth::None | ClientAuth::Request | ClientAuth::RequireAny, Tickets::Sent) => Resumption::Offered,
    }
}

fn versions(plan: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    // Suites of TLS 1.2 were named and none is left: that version has nothing to offer.
    let no_old_suites = plan.cipher_suites.as_ref().is_some_and(Vec::is_empty);
    let lowest = if no_old_suites { Version::Tls13 } else { plan.min_version };
    let all = [(Version::Tls12, &rustls::version::TLS12), (Version::Tls13, &rustls::version::TLS13)];
    let served = all.into_iter().filter(|(version, _)| (lowest..=plan.max_version).contains(version));
    served.map(|(_, version)| version).collect()
}

fn provider(plan: &TlsOptions) -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(wanted) = &plan.cipher_suites {
        let old: Vec<SupportedCipherSuite> = wanted.iter().map(|suite| supported_suite(*suite)).collect();
        provider.cipher_suites.retain(|suite| suite.tls13().is_some() || old.contains(suite));
    }
    let usual = [Curve::X25519MlKem768, Curve::X25519, Curve::P256, Curve::P384];
    let wanted = if plan.curves.is_empty() { &usual[..] } else { &plan.curves };
    // Our order counts, not that of the options: post-quantum first, as recent versions of the reference do it.
    provider.kx_groups = Curve::ALL.iter().filter(|curve| wanted.contains(curve)).map(|curve| group(*curve)).collect();
    provider
}

pub(in crate::proxy) fn supported_suite(suite: CipherSuite) -> SupportedCipherSuite {
    match suite {
        CipherSuite::EcdsaAes256 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdsaAes128 => cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdsaChaCha => cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite::RsaAes256 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::RsaAes128 => cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::RsaChaCha => cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    }
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::X25519MlKem768 => kx_group::X25519MLKEM768,
        Curve::P256MlKem768 => kx_group::SECP256R1MLKEM768,
        Curve::X25519 => kx_group::X25519,
        Curve::P256 => kx_group::SECP256R1,
        Curve::P384 => kx_group::SECP384R1,
    }
}

fn verifier(
    client_auth: &ClientAuth,
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, BuildError> {
    let webpki = |authorities: &Authorities| {
        let mut roots = RootCertStore::empty();
        for authority in &authorities.0 {
            roots.add(CertificateDer::from(authority.to_vec())).map_err(BuildError::Authority)?;
        }
        Ok::<_, BuildError>(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()))
    };
    Ok(match client_auth {
        ClientAuth::None => None,
        ClientAuth::Request => Some(AnyCertificate::optional(provider)),
        ClientAuth::RequireAny => Some(AnyCertificate::mandatory(provider)),
        ClientAuth::VerifyIfGiven(authorities) => Some(webpki(authorities)?.allow_unauthenticated().build()?),
        ClientAuth::Require(authorities) => Some(webpki(authorities)?.build()?),
    })
}
