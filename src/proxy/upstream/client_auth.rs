//! Which certificate we show to a server that asks for one.
//!
//! As the reference chooses: the first whose key can sign as the server wishes and whose chain leads to an authority that the
//! server names, if it names any. None suits: none is shown, and the server decides what that means.
use super::tls::TlsError;
use crate::model::facts::{KeyForm, KeyPair};
use crate::model::transport::ClientCertificate;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The client certificates of one transport.
#[derive(Debug)]
pub(super) struct Identities(Vec<Identity>);

#[derive(Debug)]
struct Identity {
    certified: Arc<CertifiedKey>,
    /// Who issued each certificate of the chain, as DER.
    issuers: Vec<Vec<u8>>,
}

impl Identities {
    pub(super) fn build(given: &[ClientCertificate], provider: &CryptoProvider) -> Result<Self, TlsError> {
        given.iter().map(|ClientCertificate(pair)| identity(pair, provider)).collect::<Result<_, _>>().map(Self)
    }
}

fn identity(pair: &KeyPair, provider: &CryptoProvider) -> Result<Identity, TlsError> {
    let chain: Vec<_> = pair.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
    let key = pair.private_key.expose().clone();
    let key = match pair.key_form {
        KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(key.into()),
        KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(key.into()),
        KeyForm::Sec1 => PrivateKeyDer::Sec1(key.into()),
    };
    let issuer = |der: &CertificateDer<'_>| {
        X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate.issuer().as_raw().to_vec())
    };
    let issuers = chain.iter().filter_map(issuer).collect();
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(TlsError::Certificate)?;
    Ok(Identity { certified: Arc::new(certified), issuers })
}

impl ResolvesClientCert for Identities {
    fn resolve(&self, authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let suits = |identity: &&Identity| {
            let known = |issuer: &Vec<u8>| authorities.contains(&issuer.as_slice());
            identity.certified.key.choose_scheme(schemes).is_some()
                && (authorities.is_empty() || identity.issuers.iter().any(known))
        };
        self.0.iter().find(suits).map(|identity| identity.certified.clone())
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}
