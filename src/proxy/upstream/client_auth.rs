//! Which certificate we show to a server that asks for one.
//!
//! As the reference chooses: the first whose key can sign as the server wishes and whose chain leads to an authority that the
//! server names, if it names any. None suits: none is shown, and the server decides what that means.
use crate::model::facts::KeyPair;
use crate::model::transport::ClientCertificate;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
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
    pub(super) fn build(given: &[ClientCertificate]) -> Self {
        Self(given.iter().map(|ClientCertificate(pair)| identity(pair)).collect())
    }
}

fn identity(pair: &KeyPair) -> Identity {
    let issuer =
        |der: &[u8]| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate.issuer().as_raw().to_vec());
    Identity { certified: pair.certified.clone(), issuers: pair.chain().filter_map(issuer).collect() }
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
