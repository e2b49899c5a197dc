//! TLS with clients: from the first byte of a handshake to a stream that HTTP is spoken over (spec/http.md 5).
//!
//! 1. [`accept`] reads the ClientHello, which names host and protocols, within the bounds of time and number.
//! 2. The table says with which [`LiveOptions`] connections for that name are made, and which certificate covers it;
//!    without one [`default_certificate`] makes do.
//! 3. rustls finishes the handshake. It asks for the certificate through [`chosen`]: one rustls configuration per options
//!    serves all names, and nothing is built per handshake.
//!
//! Neither lock nor message: a handshake reads one version of the table, as a request does.
pub(super) mod accept;
mod chosen;
mod default_certificate;
mod options;
mod prefixed;
mod queue;
mod verify;

pub(super) use default_certificate::DefaultCertificate;
pub(super) use options::{LiveOptions, supported_suite};
pub(super) use prefixed::Prefixed;
pub(super) use queue::Queue;

use crate::model::tls::TlsOptionsKey;

/// How a connection was made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Secured {
    /// With which options. Routers that want others refuse its requests (spec/http.md 5.7).
    pub(super) options: TlsOptionsKey,
}
