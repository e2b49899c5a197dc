//! TLS to servers (spec/http.md 2.7): rustls with aws-lc-rs. Made once per transport, shared by all workers.
//!
//! Each transport has sessions of its own to resume, so that none outlives the settings it was made under. [`super::verify`]
//! says who is accepted, [`super::client_auth`] what we show.
use super::ConnectError;
use super::client_auth::Identities;
use super::verify::Verifier;
use crate::model::tls::{CipherSuite, Version};
use crate::model::transport::TransportTls;
use crate::proxy::tls::supported_suite;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedCipherSuite, SupportedProtocolVersion};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which protocols are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Offer {
    /// `h2` and `http/1.1`.
    Http2AndHttp1,
    /// `http/1.1`.
    Http1,
}

/// Why TLS to servers is not possible.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::proxy) enum TlsError {
    /// rustls does not accept the settings.
    #[error("tls client settings")]
    Settings(#[source] rustls::Error),
    /// No version of TLS is left.
    #[error("the lowest TLS version that is allowed is above the highest")]
    Versions,
    /// The server's name can be no TLS name.
    #[error("{0} is no name for tls")]
    Name(Arc<str>),
}

/// Makes TLS connections.
#[derive(Debug)]
pub(in crate::proxy) struct TlsClient {
    verifier: Arc<Verifier>,
    name: Option<ServerName<'static>>,
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

impl TlsClient {
    /// A client for these settings.
    pub(super) fn build(tls: &TransportTls) -> Result<Self, TlsError> {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(wanted) = &tls.cipher_suites {
            provider.cipher_suites.retain(|suite| suite.tls13().is_some() || is_wanted(suite, wanted));
        }
        let provider = Arc::new(provider);
        let verifier = Arc::new(Verifier::build(tls, provider.signature_verification_algorithms));
        let name = tls.server_name.as_ref().map(server_name).transpose()?;
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions(tls)?)
            .map_err(TlsError::Settings)?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_client_cert_resolver(Arc::new(Identities::build(&tls.certificates)));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let http1 = Arc::new(config.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { verifier, name, both: Arc::new(config), http1 })
    }

    /// The handshake with the server called `host`.
    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        host: &Arc<str>,
        offer: Offer,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host).map_err(ConnectError::Tls)?,
        };
        let config = match offer {
            Offer::Http2AndHttp1 => &self.both,
            Offer::Http1 => &self.http1,
        };
        self.verifier.ready().await;
        TlsConnector::from(config.clone()).connect(name, tcp).await.map_err(classify)
    }
}

fn server_name(host: &Arc<str>) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_string()).map_err(|_| TlsError::Name(host.clone()))
}

fn versions(tls: &TransportTls) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let spoken = [(Version::Tls13, &TLS13), (Version::Tls12, &TLS12)];
    let is_allowed = |version: Version| tls.min_version <= version && version <= tls.max_version;
    let left: Vec<_> =
        spoken.into_iter().filter(|(version, _)| is_allowed(*version)).map(|(_, version)| version).collect();
    if left.is_empty() { Err(TlsError::Versions) } else { Ok(left) }
}

fn is_wanted(suite: &SupportedCipherSuite, wanted: &[CipherSuite]) -> bool {
    wanted.iter().any(|wanted| supported_suite(*wanted).suite() == suite.suite())
}

/// A server that answers nonsense or shows a bad certificate is our refusal; an alert or a lost connection is the
/// server's doing.
fn classify(error: io::Error) -> ConnectError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(_)) | None => ConnectError::TlsClosed(error),
        Some(_) => ConnectError::TlsRefused(error),
    }
}
