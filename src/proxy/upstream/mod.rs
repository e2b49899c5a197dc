//! The servers' side: making connections and speaking HTTP/1.1 or HTTP/2 over them.
//!
//! [`transport`] holds the settings, [`connect`] opens sockets, [`tls`] wraps them, [`stream`] is either of both as one type,
//! [`h1`] speaks HTTP/1.1 over it, [`h2`] hands it to hyper. Who uses a connection when is `pool/`'s business; what a failure
//! means to the client is `http/answer.rs`'s.
use std::io;
use std::sync::Arc;

mod client_auth;
pub(super) mod configured;
pub(super) mod connect;
pub(super) mod h1;
pub(super) mod h2;
mod roots;
pub(super) mod stream;
pub(super) mod tls;
pub(super) mod transport;
mod verify;

pub use transport::Transport;

/// Why a server could not be reached. Nothing of the request was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// Its name could not be resolved.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: Arc<str>,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// None of its addresses accepts connections.
    #[error("cannot connect")]
    Connect(#[source] io::Error),
    /// It took too long.
    #[error("no connection within the dial timeout")]
    Timeout,
    /// The TLS handshake was broken off by the network or the server.
    #[error("tls handshake broken off")]
    TlsClosed(#[source] io::Error),
    /// The server does not speak TLS, or its certificate does not verify.
    #[error("tls handshake refused by us")]
    TlsRefused(#[source] io::Error),
    /// TLS to servers is not possible at all.
    #[error("tls is not available")]
    Tls(#[source] tls::TlsError),
    /// HTTP/2 could not be started.
    #[error("http/2 connection preface failed")]
    Preface(#[source] hyper::Error),
    /// It closed the connection, or said something else, where HTTP/2 begins with settings.
    #[error("server does not speak http/2")]
    NoHttp2,
}

/// An error with its causes in one line, for logs.
pub(super) fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(present) = cause {
        text.push_str(": ");
        text.push_str(&present.to_string());
        cause = present.source();
    }
    text
}
