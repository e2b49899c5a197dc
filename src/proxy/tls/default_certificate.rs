//! The certificate for names that none covers, made at the start (spec/http.md 5.2).
//!
//! As in the reference it is self-signed, valid for a year and calls itself `TRAEFIK DEFAULT CERT`; its key is ECDSA
//! P-256, which is made in no time, where the reference makes an RSA key (docs/compatibility.md).
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use zeroize::Zeroize;

const COMMON_NAME: &str = "TRAEFIK DEFAULT CERT";
const VALID_FOR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The default certificate of one process.
#[derive(Clone, Debug)]
pub(crate) struct DefaultCertificate(Option<Arc<CertifiedKey>>);

/// Why there is none.
#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error("certificate not made")]
    Certificate(#[from] rcgen::Error),
    #[error("key not usable")]
    Key(#[from] rustls::Error),
    #[error("no random bytes")]
    Random,
}

impl DefaultCertificate {
    /// Makes one that is valid from `now`. If that fails, which is logged, names without certificate are refused.
    pub(crate) fn make(now: SystemTime) -> Self {
        match make(now) {
            Ok(made) => Self(Some(Arc::new(made))),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(%error, cause, "there is no default certificate");
                Self(None)
            }
        }
    }

    /// It.
    pub(super) fn get(&self) -> Option<&Arc<CertifiedKey>> {
        self.0.as_ref()
    }
}

fn make(now: SystemTime) -> Result<CertifiedKey, MakeError> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new([format!("{}.{}.traefik.default", label()?, label()?)])?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, COMMON_NAME);
    parameters.distinguished_name = subject;
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    parameters.not_before = rcgen::date_time_ymd(1970, 1, 1) + since;
    parameters.not_after = parameters.not_before + VALID_FOR;
    let certificate = parameters.self_signed(&key)?;
    let mut der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signer = any_supported_type(&der);
    der.zeroize();
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signer?))
}

/// 32 random hexadecimal digits.
fn label() -> Result<String, MakeError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| MakeError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer, X509Certificate};

    #[test]
    fn it_says_what_it_is_and_lasts_a_year() {
        let made = DefaultCertificate::make(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let certified = made.get().unwrap();
        let (_, certificate) = X509Certificate::from_der(&certified.cert[0]).unwrap();
        assert_eq!(certificate.subject().to_string(), "CN=TRAEFIK DEFAULT CERT");
        assert_eq!(certificate.validity().not_before.timestamp(), 1_800_000_000);
        assert_eq!(certificate.validity().not_after.timestamp(), 1_800_000_000 + 31_536_000);
        let names = certificate.subject_alternative_name().unwrap().unwrap().value.general_names.len();
        assert_eq!(names, 1);
        assert_eq!(certified.keys_match(), Ok(()));
    }
}
