//! Where the time comes from. The only file that may ask the operating system for it.
//!
//! Decisions take `now` as an argument; shells hold a [`Clock`] and pass its answer on. [`ManualClock`] is not
//! `cfg(test)`: the whole-program tests and the seeded simulations drive the same code with it.
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A source of time. Both readings move together.
pub trait Clock: Send + Sync + 'static {
    /// Monotonic time, for waits and ages.
    fn now(&self) -> Instant;
    /// Calendar time, for what people and other machines read. It may jump; never measure with it.
    fn wall(&self) -> SystemTime;
}

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[allow(clippy::disallowed_methods, reason = "the one place where the time of the machine is read")]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock that stands still until it is moved by hand. Clones show the same time.
#[derive(Clone, Debug)]
pub struct ManualClock {
    origin: Instant,
    wall_origin: SystemTime,
    /// Nanoseconds since the origin; 584 years fit.
    elapsed: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock whose calendar stands at the Unix epoch plus 50 years of 365.25 days, so that runs can be compared.
    pub fn new() -> Self {
        Self::starting_at(SystemTime::UNIX_EPOCH + Duration::from_secs(50 * 31_557_600))
    }

    /// A clock whose calendar stands at `wall`.
    pub fn starting_at(wall: SystemTime) -> Self {
        // `Instant` cannot be made from a number: any real reading serves as the origin.
        Self { origin: SystemClock.now(), wall_origin: wall, elapsed: Arc::default() }
    }

    /// Moves this clock and all its clones forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.elapsed.fetch_add(nanos, Ordering::SeqCst);
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::SeqCst))
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        self.origin + self.elapsed()
    }

    fn wall(&self) -> SystemTime {
        self.wall_origin + self.elapsed()
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn wall(&self) -> SystemTime {
        (**self).wall()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_until_it_is_advanced() {
        let clock = ManualClock::new();
        let (now, wall) = (clock.now(), clock.wall());
        assert_eq!((clock.now(), clock.wall()), (now, wall));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now() - now, Duration::from_millis(1500));
        assert_eq!(clock.wall().duration_since(wall).unwrap(), Duration::from_millis(1500));
    }

    #[test]
    fn clones_of_a_manual_clock_show_the_same_time() {
        let clock = ManualClock::new();
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        clock.advance(Duration::from_secs(7));
        assert_eq!(shared.now(), clock.now());
    }

    #[test]
    fn the_system_clock_never_goes_back() {
        let first = SystemClock.now();
        assert!(SystemClock.now() >= first);
    }
}
