//! TLS to servers (spec/http.md 2.7): rustls with aws-lc-rs, made at the first `https` server and then shared by all
//! workers.
use super::ConnectError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::io;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whose certificates are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Verification {
    /// Those that the authorities of the system vouch for.
    SystemRoots,
    /// Those that these authorities vouch for: PEM texts. An unreadable one is logged and skipped.
    Roots(Vec<Arc<str>>),
    /// Any: `insecureSkipVerify`.
    Off,
}

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
    /// The server's name can be no TLS name.
    #[error("{0} is no name for tls")]
    Name(Arc<str>),
}

/// Makes TLS connections.
#[derive(Debug)]
pub(in crate::proxy) struct TlsClient {
    verification: Verification,
    both: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
    http1: OnceLock<Result<Arc<ClientConfig>, TlsError>>,
}

impl TlsClient {
    /// A client that reads its roots when it is first used.
    pub(in crate::proxy) fn new(verification: Verification) -> Self {
        Self { verification, both: OnceLock::new(), http1: OnceLock::new() }
    }

    /// The handshake with the server called `host`.
    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        host: &Arc<str>,
        offer: Offer,
    ) -> Result<TlsStream<TcpStream>, ConnectError> {
        let config = self.config(offer).map_err(ConnectError::Tls)?;
        let name =
            ServerName::try_from(host.to_string()).map_err(|_| ConnectError::Tls(TlsError::Name(host.clone())))?;
        TlsConnector::from(config).connect(name, tcp).await.map_err(classify)
    }

    fn config(&self, offer: Offer) -> Result<Arc<ClientConfig>, TlsError> {
        match offer {
            Offer::Http2AndHttp1 => self.both.get_or_init(|| self.build()).clone(),
            Offer::Http1 => {
                let only = || {
                    let mut config = (*self.config(Offer::Http2AndHttp1)?).clone();
                    config.alpn_protocols = vec![b"http/1.1".to_vec()];
                    Ok(Arc::new(config))
                };
                self.http1.get_or_init(only).clone()
            }
        }
    }

    fn build(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Settings)?;
        let mut config = match &self.verification {
            Verification::SystemRoots => builder.with_root_certificates(system_roots()).with_no_client_auth(),
            Verification::Roots(texts) => builder.with_root_certificates(given_roots(texts)).with_no_client_auth(),
            Verification::Off => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AcceptAll(provider)))
                .with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// A server that answers nonsense or shows a bad certificate is our refusal; an alert or a lost connection is the
/// server's doing.
fn classify(error: io::Error) -> ConnectError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(_)) | None => ConnectError::TlsClosed(error),
        Some(_) => ConnectError::TlsRefused(error),
    }
}

fn system_roots() -> RootCertStore {
    let loaded = rustls_native_certs::load_native_certs();
    for error in &loaded.errors {
        tracing::warn!(%error, "some certificate authorities of the system cannot be read");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(loaded.certs);
    tracing::debug!(added, ignored, "certificate authorities of the system read");
    roots
}

fn given_roots(texts: &[Arc<str>]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for text in texts {
        for certificate in rustls_pemfile::certs(&mut text.as_bytes()) {
            let added = certificate
                .map_err(|error| error.to_string())
                .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
            if let Err(error) = added {
                tracing::error!(%error, "a certificate of serversTransport.rootCAs cannot be read");
            }
        }
    }
    roots
}

/// Accepts any certificate, but still checks that the server owns it.
#[derive(Debug)]
struct AcceptAll(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
