//! The client's side of TLS. It alone decides what is negotiated: it offers one version, one cipher suite and one group for
//! the key exchange, so that all proxies do the same work. wrk and h2load are told to offer the same.
//!
//! It never resumes a session. It looks at the certificate, byte for byte, but does not check the signature of the handshake:
//! that is the client's work alone, and its core has enough to do.
use crate::certificate::Certificate;
use crate::load::is_answer;
use anyhow::{Context, bail, ensure};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, cipher_suite, kx_group};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The cipher suite, as OpenSSL calls it.
pub const SUITE: &str = "TLS_AES_128_GCM_SHA256";

/// The group of the key exchange, as OpenSSL calls it.
pub const GROUP: &str = "X25519";

/// HTTP/1.1 in ALPN.
pub const HTTP_1_1: &str = "http/1.1";

/// A configuration of OpenSSL by which programs offer the same without options of their own.
pub fn openssl_config() -> String {
    format!(
        "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = offer\n[offer]\n\
         MinProtocol = TLSv1.3\nCiphersuites = {SUITE}\nGroups = {GROUP}\n"
    )
}

/// What a client and a proxy agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    version: String,
    suite: String,
    group: String,
    protocol: Option<String>,
}

/// Makes connections.
#[derive(Clone)]
pub struct Client {
    connector: TlsConnector,
}

impl Client {
    /// One that accepts `certificate` alone and offers to speak `protocol`.
    pub fn new(certificate: &Certificate, protocol: Option<&str>) -> anyhow::Result<Self> {
        let offered = CryptoProvider {
            cipher_suites: vec![cipher_suite::TLS13_AES_128_GCM_SHA256],
            kx_groups: vec![kx_group::X25519],
            ..aws_lc_rs::default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(offered))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Exactly(certificate.der.clone())))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = protocol.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self { connector: Arc::new(config).into() })
    }

    /// Asks for `path` of `host` over a new connection, and waits until the proxy has closed it. The whole answer.
    pub async fn ask(&self, proxy: SocketAddr, host: &str, path: &str) -> anyhow::Result<Vec<u8>> {
        let mut stream = self.connect(proxy, host).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::with_capacity(1024);
        stream.read_to_end(&mut answer).await?;
        // Whoever closes first keeps the port for a minute, and ours would run out.
        let more = stream.get_mut().0.read(&mut [0]).await?;
        ensure!(more == 0, "the connection goes on after the end of TLS");
        Ok(answer)
    }

    /// What the proxy agrees to.
    pub async fn probe(&self, proxy: SocketAddr, host: &str) -> anyhow::Result<Negotiated> {
        let connecting = tokio::time::timeout(Duration::from_secs(5), self.connect(proxy, host));
        let stream = connecting.await.context("no handshake")??;
        let (_, connection) = stream.get_ref();
        let (Some(version), Some(suite), Some(group)) = (
            connection.protocol_version(),
            connection.negotiated_cipher_suite(),
            connection.negotiated_key_exchange_group(),
        ) else {
            bail!("handshake is not complete");
        };
        Ok(Negotiated {
            version: format!("{version:?}"),
            suite: format!("{:?}", suite.suite()),
            group: format!("{:?}", group.name()),
            protocol: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        })
    }

    async fn connect(&self, proxy: SocketAddr, host: &str) -> anyhow::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(proxy).await?;
        stream.set_nodelay(true)?;
        Ok(self.connector.connect(ServerName::try_from(host.to_owned())?, stream).await?)
    }
}

/// Whether a request for `path` of `host` is answered as the origin answers it.
pub async fn is_served(client: &Client, proxy: SocketAddr, host: &str, path: &str) -> bool {
    let asking = tokio::time::timeout(Duration::from_secs(5), client.ask(proxy, host, path));
    matches!(asking.await, Ok(Ok(answer)) if is_answer(&answer, path))
}

impl fmt::Display for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, suite, group, protocol } = self;
        write!(f, "{version}, {suite}, {group}, ALPN {}", protocol.as_deref().unwrap_or("none"))
    }
}

/// Accepts one certificate.
#[derive(Debug)]
struct Exactly(CertificateDer<'static>);

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // A proxy that makes do with a certificate of its own may do less work, or more.
        if *end_entity == self.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
