//! Keeps a watch from starting over and over: a server, or a gateway before it, that ends each watch at once without an error
//! would otherwise be asked as fast as the network goes, because kube's watcher takes the end of a watch for its time limit.
use http::Uri;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// In the long run a watch is started once in this time.
const EACH: Duration = Duration::from_secs(1);
/// So many starts in a row are made at once.
const BURST: u32 = 10;

/// When each watch may be started. Clones are one. Its size is bounded by what we watch.
#[derive(Clone, Debug, Default)]
pub struct Pacer(Arc<Mutex<HashMap<String, Instant>>>);

impl Pacer {
    /// How long to wait before this request. Zero for all that is no watch.
    pub fn wait_for(&self, uri: &Uri, now: Instant) -> Duration {
        let is_watch = uri.query().unwrap_or_default().split('&').any(|pair| matches!(pair, "watch=true" | "watch=1"));
        if !is_watch {
            return Duration::ZERO;
        }
        let mut due = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = due.entry(uri.path().to_owned()).or_insert(now);
        // The generic cell rate algorithm: one time per watch instead of a list of its starts.
        *due = (*due).max(now) + EACH;
        due.saturating_duration_since(now + EACH * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, ManualClock};

    #[test]
    fn a_watch_that_ends_at_once_is_started_no_more_than_once_per_second() {
        let (pacer, clock) = (Pacer::default(), ManualClock::new());
        let watch = Uri::from_static("/api/v1/services?watch=true&timeoutSeconds=50");
        for _ in 0..BURST {
            assert_eq!(pacer.wait_for(&watch, clock.now()), Duration::ZERO);
        }
        assert_eq!(pacer.wait_for(&watch, clock.now()), EACH);
        assert_eq!(pacer.wait_for(&watch, clock.now()), 2 * EACH);
        let other = Uri::from_static("/api/v1/secrets?watch=true");
        assert_eq!(pacer.wait_for(&other, clock.now()), Duration::ZERO, "each watch counts for itself");
        clock.advance(3600 * EACH);
        assert_eq!(pacer.wait_for(&watch, clock.now()), Duration::ZERO);
    }

    #[test]
    fn what_is_no_watch_never_waits() {
        let (pacer, clock) = (Pacer::default(), ManualClock::new());
        let list = Uri::from_static("/api/v1/services?limit=250");
        assert!((0..100).all(|_| pacer.wait_for(&list, clock.now()).is_zero()));
    }
}
