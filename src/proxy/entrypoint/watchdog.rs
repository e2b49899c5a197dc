//! Time limits without a timer per request: a coarse clock and one sweep over all connections of a worker.
//!
//! A worker's sweeper moves [`Ticks`] forward every [`Pace::tick`] and asks each connection whether it has been in its
//! phase for too long ([`verdict`], pure). A request costs one relaxed load of the clock per change of phase. A limit
//! `t` thus fires between `t` and `t` plus two ticks; the tick is an eighth of the shortest limit, at most half a second.
//!
//! Time in which the worker did not come to look (a machine that was held up, a processor quota that was used up) does not
//! count ([`Pace::counted`]): what a client sent meanwhile still waits to be read, and it is not to pay for our delay.
use super::options::Timeouts;
use super::wire::Phase;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Milliseconds since the worker began, as of its last tick and without the time in which it was held up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticks(Arc<AtomicU64>);

impl Ticks {
    /// The time of the last tick.
    pub(crate) fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets the time. The sweeper alone does this.
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Ordering::Relaxed);
    }
}

/// Longest TLS handshake, whatever the read limit says.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// How long a client may take to close an HTTP/2 connection after our GOAWAY.
const LEAVING: Duration = Duration::from_secs(5);

/// How often a worker looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Time between two looks.
    pub(crate) tick: Duration,
}

impl Pace {
    const SHORTEST: Duration = Duration::from_millis(10);
    const LONGEST: Duration = Duration::from_millis(500);

    /// The pace that serves all these limits.
    pub(crate) fn for_limits(limits: impl IntoIterator<Item = Duration>) -> Self {
        let eighth = limits.into_iter().min().map_or(Self::LONGEST, |shortest| shortest / 8);
        Self { tick: eighth.clamp(Self::SHORTEST, Self::LONGEST) }
    }

    /// How much of the time since the last look counts: up to two ticks of it.
    pub(crate) fn counted(self, passed: Duration) -> Duration {
        passed.min(self.tick * 2)
    }

    /// Whether `limit` has passed between `since` and `now`. A stamp may be one tick too early, so one is added.
    pub(crate) fn is_over(self, limit: Option<Duration>, since: u64, now: u64) -> bool {
        limit.is_some_and(|limit| now.saturating_sub(since) >= millis(limit.saturating_add(self.tick)))
    }
}

/// Whole milliseconds; what does not fit is forever.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What the sweeper sees of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    /// What it is doing.
    pub(crate) phase: Phase,
    /// Since when.
    pub(crate) since: u64,
    /// How many requests it has begun.
    pub(crate) requests: u64,
    /// When the head of the present request ended.
    pub(crate) request_began: u64,
    /// When the first byte of the present request came, as long as its body is not all read.
    pub(crate) reading_since: Option<u64>,
    /// When the server was sent the end of the request, as long as its answer has not begun.
    pub(crate) waiting_since: Option<u64>,
    /// When the block of headers of HTTP/2 began that is not finished.
    pub(crate) block_since: Option<u64>,
}

/// What has to be done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    Fine,
    /// Close it; nothing is under way.
    Close,
    /// Cut it, whatever is under way.
    Cut,
    /// Its body took too long: the request fails with 499.
    BodyLate,
    /// The server took too long: the request fails with 504.
    AnswerLate,
}

/// Judges one connection (spec/http.md 4.2 and 2.7).
pub(crate) fn verdict(sight: &Sight, limits: &Timeouts, answer: Option<Duration>, pace: Pace, now: u64) -> Verdict {
    let over = |limit, since| pace.is_over(limit, since, now);
    match sight.phase {
        // Before the first request the read limit counts from the accept.
        Phase::Idle if sight.requests == 0 && over(limits.read, sight.since) => Verdict::Close,
        Phase::Idle if sight.requests > 0 && over(limits.idle, sight.since) => Verdict::Close,
        // Mostly a client that reads slowly: it gets the rest, and then no further request.
        Phase::Flushing if !over(limits.write, sight.request_began) && over(limits.idle, sight.since) => Verdict::Close,
        Phase::Head if over(limits.read, sight.since) => Verdict::Cut,
        Phase::Handshake if over(Some(limits.read.map_or(HANDSHAKE, |read| read.min(HANDSHAKE))), sight.since) => {
            Verdict::Cut
        }
        Phase::Resting if sight.requests == 0 && over(limits.read, sight.since) => Verdict::Close,
        Phase::Resting if sight.requests > 0 && over(limits.idle, sight.since) => Verdict::Close,
        Phase::Resting | Phase::Streams | Phase::Leaving
            if sight.block_since.is_some_and(|since| over(limits.read, since)) =>
        {
            Verdict::Cut
        }
        Phase::Leaving if over(Some(LEAVING), sight.since) => Verdict::Cut,
        Phase::Request | Phase::Flushing if over(limits.write, sight.request_began) => Verdict::Cut,
        Phase::Request if sight.reading_since.is_some_and(|since| over(limits.read, since)) => Verdict::BodyLate,
        Phase::Request if sight.waiting_since.is_some_and(|since| over(answer, since)) => Verdict::AnswerLate,
        _ => Verdict::Fine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));
    const PACE: Pace = Pace { tick: Duration::from_millis(100) };
    const QUIET: Sight = Sight {
        phase: Phase::Idle,
        since: 0,
        requests: 0,
        request_began: 0,
        reading_since: None,
        waiting_since: None,
        block_since: None,
    };

    #[test]
    fn each_phase_has_its_own_limit() {
        let limits = Timeouts {
            read: SECOND,
            write: Some(Duration::from_secs(2)),
            idle: Some(Duration::from_secs(3)),
            ..Timeouts::default()
        };
        let request = Sight { phase: Phase::Request, requests: 1, ..QUIET };
        let cases = [
            ("a new connection that stays silent", QUIET, 1100, Verdict::Close),
            ("the same a moment before", QUIET, 1099, Verdict::Fine),
            ("a quiet connection that has served", Sight { requests: 1, ..QUIET }, 2000, Verdict::Fine),
            ("the same after the idle limit", Sight { requests: 1, ..QUIET }, 3100, Verdict::Close),
            (
                "an answer that leaves slowly",
                Sight { phase: Phase::Flushing, request_began: 2000, ..request },
                3100,
                Verdict::Close,
            ),
            ("half a head", Sight { phase: Phase::Head, ..QUIET }, 1100, Verdict::Cut),
            ("a request that is read whole", request, 1500, Verdict::Fine),
            ("a slow body", Sight { reading_since: Some(0), ..request }, 1100, Verdict::BodyLate),
            ("a slow server", Sight { waiting_since: Some(0), ..request }, 600, Verdict::AnswerLate),
            ("a slow answer", request, 2100, Verdict::Cut),
            ("a slow handshake", Sight { phase: Phase::Handshake, ..QUIET }, 1100, Verdict::Cut),
            ("an HTTP/2 connection without a request", Sight { phase: Phase::Resting, ..QUIET }, 1100, Verdict::Close),
            ("one that has served", Sight { phase: Phase::Resting, requests: 1, ..QUIET }, 3100, Verdict::Close),
            ("one that serves", Sight { phase: Phase::Streams, requests: 1, ..QUIET }, 999_999, Verdict::Fine),
            ("one that was told to go", Sight { phase: Phase::Leaving, ..QUIET }, 5100, Verdict::Cut),
            (
                "half a head beside streams",
                Sight { phase: Phase::Streams, requests: 1, block_since: Some(0), ..QUIET },
                1100,
                Verdict::Cut,
            ),
            ("a tunnel", Sight { phase: Phase::Upgraded, ..request }, 999_999, Verdict::Fine),
        ];
        for (name, sight, now, want) in cases {
            assert_eq!(verdict(&sight, &limits, Some(Duration::from_millis(500)), PACE, now), want, "{name}");
        }
    }

    #[test]
    fn a_handshake_is_limited_even_without_a_read_limit() {
        let sight = Sight { phase: Phase::Handshake, ..QUIET };
        let judged = |now| verdict(&sight, &Timeouts::default(), None, PACE, now);
        assert_eq!((judged(60_000), judged(60_100)), (Verdict::Fine, Verdict::Cut));
    }

    #[test]
    fn no_limit_never_fires() {
        for phase in [Phase::Idle, Phase::Head, Phase::Request, Phase::Flushing] {
            let sight = Sight { phase, reading_since: Some(0), waiting_since: Some(0), ..QUIET };
            assert_eq!(verdict(&sight, &Timeouts::default(), None, PACE, u64::MAX), Verdict::Fine);
        }
    }

    #[test]
    fn a_worker_that_was_held_up_does_not_blame_its_clients() {
        let late = PACE.counted(Duration::from_secs(30));
        assert_eq!((PACE.counted(PACE.tick), late), (PACE.tick, 2 * PACE.tick));
        assert!(!PACE.is_over(Some(Duration::from_secs(1)), 0, millis(late)));
    }

    #[test]
    fn the_pace_follows_the_shortest_limit_within_bounds() {
        let pace = |ms: &[u64]| Pace::for_limits(ms.iter().map(|ms| Duration::from_millis(*ms))).tick.as_millis();
        assert_eq!((pace(&[]), pace(&[60_000, 400]), pace(&[1])), (500, 50, 10));
    }
}
