//! Who vouches for certificates of servers: authorities that were given, or those of the system.
//!
//! Those of the system are some hundred files or one large one: read once for the process, when the first server needs
//! them, and on a thread where that holds up nobody. Handshakes wait for it, workers do not.
use crate::model::transport::Roots;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use std::sync::Arc;
use tokio::sync::OnceCell;

static SYSTEM: OnceCell<Arc<RootCertStore>> = OnceCell::const_new();

/// Certificate authorities as a verifier uses them.
#[derive(Clone, Debug)]
pub(super) enum Authorities {
    /// Those of the system; there once [`Authorities::ready`] has returned.
    System,
    /// These.
    Given(Arc<RootCertStore>),
}

impl Authorities {
    /// Takes `roots` over. A certificate that cannot be an authority is logged and left out: one less is trusted.
    pub(super) fn build(roots: &Roots) -> Self {
        let Roots::Given(ders) = roots else { return Self::System };
        let mut store = RootCertStore::empty();
        for der in ders.iter() {
            if let Err(error) = store.add(CertificateDer::from(&**der)) {
                tracing::error!(%error, "a certificate authority for servers cannot be used");
            }
        }
        Self::Given(Arc::new(store))
    }

    /// Returns when they are there.
    pub(super) async fn ready(&self) {
        if let Self::System = self {
            SYSTEM.get_or_init(read).await;
        }
    }

    /// They, or none as long as they are not there: then nobody is trusted.
    pub(super) fn store(&self) -> Option<&RootCertStore> {
        match self {
            Self::System => SYSTEM.get().map(Arc::as_ref),
            Self::Given(store) => Some(store),
        }
    }
}

async fn read() -> Arc<RootCertStore> {
    let read = tokio::task::spawn_blocking(|| {
        let loaded = rustls_native_certs::load_native_certs();
        for error in &loaded.errors {
            tracing::warn!(%error, "some certificate authorities of the system cannot be read");
        }
        let mut roots = RootCertStore::empty();
        let (added, ignored) = roots.add_parsable_certificates(loaded.certs);
        tracing::debug!(added, ignored, "certificate authorities of the system read");
        roots
    });
    let roots = read.await.unwrap_or_else(|error| {
        tracing::error!(%error, "certificate authorities of the system not read: no server can be verified");
        RootCertStore::empty()
    });
    Arc::new(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_systems_authorities_are_read_once_and_on_a_thread_of_their_own() {
        let system = Authorities::System;
        let (_, _) = tokio::join!(system.ready(), system.ready());
        let first = system.store().map(std::ptr::from_ref);
        assert!(first.is_some());
        system.ready().await;
        assert_eq!(system.store().map(std::ptr::from_ref), first);
    }

    #[test]
    fn what_is_no_certificate_trusts_nobody() {
        let given = Authorities::build(&Roots::Given([Arc::from(b"nonsense".as_slice())].into()));
        assert!(given.store().unwrap().is_empty());
    }
}
