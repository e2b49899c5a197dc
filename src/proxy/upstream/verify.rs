//! Whether a server is who it should be (spec/http.md 2.7): chain, name and `peerCertURI`, as far as the transport asks.
//!
//! | `insecureSkipVerify` | `peerCertURI` | chain | name | URI |
//! |---|---|---|---|---|
//! | false | no | yes | yes | |
//! | false | yes | yes | yes | yes |
//! | true | no | | | |
//! | true | yes | yes | | yes |
//!
//! That the server owns the key of its certificate is checked in every row.
use super::roots::Authorities;
use crate::model::transport::{TransportTls, Verification};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Verifies servers of one transport.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Authorities,
    verification: Verification,
    uri: Option<Arc<str>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Why a certificate with a good chain and name is still refused.
#[derive(Debug, thiserror::Error)]
#[error("the server's certificate does not name the URI {wanted}")]
struct WrongUri {
    wanted: Arc<str>,
}

impl Verifier {
    pub(super) fn build(tls: &TransportTls, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self {
            authorities: Authorities::build(&tls.roots),
            verification: tls.verification,
            uri: tls.peer_uri.clone(),
            algorithms,
        }
    }

    /// Returns when it can verify.
    pub(super) async fn ready(&self) {
        if self.wants_chain() {
            self.authorities.ready().await;
        }
    }

    fn wants_chain(&self) -> bool {
        self.verification == Verification::Verify || self.uri.is_some()
    }

    fn check_uri(&self, leaf: &CertificateDer<'_>) -> Result<(), Error> {
        let Some(wanted) = &self.uri else { return Ok(()) };
        if uris(leaf).is_some_and(|found| found.iter().any(|uri| *uri == **wanted)) {
            return Ok(());
        }
        let error = WrongUri { wanted: wanted.clone() };
        Err(Error::InvalidCertificate(CertificateError::Other(rustls::OtherError(Arc::new(error)))))
    }
}

/// The URIs that a certificate is valid for; `None` if it cannot be read.
fn uris(certificate: &CertificateDer<'_>) -> Option<Vec<String>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    Some(names.value.general_names.iter().filter_map(uri).collect())
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.wants_chain() {
            let parsed = ParsedCertificate::try_from(leaf)?;
            let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
            let roots = self.authorities.store().ok_or(unknown)?;
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
            if self.verification == Verification::Verify {
                verify_server_name(&parsed, name)?;
            }
        }
        self.check_uri(leaf)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
