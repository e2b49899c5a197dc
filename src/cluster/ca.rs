//! Trust in the API server that follows its CA file: certificates of a cluster are rotated while we run.
//!
//! kube's own verifier reads the file again once a minute. Here a certificate that is not trusted is the reason to look again,
//! so that a rotation costs one more look and not a minute, and nothing is read while all is well.
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tracing::{info, warn};

/// Trusts what the CA file says at the moment.
#[derive(Debug)]
pub struct CaFile {
    path: PathBuf,
    provider: Arc<CryptoProvider>,
    read: Mutex<Read>,
}

/// What was read last.
#[derive(Debug)]
struct Read {
    bytes: Vec<u8>,
    verifier: Arc<WebPkiServerVerifier>,
}

/// Why a CA file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Nothing in it is a certificate that can be trusted.
    #[error("it holds no certificate that can be used")]
    NoCertificate,
}

impl CaFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it cannot be read or holds no certificate.
    pub fn open(path: &Path) -> Result<Self, CaError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let bytes = std::fs::read(path)?;
        let verifier = verifier(&bytes, &provider)?;
        Ok(Self { path: path.to_path_buf(), provider, read: Mutex::new(Read { bytes, verifier }) })
    }

    fn current(&self) -> Arc<WebPkiServerVerifier> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).verifier.clone()
    }

    /// The verifier of a file that is not the one that was read last. A file that cannot be used changes nothing.
    fn newer(&self) -> Option<Arc<WebPkiServerVerifier>> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = std::fs::read(&self.path).map_err(CaError::from).and_then(|bytes| {
            if bytes == read.bytes {
                return Ok(None);
            }
            let verifier = verifier(&bytes, &self.provider)?;
            Ok(Some(Read { bytes, verifier }))
        });
        match loaded {
            Ok(None) => None,
            Ok(Some(newer)) => {
                info!(path = %self.path.display(), "CA file of the API server changed and was read again");
                *read = newer;
                Some(read.verifier.clone())
            }
            Err(error) => {
                warn!(path = %self.path.display(), %error, "CA file cannot be used: the last good one stays");
                None
            }
        }
    }
}

fn verifier(bytes: &[u8], provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, CaError> {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_pemfile::certs(&mut &*bytes) {
        // One that cannot be used must not take the others along, as in the reference.
        if let Err(error) = roots.add(certificate?) {
            warn!(%error, "a certificate of the CA file is left out");
        }
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|_| CaError::NoCertificate)
}

impl ServerCertVerifier for CaFile {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |with: &WebPkiServerVerifier| {
            with.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        verify(&self.current()).or_else(|error| match self.newer() {
            Some(newer) => verify(&newer),
            None => Err(error),
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.current().verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.current().supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    struct Authority(CertifiedIssuer<'static, KeyPair>);

    impl Authority {
        fn new() -> Self {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
        }
        fn leaf(&self) -> CertificateDer<'static> {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["api.test".to_owned()]).unwrap();
            params.signed_by(&key, &self.0).unwrap().der().clone()
        }
    }

    fn trusts(file: &CaFile, leaf: &CertificateDer<'_>) -> bool {
        let name = ServerName::try_from("api.test").unwrap();
        file.verify_server_cert(leaf, &[], &name, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn a_rotated_authority_is_trusted_at_once_and_the_old_one_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.crt");
        let (old, new) = (Authority::new(), Authority::new());
        std::fs::write(&path, old.0.pem()).unwrap();
        let file = CaFile::open(&path).unwrap();
        assert!(trusts(&file, &old.leaf()) && !trusts(&file, &new.leaf()));
        std::fs::write(&path, new.0.pem()).unwrap();
        assert!(trusts(&file, &new.leaf()) && !trusts(&file, &old.leaf()));
    }

    #[test]
    fn a_file_that_cannot_be_used_leaves_the_last_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.crt");
        assert!(matches!(CaFile::open(&path), Err(CaError::Io(_))));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(CaFile::open(&path), Err(CaError::NoCertificate)));
        let (old, other) = (Authority::new(), Authority::new());
        std::fs::write(&path, old.0.pem()).unwrap();
        let file = CaFile::open(&path).unwrap();
        for useless in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, useless).unwrap();
            assert!(!trusts(&file, &other.leaf()) && trusts(&file, &old.leaf()), "{useless}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(!trusts(&file, &other.leaf()) && trusts(&file, &old.leaf()));
    }
}
