//! A proxy with TLS routers, certificates made on the spot, and rustls clients that say what they got.
use crate::model::facts::KeyPair;
use crate::model::keys::SecretKey;
use crate::model::plan::{HostHeader, OptionsStanding, PlanPatch, Router, Scheme, Secured, TlsHost};
use crate::model::tls::{TlsOptions, TlsOptionsKey};
use crate::proxy::tests::rig::{Origin, Rig, plan_for, server};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A self-signed certificate for `names`, its common name `common`.
pub fn pair(common: &str, names: &[&str]) -> Arc<KeyPair> {
    pair_of(&rcgen::PKCS_ECDSA_P256_SHA256, common, names)
}

pub fn pair_of(algorithm: &'static rcgen::SignatureAlgorithm, common: &str, names: &[&str]) -> Arc<KeyPair> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut parameters = CertificateParams::new(names.clone()).unwrap();
    parameters.distinguished_name.push(DnType::CommonName, common);
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let signer = any_supported_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap();
    let mut fingerprint = [0; 32];
    aws_lc_rs_random(&mut fingerprint);
    Arc::new(KeyPair {
        certified: Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signer)),
        names: names.into_iter().map(Into::into).collect(),
        fingerprint,
    })
}

fn aws_lc_rs_random(bytes: &mut [u8]) {
    ::aws_lc_rs::rand::fill(bytes).unwrap();
}

pub fn secret(name: &str) -> SecretKey {
    SecretKey::new("default", name)
}

pub fn named(name: &str) -> TlsOptionsKey {
    TlsOptionsKey::Named(name.into())
}

/// A plan whose only router takes TLS connections for `rule`, made with `options`.
pub fn tls_plan(rule: &str, origin: &Origin, options: TlsOptionsKey) -> PlanPatch {
    let mut plan = plan_for(rule, [server(Scheme::Http, origin.address)], HostHeader::Pass);
    for (_, router) in &mut plan.routers {
        let router: &mut Router = Arc::make_mut(router.as_mut().unwrap());
        let standing = OptionsStanding::Usable;
        router.secured = [Secured { entry_point: "web".into(), options: options.clone(), standing }].into();
    }
    plan
}

/// Adds options, and the hosts whose connections are made with them.
pub fn with_options(plan: &mut PlanPatch, key: &TlsOptionsKey, options: TlsOptions, hosts: &[&str]) {
    plan.tls_options.push((key.clone(), Some(Arc::new(options))));
    let host = |host: &&str| TlsHost { entry_point: "web".into(), host: (*host).into() };
    plan.tls_hosts.extend(hosts.iter().map(|name| (host(name), Some(key.clone()))));
}

/// A proxy with one TLS router for everything, and these certificates.
pub async fn rig_with(pairs: Vec<(&str, Arc<KeyPair>)>) -> Rig {
    let origin = Origin::echoing().await;
    let mut plan = tls_plan("PathPrefix(`/`)", &origin, TlsOptionsKey::Default);
    plan.certificates = pairs.into_iter().map(|(name, pair)| (secret(name), Some(pair))).collect();
    Rig::with(&[], plan)
}

/// Believes every certificate; what it was is looked at afterwards. Offers the signature schemes whose names begin so.
#[derive(Debug)]
struct Believer(&'static str);

impl ServerCertVerifier for Believer {
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
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let all = aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes();
        all.into_iter().filter(|scheme| format!("{scheme:?}").starts_with(self.0)).collect()
    }
}

/// A client's certificate and key.
pub type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A client of any version that offers `protocols`.
pub fn client(protocols: &[&str]) -> ClientConfig {
    client_of(&[&rustls::version::TLS13, &rustls::version::TLS12], protocols, None)
}

pub fn client_of(
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocols: &[&str],
    identity: Option<Identity>,
) -> ClientConfig {
    client_with(aws_lc_rs::default_provider(), versions, protocols, identity)
}

pub fn client_with(
    provider: rustls::crypto::CryptoProvider,
    versions: &[&'static rustls::SupportedProtocolVersion],
    protocols: &[&str],
    identity: Option<Identity>,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believer("")));
    let mut config = match identity {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// A client that can check signatures whose names begin with `schemes` only.
pub fn client_that_checks(schemes: &'static str) -> ClientConfig {
    let mut config = client(&[]);
    config.dangerous().set_certificate_verifier(Arc::new(Believer(schemes)));
    config
}

/// Connects; an IP address for `name` sends no server name.
pub async fn connect(address: SocketAddr, config: &Arc<ClientConfig>, name: &str) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(config.clone()).connect(ServerName::try_from(name.to_owned()).unwrap(), tcp).await
}

/// The common name in the certificate that a client was shown.
pub fn shown(stream: &TlsStream<TcpStream>) -> String {
    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    let (_, certificate) = x509_parser::parse_x509_certificate(&leaf).unwrap();
    certificate.subject().iter_common_name().next().unwrap().as_str().unwrap().to_owned()
}

/// Which certificate is shown to a client that names `name`.
pub async fn shown_for(rig: &Rig, name: &str) -> String {
    shown(&connect(rig.address, &Arc::new(client(&[])), name).await.unwrap())
}

/// One request over HTTP/1.1, and all of its answer.
pub async fn ask(stream: &mut TlsStream<TcpStream>, host: &str) -> io::Result<String> {
    ask_for(stream, "/x", host).await
}

pub async fn ask_for(stream: &mut TlsStream<TcpStream>, path: &str, host: &str) -> io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The status line of the answer that a client with this configuration gets, or why it gets none.
pub async fn status(rig: &Rig, config: ClientConfig, name: &str, host: &str) -> Result<String, String> {
    let text = |error: io::Error| error.to_string();
    let mut stream = connect(rig.address, &Arc::new(config), name).await.map_err(text)?;
    let answer = ask(&mut stream, host).await.map_err(text)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}

/// An authority that signs client certificates.
pub struct Authority {
    issuer: Issuer<'static, rcgen::KeyPair>,
    pub der: Arc<[u8]>,
}

/// When a client certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    Now,
    LongAgo,
}

impl Authority {
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Self { der: Arc::from(certificate.der().as_ref()), issuer: Issuer::new(parameters, key) }
    }

    pub fn identity(&self, valid: Valid) -> Identity {
        let mut parameters = CertificateParams::new(vec!["client.test".to_owned()]).unwrap();
        if valid == Valid::LongAgo {
            parameters.not_after = rcgen::date_time_ymd(2001, 1, 1);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}
