//! What both writers have in common: when they may begin a write. Pure, and no actor.
//!
//! Leadership and writes under way ([`Gate`]), how many per second ([`Bucket`]), and silence while the API server has
//! trouble or asks for it ([`Pause`]).
use crate::base::backoff::{Backoff, BackoffPolicy};
use std::time::{Duration, Instant};

/// Waits after failures in a row that concern all writes.
const TROUBLE: BackoffPolicy =
    BackoffPolicy { min: Duration::from_millis(500), max: Duration::from_secs(30), factor: 2 };

/// When it may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// When something else happens.
    UntilEvent,
    /// Then.
    Until(Instant),
}

impl Blocked {
    /// The earlier of this and `other`.
    pub fn earliest(self, other: Option<Instant>) -> Option<Instant> {
        match self {
            Self::UntilEvent => other,
            Self::Until(at) => Some(other.map_or(at, |other| other.min(at))),
        }
    }
}

/// Whether this process leads, and how many writes are under way.
#[derive(Debug)]
pub struct Gate {
    until: Option<Instant>,
    room: usize,
    inside: usize,
}

impl Gate {
    /// A closed gate with room for so many writes at a time.
    pub fn new(room: usize) -> Self {
        Self { until: None, room, inside: 0 }
    }

    /// This process leads until then, or not.
    pub fn set(&mut self, until: Option<Instant>) {
        self.until = until;
    }

    /// Whether this process leads. Nobody has to tell when the time is over.
    pub fn is_open(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// Why no write may begin.
    pub fn blocked(&self, now: Instant) -> Option<Blocked> {
        (!self.is_open(now) || self.inside >= self.room).then_some(Blocked::UntilEvent)
    }

    /// A write begins; until when it may.
    pub fn enter(&mut self) -> Option<Instant> {
        let until = self.until?;
        self.inside += 1;
        Some(until)
    }

    /// A write ended.
    pub fn leave(&mut self) {
        self.inside = self.inside.saturating_sub(1);
    }

    /// Writes under way.
    pub fn inside(&self) -> usize {
        self.inside
    }
}

/// So many per second in the long run, and so many at once after a quiet time.
#[derive(Debug)]
pub struct Bucket {
    interval: Duration,
    burst: u32,
    /// When it was, or will be, full if nothing is taken: the further ahead, the emptier.
    full_at: Instant,
}

impl Bucket {
    /// A full bucket. A rate of 0 counts as 1.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self::every(Duration::from_secs(1) / per_second.max(1), burst, now)
    }

    /// A full bucket that gains one in this time.
    pub fn every(interval: Duration, burst: u32, now: Instant) -> Self {
        Self { interval, burst: burst.max(1), full_at: now }
    }

    /// Takes one.
    ///
    /// # Errors
    /// When there is none: the time when there will be.
    pub fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.max(now) + self.interval;
        let free_at = full_at.checked_sub(self.interval * self.burst).unwrap_or(now);
        if free_at > now {
            return Err(free_at);
        }
        self.full_at = full_at;
        Ok(())
    }

    /// Whether it is as if nothing had been taken ever.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

/// Silence towards the API server.
#[derive(Debug)]
pub struct Pause {
    until: Option<Instant>,
    backoff: Backoff,
}

impl Pause {
    /// No silence yet.
    pub fn new(seed: u64) -> Self {
        Self { until: None, backoff: Backoff::new(TROUBLE, seed) }
    }

    /// Another failure: longer than the last time.
    pub fn longer(&mut self, now: Instant) {
        let wait = self.backoff.next();
        self.at_least(wait, now);
    }

    /// So long from now on, with some jitter on top; never shorter than what was said before.
    pub fn at_least(&mut self, wait: Duration, now: Instant) {
        let until = now + wait + self.backoff.next() / 8;
        self.until = Some(self.until.map_or(until, |before| before.max(until)));
    }

    /// A success.
    pub fn reset(&mut self) {
        self.backoff.reset();
    }

    /// Why no write may begin.
    pub fn blocked(&self, now: Instant) -> Option<Blocked> {
        self.until.filter(|until| now < *until).map(Blocked::Until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, ManualClock};

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let clock = ManualClock::new();
        let mut bucket = Bucket::new(2, 3, clock.now());
        let taken = |bucket: &mut Bucket| (0..100).take_while(|_| bucket.take(clock.now()).is_ok()).count();
        assert_eq!(taken(&mut bucket), 3);
        assert_eq!(bucket.take(clock.now()), Err(clock.now() + Duration::from_millis(500)));
        clock.advance(Duration::from_secs(1));
        assert_eq!(taken(&mut bucket), 2);
        assert!(!bucket.is_full(clock.now()));
        clock.advance(Duration::from_secs(60));
        assert!(bucket.is_full(clock.now()));
        assert_eq!(taken(&mut bucket), 3);
    }

    #[test]
    fn a_gate_closes_by_itself_when_the_leadership_is_over() {
        let clock = ManualClock::new();
        let mut gate = Gate::new(1);
        assert!(!gate.is_open(clock.now()));
        gate.set(Some(clock.now() + Duration::from_secs(10)));
        assert_eq!(gate.blocked(clock.now()), None);
        gate.enter();
        assert_eq!(gate.blocked(clock.now()), Some(Blocked::UntilEvent), "there is room for one");
        gate.leave();
        clock.advance(Duration::from_secs(10));
        assert_eq!(gate.blocked(clock.now()), Some(Blocked::UntilEvent));
    }

    #[test]
    fn a_pause_is_never_cut_short() {
        let clock = ManualClock::new();
        let mut pause = Pause::new(1);
        pause.at_least(Duration::from_secs(9), clock.now());
        pause.longer(clock.now());
        clock.advance(Duration::from_secs(9));
        assert!(pause.blocked(clock.now()).is_some(), "what the server asks for, and some jitter");
        clock.advance(Duration::from_secs(60));
        assert_eq!(pause.blocked(clock.now()), None);
    }
}
