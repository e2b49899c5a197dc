//! How long to wait before the next try: exponential, with jitter, without I/O and without a clock.
//!
//! The seed is an argument, so that a test or a simulation sees the same waits again; the program takes it from its
//! random source. Two callers with different seeds drift apart, which is what the jitter is for.
use std::time::Duration;

/// The bounds of a [`Backoff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// No wait is shorter.
    pub min: Duration,
    /// No wait is longer. Below `min` it counts as `min`.
    pub max: Duration,
    /// By how much the upper end grows with each try; below 2 it counts as 2.
    pub factor: u32,
}

/// A sequence of waits. The n-th one is drawn evenly from between `min * factor^n` and `min * factor^(n+1)`, cut at
/// `max`; once `max` is reached, from between `max / factor` and `max`.
#[derive(Clone, Debug)]
pub struct Backoff {
    policy: BackoffPolicy,
    /// The upper end of the previous draw.
    ceiling: Duration,
    random: XorShift,
}

impl Backoff {
    /// A sequence at its beginning. Any seed will do.
    pub fn new(policy: BackoffPolicy, seed: u64) -> Self {
        let policy = BackoffPolicy { max: policy.max.max(policy.min), factor: policy.factor.max(2), ..policy };
        Self { policy, ceiling: policy.min, random: XorShift::seeded(seed) }
    }

    /// The next wait. Never outside `min..=max`.
    #[allow(clippy::should_implement_trait, reason = "an iterator may end; this never does")]
    pub fn next(&mut self) -> Duration {
        let BackoffPolicy { min, max, factor } = self.policy;
        self.ceiling = self.ceiling.saturating_mul(factor).min(max);
        let floor = (self.ceiling / factor).max(min);
        floor + self.random.below(self.ceiling.saturating_sub(floor))
    }

    /// Back to the beginning: call it after a success that lasted. The jitter goes on where it was.
    pub fn reset(&mut self) {
        self.ceiling = self.policy.min;
    }
}

/// Marsaglia's xorshift64*: small and good enough for jitter. Not for secrets.
#[derive(Clone, Debug)]
struct XorShift(u64);

impl XorShift {
    fn seeded(seed: u64) -> Self {
        // Zero would stay zero forever, and small seeds would start with small numbers.
        Self((seed ^ 0x9E37_79B9_7F4A_7C15).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Evenly from `0..=end`.
    fn below(&mut self, end: Duration) -> Duration {
        let nanos = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
        let scaled = (u128::from(self.next()) * (u128::from(nanos) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(scaled).unwrap_or(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: BackoffPolicy =
        BackoffPolicy { min: Duration::from_millis(800), max: Duration::from_secs(30), factor: 2 };

    #[test]
    fn waits_grow_to_the_maximum_and_keep_their_jitter_there() {
        let mut backoff = Backoff::new(POLICY, 1);
        let waits: Vec<Duration> = (0..12).map(|_| backoff.next()).collect();
        assert!(waits[0] < Duration::from_millis(1600), "{waits:?}");
        assert!(waits[1] >= Duration::from_millis(1600), "{waits:?}");
        assert!(waits[8..].iter().all(|wait| *wait >= Duration::from_secs(15)), "{waits:?}");
        assert!(waits[8] != waits[9], "{waits:?}");
    }

    #[test]
    fn a_reset_starts_over() {
        let mut backoff = Backoff::new(POLICY, 2);
        assert!((0..9).map(|_| backoff.next()).last() > Some(Duration::from_secs(14)));
        backoff.reset();
        assert!(backoff.next() < Duration::from_millis(1600));
    }

    #[test]
    fn the_same_seed_gives_the_same_waits_and_another_seed_others() {
        let waits = |seed| {
            let mut backoff = Backoff::new(POLICY, seed);
            (0..5).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }

    proptest! {
        #[test]
        fn every_wait_is_within_the_bounds(seed: u64, min in 0u64..5_000, max in 0u64..5_000_000, factor in 0u32..9) {
            let policy = BackoffPolicy { min: Duration::from_millis(min), max: Duration::from_millis(max), factor };
            let mut backoff = Backoff::new(policy, seed);
            for _ in 0..70 {
                let wait = backoff.next();
                prop_assert!(wait >= policy.min && wait <= policy.max.max(policy.min), "{wait:?}");
            }
        }
    }
}
