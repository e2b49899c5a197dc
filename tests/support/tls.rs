//! An authority of a test's own, and clients that trust nobody else.
use super::http::Connection;
use k8s_openapi::ByteString;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
pub struct Leaf {
    pub der: CertificateDer<'static>,
    crt: String,
    key: String,
}

/// A connection that is kept, and the certificate that was shown when it was made.
pub struct Secure {
    pub shown: CertificateDer<'static>,
    pub connection: Connection,
}

impl Authority {
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn issue(&self, name: &str) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        Leaf { der: certificate.der().clone(), crt: certificate.pem(), key: key.serialize_pem() }
    }

    /// A handshake for `name`; fails if the certificate is not one of this authority, or of another name.
    pub async fn connect(&self, to: SocketAddr, name: &str) -> io::Result<Secure> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let tcp = TcpStream::connect(to).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
        Ok(Secure { shown, connection: Connection::on(stream).await })
    }
}

impl Leaf {
    pub fn secret(&self, namespace: &str, name: &str) -> Value {
        secret(namespace, name, &self.crt, &self.key)
    }

    /// A Secret whose key belongs to another certificate.
    pub fn secret_with_key_of(&self, other: &Self, namespace: &str, name: &str) -> Value {
        secret(namespace, name, &self.crt, &other.key)
    }
}

fn secret(namespace: &str, name: &str, crt: &str, key: &str) -> Value {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
           "metadata": {"namespace": namespace, "name": name},
           "data": {"tls.crt": bytes(crt), "tls.key": bytes(key)}})
}

/// The Ingress with that Secret in `spec.tls`.
pub fn with_secret(mut ingress: Value, secret: &str) -> Value {
    ingress["spec"]["tls"] = json!([{"secretName": secret}]);
    ingress
}
