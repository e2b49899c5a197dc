//! Certificates of the tests' own making, and https servers that show them.
use super::rig::Origin;
use super::secure::{serve_http2, tell};
use crate::base::io::TokioIo;
use crate::model::facts::KeyPair as ClientPair;
use crate::model::transport::{ClientCertificate, Roots};
use hyper::service::service_fn;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd,
};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Whether a certificate is still valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    Fresh,
    Expired,
}

/// A certificate with its key.
pub struct Leaf {
    pub certificate: Certificate,
    pub key: KeyPair,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for `names`; one with `://` is a URI.
    pub fn issue(&self, names: &[&str], age: Age) -> Leaf {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
        let mut params = CertificateParams::new(hosts.into_iter().map(str::to_owned).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.into_iter().map(|uri| SanType::URI(uri.try_into().unwrap())));
        if age == Age::Expired {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf { certificate, key }
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn roots(&self) -> Roots {
        Roots::Given([Arc::from(self.der().as_ref())].into())
    }
}

impl Leaf {
    pub fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }

    pub fn for_client(&self) -> ClientCertificate {
        let signer = provider().key_provider.load_private_key(self.key()).unwrap();
        let certified = Arc::new(CertifiedKey::new(vec![self.certificate.der().clone()], signer));
        ClientCertificate(Arc::new(ClientPair { certified, names: Vec::new(), fingerprint: [0; 32] }))
    }
}

/// An https server.
pub struct Https {
    pub provider: CryptoProvider,
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub protocols: Vec<&'static str>,
    /// Whose client certificates it demands.
    pub demands: Option<CertificateDer<'static>>,
}

impl Default for Https {
    fn default() -> Self {
        Self {
            provider: provider(),
            versions: rustls::ALL_VERSIONS.to_vec(),
            protocols: vec!["h2", "http/1.1"],
            demands: None,
        }
    }
}

pub fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// Shows whatever it is given, also a certificate that belongs to another key.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

impl Https {
    pub async fn start(self, leaf: &Leaf) -> Origin {
        self.showing(leaf, leaf.key()).await
    }

    /// Shows the certificate of `leaf` and signs with `key`.
    pub async fn showing(self, leaf: &Leaf, key: PrivateKeyDer<'static>) -> Origin {
        let signer = self.provider.key_provider.load_private_key(key).unwrap();
        let shown = Arc::new(Shows(Arc::new(CertifiedKey::new(vec![leaf.certificate.der().clone()], signer))));
        let provider = Arc::new(self.provider);
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&self.versions).unwrap();
        let builder = match self.demands {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(shown);
        config.alpn_protocols = self.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Origin::scripted(move |client, _| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(stream) = acceptor.accept(client.tcp).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve_http2(stream).await;
                } else {
                    let connection = hyper::server::conn::http1::Builder::new();
                    connection.serve_connection(TokioIo::new(stream), service_fn(tell)).await.ok();
                }
            }
        })
        .await
    }
}
