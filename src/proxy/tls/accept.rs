//! One handshake: ClientHello, choice of options and certificate, the rest by rustls (spec/http.md 5.1, 5.2).
//!
//! Bounded: rustls reads a ClientHello of at most 64 kB; the sweeper ends what takes too long ([`super::super::entrypoint`]
//! gives the orders); of too many handshakes on one worker the oldest is cut, which a client that means it has long left
//! behind (`Worker::begins_handshake`).
use super::chosen::Chosen;
use super::{LiveOptions, Prefixed, Secured};
use crate::model::facts::KeyPair;
use crate::model::tls::Version;
use crate::proxy::entrypoint::Conn;
use rustls::server::{Acceptor, ClientHello};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ServerConfig, SupportedCipherSuite};
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// A client's connection under TLS.
pub(crate) type Secure = TlsStream<Prefixed<TcpStream>>;

/// Why there is no TLS connection. All of it is the client's doing but for [`Self::NoConfig`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// No ClientHello, or a bad one.
    #[error("no client hello")]
    Hello(#[source] io::Error),
    /// No certificate covers the name, and the options want one.
    #[error("no certificate for the server name")]
    UnknownName,
    /// The server name ends with a dot (spec/http.md 5.1).
    #[error("server name ends with a dot")]
    TrailingDot,
    /// The options could not be built.
    #[error("no settings for the connection")]
    NoConfig,
    /// Any other failure.
    #[error("handshake")]
    Handshake(#[source] io::Error),
}

/// Does the handshake of `conn` over `io`. What the connection was made with, and the stream.
pub(crate) async fn handshake(conn: &Conn, io: Prefixed<TcpStream>) -> Result<(Secured, Secure), HandshakeError> {
    let local = io.get_ref().local_addr().map(|address| address.ip().to_canonical()).ok();
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), io).await.map_err(HandshakeError::Hello)?;
    let choice = choose(conn, &start.client_hello(), local);
    let Choice { secured, config, certified } = match choice {
        Ok(choice) => choice,
        Err(error) => {
            if matches!(error, HandshakeError::UnknownName) {
                // Nobody waits for it: whoever does not read it is gone already.
                start
                    .io
                    .write_all(&alert(AlertDescription::UnrecognisedName))
                    .await
                    .map_err(HandshakeError::Handshake)?;
            }
            return Err(error);
        }
    };
    let mut accept = pin!(Chosen::during(&certified, || start.into_stream(config)));
    let stream = poll_fn(|cx| Chosen::during(&certified, || accept.as_mut().poll(cx))).await;
    Ok((secured, stream.map_err(HandshakeError::Handshake)?))
}

struct Choice {
    secured: Secured,
    config: Arc<ServerConfig>,
    certified: Arc<CertifiedKey>,
}

/// Chooses options and certificate from the present table.
fn choose(conn: &Conn, hello: &ClientHello<'_>, local: Option<IpAddr>) -> Result<Choice, HandshakeError> {
    // rustls has checked the name, and made it lower case; an IP address counts as none.
    let name = hello.server_name().unwrap_or_default();
    if name.ends_with('.') {
        return Err(HandshakeError::TrailingDot);
    }
    let table = conn.worker.table.load();
    let options: &LiveOptions = table.tls_options_for(conn.entry.id, name);
    let config = options.config.clone().ok_or(HandshakeError::NoConfig)?;
    let old_suites = old_suites(hello, options, &config);
    let signs = |pair: &KeyPair| pair.certified.key.choose_scheme(hello.signature_schemes()).is_some();
    let suits = |pair: &KeyPair| {
        let kind = pair.certified.key.algorithm();
        (old_suites.is_empty() || old_suites.iter().any(|suite| suite.usable_for_signature_algorithm(kind)))
            && signs(pair)
    };
    let find = |name: &str| {
        let found = table.certificate_for(name, suits)?;
        if suits(found) { Some(found) } else { table.certificate_for(name, signs) }
    };
    let found = match (name, local) {
        ("", Some(local)) => find(&local.to_string()),
        (name, _) => find(name),
    };
    let certified = match found {
        Some(pair) => &pair.certified,
        None if options.refuses_unknown_names() => return Err(HandshakeError::UnknownName),
        None => conn.worker.default_certificate.get().ok_or(HandshakeError::UnknownName)?,
    };
    Ok(Choice { secured: Secured { options: options.key.clone() }, config, certified: Arc::clone(certified) })
}

/// The suites of TLS 1.2 that both sides have. There the suite says of which kind the certificate's key is. Which versions
/// the client offers is not to be seen here, so a client of TLS 1.3 gets a certificate for its older suites, too, if there
/// is one.
fn old_suites(hello: &ClientHello<'_>, options: &LiveOptions, config: &ServerConfig) -> Vec<SupportedCipherSuite> {
    if options.plan.min_version > Version::Tls12 {
        return Vec::new();
    }
    let ours = config.crypto_provider().cipher_suites.iter().filter(|suite| suite.tls13().is_none());
    ours.filter(|suite| hello.cipher_suites().contains(&suite.suite())).copied().collect()
}

/// A fatal alert before anything was agreed on (RFC 8446 5.1 and 6).
fn alert(description: AlertDescription) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    [ALERT, 3, 3, 0, 2, FATAL, description.into()]
}
