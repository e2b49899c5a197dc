//! A servers transport in service: its settings, and what is made of them when the plan is installed.
//!
//! Two transports are the same to pools if all their settings are equal ([`ServersTransport`]); what was made of them does not
//! matter. The hash is worked out once and says nothing about identity: pools compare.
use super::tls::{TlsClient, TlsError};
use crate::model::transport::{ForwardingTimeouts, Http2, ServersTransport};
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, LazyLock};

/// Hashes what comes from users' objects, hence the random seed. One for the process: keys travel between threads.
static HASHER: LazyLock<foldhash::quality::RandomState> = LazyLock::new(Default::default);

/// The hash of `parts`, for tables of this process.
pub(in crate::proxy) fn hash_of(parts: impl Hash) -> u64 {
    HASHER.hash_one(parts)
}

/// A servers transport in service.
#[derive(Debug)]
pub struct Transport {
    settings: Arc<ServersTransport>,
    tls: Result<TlsClient, TlsError>,
    hash: u64,
}

impl Transport {
    /// Puts `settings` into service. What is wrong with them, [`Transport::problem`] says.
    pub fn build(settings: Arc<ServersTransport>) -> Self {
        let ServersTransport { key, tls, http2, max_idle_per_host, timeouts: _ } = &*settings;
        let hash = hash_of((key, &tls.server_name, tls.verification, http2, max_idle_per_host));
        Self { tls: TlsClient::build(tls), hash, settings }
    }

    /// Its settings.
    pub fn settings(&self) -> &Arc<ServersTransport> {
        &self.settings
    }

    /// Why it cannot be used for `https`, if so. Services that name it are closed then.
    pub fn problem(&self) -> Option<String> {
        self.tls.as_ref().err().map(|error| super::error_chain(error))
    }

    /// Its time limits.
    pub(in crate::proxy) fn timeouts(&self) -> &ForwardingTimeouts {
        &self.settings.timeouts
    }

    /// Its TLS.
    pub(super) fn tls(&self) -> Result<&TlsClient, TlsError> {
        self.tls.as_ref().map_err(Clone::clone)
    }

    pub(super) fn http2(&self) -> Http2 {
        self.settings.http2
    }

    /// See [`hash_of`].
    pub(in crate::proxy) fn hash(&self) -> u64 {
        self.hash
    }
}

impl Default for Transport {
    /// The default transport as it is without any option.
    fn default() -> Self {
        Self::build(Arc::default())
    }
}

impl PartialEq for Transport {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for Transport {}
