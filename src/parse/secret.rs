//! Secret: the TLS pair in it, parsed and checked so that the data plane gets only pairs that work (spec/ingress.md 12).
//!
//! No text made here ever repeats bytes of the Secret.
use super::{name, namespace};
use crate::base::intern::intern;
use crate::model::facts::{KeyPair, SecretEntry, SecretFact};
use crate::model::keys::SecretKey;
use aws_lc_rs::digest;
use k8s_openapi::api::core::v1 as api;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};
use rustls_pemfile::{Error as PemError, Item, read_one_from_slice};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use zeroize::Zeroize;

/// Data key of the certificate chain.
const CRT: &str = "tls.crt";
/// Data key of the private key.
const KEY: &str = "tls.key";
/// Bits of the RSA keys that aws-lc-rs signs with.
const SMALLEST_RSA_KEY: usize = 2048;
const LARGEST_RSA_KEY: usize = 8192;

/// What the Secret says about TLS.
pub fn parse(object: &api::Secret) -> SecretFact {
    let entry = |key: &str| object.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
    let (crt, key) = (entry(CRT), entry(KEY));
    let pair = match (crt, key) {
        (Some(crt), Some(key)) if !crt.is_empty() && !key.is_empty() => Some(parse_pair(crt, key)),
        _ => None,
    };
    SecretFact {
        key: SecretKey::new(intern(namespace(&object.metadata)), name(&object.metadata)),
        crt: state(crt),
        private_key: state(key),
        pair: pair.map(|pair| pair.map(Arc::new).map_err(|error| error.to_string().into())),
    }
}

fn state(bytes: Option<&[u8]>) -> SecretEntry {
    match bytes {
        None => SecretEntry::Missing,
        Some([]) => SecretEntry::Empty,
        Some(_) => SecretEntry::Present,
    }
}

/// Why a pair cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum PairError {
    #[error("{entry} is not PEM: {what}")]
    Pem { entry: &'static str, what: &'static str },
    #[error("tls.crt holds no certificate; a block CERTIFICATE was expected")]
    NoCertificate,
    #[error("certificate {position} of tls.crt is not a valid X.509 certificate")]
    BadCertificate { position: usize },
    #[error(
        "tls.key holds no private key; a block PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY was expected, unencrypted"
    )]
    NoKey,
    #[error("the private key in tls.key cannot be read or is of a kind that is not supported")]
    BadKey,
    #[error("the RSA key has {bits} bits; {SMALLEST_RSA_KEY} to {LARGEST_RSA_KEY} are supported")]
    KeySize { bits: usize },
    #[error("the private key in tls.key does not belong to the first certificate of tls.crt")]
    Mismatch,
}

fn parse_pair(crt: &[u8], key: &[u8]) -> Result<KeyPair, PairError> {
    let chain = certificates(crt)?;
    let names = names(chain.first().ok_or(PairError::NoCertificate)?)?;
    for (index, certificate) in chain.iter().enumerate() {
        X509Certificate::from_der(certificate).map_err(|_| PairError::BadCertificate { position: index + 1 })?;
    }
    let mut der = private_key(key)?;
    let certified = certified(chain, &der);
    der.zeroize();
    let certified = certified?;
    let mut context = digest::Context::new(&digest::SHA256);
    // The length keeps the seam between the two from moving.
    context.update(&crt.len().to_be_bytes());
    context.update(crt);
    context.update(key);
    let mut fingerprint = [0; 32];
    fingerprint.copy_from_slice(context.finish().as_ref());
    Ok(KeyPair { certified: Arc::new(certified), names, fingerprint })
}

/// All blocks of a PEM text that are known; others are passed over.
fn blocks(entry: &'static str, mut text: &[u8]) -> Result<Vec<Item>, PairError> {
    let mut items = Vec::new();
    loop {
        match read_one_from_slice(text) {
            Ok(Some((item, rest))) => {
                items.push(item);
                text = rest;
            }
            Ok(None) => return Ok(items),
            Err(error) => return Err(PairError::Pem { entry, what: what_is_wrong(&error) }),
        }
    }
}

/// In words of ours: the error's own text may repeat lines of the Secret.
fn what_is_wrong(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "a block does not end; its END line is missing or of another label",
        PemError::IllegalSectionStart { .. } => "a BEGIN line is malformed",
        PemError::Base64Decode(_) => "a block is not valid base64",
    }
}

fn certificates(crt: &[u8]) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let chain: Vec<_> = blocks(CRT, crt)?
        .into_iter()
        .filter_map(|item| match item {
            Item::X509Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if chain.is_empty() { Err(PairError::NoCertificate) } else { Ok(chain) }
}

fn private_key(key: &[u8]) -> Result<PrivateKeyDer<'static>, PairError> {
    let first = blocks(KEY, key)?.into_iter().find_map(|item| match item {
        Item::Pkcs8Key(der) => Some(der.into()),
        Item::Pkcs1Key(der) => Some(der.into()),
        Item::Sec1Key(der) => Some(der.into()),
        _ => None,
    });
    first.ok_or(PairError::NoKey)
}

/// Chain and key together, if the key signs and belongs to the leaf.
fn certified(chain: Vec<CertificateDer<'static>>, key: &PrivateKeyDer<'static>) -> Result<CertifiedKey, PairError> {
    let signer = any_supported_type(key).map_err(|_| bad_key(chain.first()))?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(TlsError::InconsistentKeys(_)) => Err(PairError::Mismatch),
        Err(_) => Err(PairError::BadCertificate { position: 1 }),
    }
}

/// Why the key of this certificate cannot sign, as far as the certificate tells.
fn bad_key(certificate: Option<&CertificateDer<'_>>) -> PairError {
    let parsed = certificate.and_then(|certificate| X509Certificate::from_der(certificate).ok());
    let size = parsed.and_then(|(_, certificate)| match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(bits(key.modulus)),
        _ => None,
    });
    match size {
        Some(bits) if !(SMALLEST_RSA_KEY..=LARGEST_RSA_KEY).contains(&bits) => PairError::KeySize { bits },
        _ => PairError::BadKey,
    }
}

/// Length of a number, big endian.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() - zeros) * 8 - first
}

/// Names the certificate is valid for: lower case, sorted, each once.
fn names(certificate: &CertificateDer<'_>) -> Result<Vec<Arc<str>>, PairError> {
    let bad = PairError::BadCertificate { position: 1 };
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return Err(bad) };
    let mut names = BTreeSet::new();
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in &extension.value.general_names {
            match name {
                GeneralName::DNSName(name) => names.insert(name.to_ascii_lowercase()),
                GeneralName::IPAddress(bytes) => ip_text(bytes).is_some_and(|text| names.insert(text)),
                _ => false,
            };
        }
    }
    let common = certificate.subject().iter_common_name().filter_map(|name| name.as_str().ok());
    names.extend(common.map(str::to_ascii_lowercase));
    Ok(names.into_iter().map(Into::into).collect())
}

fn ip_text(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from).ok();
    let address = v4.or_else(|| <[u8; 16]>::try_from(bytes).map(IpAddr::from).ok());
    address.map(|address| address.to_string())
}

#[cfg(test)]
mod tests;
