//! Hands the certificate of a handshake to rustls.
//!
//! rustls asks a resolver that is part of the configuration, and again after a HelloRetryRequest, always while the
//! handshake's future is polled. The choice was made before from one version of the table; [`Chosen::during`] holds it
//! ready on this thread for the length of a poll, so that one configuration serves all certificates.
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    static PRESENT: RefCell<Option<Arc<CertifiedKey>>> = const { RefCell::new(None) };
}

/// Answers with what [`Chosen::during`] holds ready.
#[derive(Debug)]
pub(super) struct Chosen;

impl Chosen {
    /// Does `work` with `certified` held ready.
    pub(super) fn during<T>(certified: &Arc<CertifiedKey>, work: impl FnOnce() -> T) -> T {
        PRESENT.set(Some(Arc::clone(certified)));
        let done = work();
        PRESENT.set(None);
        done
    }
}

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        PRESENT.with_borrow(Clone::clone)
    }
}
