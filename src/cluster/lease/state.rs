//! Who may write: the election by one Lease. Pure: `state + answer + now -> effects`, one request at a time.
//!
//! ```text
//! leader     renewed at 0 s ...... renews again at 5 s, then every 2 s ...... stops writing at 10 s
//! others     saw that record ................................................... may take over 15 s after they saw it
//! ```
//! As client-go's `leaderelection`: the age of a record counts from when this process saw it change, by its own clock, so
//! that clocks need not agree. A leader counts from when it *sent* the renewal. Between the two lie 5 s, the longest
//! that one write may take: a write of the old leader has ended before anybody else begins.
use crate::base::backoff::{Backoff, BackoffPolicy};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Others wait this long after the last change of the record (client-go's `LeaseDuration`).
pub const LEASE: Duration = Duration::from_secs(15);
/// A leader that could not renew for this long stops writing (client-go's `RenewDeadline`).
pub const DEADLINE: Duration = Duration::from_secs(10);
/// A leader renews after this long; client-go does so after 2 s, which is more requests for no more safety.
pub const RENEWAL: Duration = Duration::from_secs(5);
/// Longest time for one request of the election, or for one write of a leader.
pub const REQUEST: Duration = Duration::from_secs(5);
/// Tries of those who wait, and of a leader whose renewal failed.
const TRIES: BackoffPolicy =
    BackoffPolicy { min: Duration::from_millis(1_500), max: Duration::from_millis(2_500), factor: 2 };
/// Tries when the Lease may not be touched at all.
const REFUSED: BackoffPolicy = BackoffPolicy { min: Duration::from_secs(10), max: Duration::from_secs(60), factor: 2 };
/// A record may ask for a longer lease than ours, but not for ever.
const LONGEST: Duration = Duration::from_secs(300);

/// What the Lease says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `holderIdentity`; empty when it was released.
    pub holder: Arc<str>,
    /// `leaseDurationSeconds`.
    pub duration: Duration,
    /// `acquireTime`, for people.
    pub acquired: SystemTime,
    /// `renewTime`, for people and for other implementations.
    pub renewed: SystemTime,
    /// `leaseTransitions`.
    pub transitions: i32,
}

/// The record with the version it was read at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it says.
    pub record: Record,
    /// `metadata.resourceVersion`; opaque.
    pub version: Arc<str>,
}

/// A request to the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Read the Lease.
    Read,
    /// Create it; refused if there is one.
    Create(Record),
    /// Replace what was read at this version; refused if it changed since.
    Replace(Record, Arc<str>),
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The Lease, as read or as written.
    There(Seen),
    /// There is none.
    Missing,
    /// Somebody was faster.
    Conflict,
    /// No right to do that.
    Refused,
    /// No answer, or one that says to come back.
    Failed,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this, then call [`Elector::on_answer`].
    Ask(Request),
    /// This process may write until then; replaces what was said before.
    Lead(Instant),
    /// This process may not write.
    Follow,
    /// Call [`Elector::on_wake`] then.
    WakeAt(Instant),
}

/// One candidate.
#[derive(Debug)]
pub struct Elector {
    identity: Arc<str>,
    seen: Option<(Seen, Instant)>,
    role: Role,
    asked: Asked,
    tries: Backoff,
    refused: Backoff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Following,
    Leading { until: Instant },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ToRead,
    ToWrite,
}

impl Elector {
    /// A candidate under this name, which no other process may have. `seed` sets the jitter.
    pub fn new(identity: Arc<str>, seed: u64) -> Self {
        Self {
            identity,
            seen: None,
            role: Role::Following,
            asked: Asked::ToRead,
            tries: Backoff::new(TRIES, seed),
            refused: Backoff::new(REFUSED, seed),
        }
    }

    /// Time to try: at the start, and when a wake-up is due. `wall` goes into the record for people.
    pub fn on_wake(&mut self, now: Instant, wall: SystemTime) -> Vec<Effect> {
        match (self.role, &self.seen) {
            (Role::Leading { until }, _) if now >= until => {
                self.role = Role::Following;
                vec![Effect::Follow, self.ask(Request::Read)]
            }
            // The version is known, so one request does: if somebody wrote since, it is refused.
            (Role::Leading { .. }, Some((seen, _))) => {
                let record = Record { renewed: wall, duration: LEASE, ..seen.record.clone() };
                let version = seen.version.clone();
                vec![self.ask(Request::Replace(record, version))]
            }
            _ => vec![self.ask(Request::Read)],
        }
    }

    /// A request sent at `sent` was answered.
    pub fn on_answer(&mut self, answer: Answer, sent: Instant, now: Instant, wall: SystemTime) -> Vec<Effect> {
        if answer != Answer::Refused {
            self.refused.reset();
        }
        match answer {
            Answer::There(seen) => self.saw(seen, sent, now, wall),
            Answer::Missing => {
                self.seen = None;
                let mut effects = self.step_down();
                let record = self.record(wall, 0);
                effects.push(self.ask(Request::Create(record)));
                effects
            }
            // What is there now decides, and a leader leads on until it knows: its time has not run out.
            Answer::Conflict => vec![self.ask(Request::Read)],
            Answer::Failed => vec![self.wake_after_failure(now)],
            Answer::Refused => match self.role {
                Role::Leading { .. } => vec![self.wake_after_failure(now)],
                Role::Following => vec![Effect::WakeAt(now + self.refused.next())],
            },
        }
    }

    /// The process ends: gives the lease back, so that nobody has to wait for it. Only when no write is under way.
    pub fn on_stop(&mut self, wall: SystemTime) -> Option<Request> {
        let held = matches!(self.role, Role::Leading { .. });
        self.role = Role::Following;
        let (seen, _) = self.seen.take().filter(|_| held)?;
        let record = Record { holder: "".into(), duration: Duration::from_secs(1), renewed: wall, ..seen.record };
        Some(Request::Replace(record, seen.version))
    }

    /// Until when this process may write.
    pub fn leads_until(&self) -> Option<Instant> {
        match self.role {
            Role::Leading { until } => Some(until),
            Role::Following => None,
        }
    }

    fn saw(&mut self, seen: Seen, sent: Instant, now: Instant, wall: SystemTime) -> Vec<Effect> {
        let since = match &self.seen {
            Some((before, since)) if before.version == seen.version => *since,
            _ => now,
        };
        let ours = seen.record.holder == self.identity;
        let free = seen.record.holder.is_empty() || now >= since + seen.record.duration.clamp(LEASE, LONGEST);
        let (version, transitions) = (seen.version.clone(), seen.record.transitions);
        let renewal = Record { renewed: wall, duration: LEASE, ..seen.record.clone() };
        self.seen = Some((seen, since));
        match (ours, self.asked) {
            (true, Asked::ToWrite) => self.lead(sent, now),
            // A write whose answer was lost went through, and others may have seen it long ago: only a record that we
            // know the time of counts, so it is written once more.
            (true, Asked::ToRead) => vec![self.ask(Request::Replace(renewal, version))],
            (false, _) => {
                let mut effects = self.step_down();
                if free {
                    let record = self.record(wall, transitions.saturating_add(1));
                    effects.push(self.ask(Request::Replace(record, version)));
                } else {
                    effects.push(Effect::WakeAt(now + self.tries.next()));
                }
                effects
            }
        }
    }

    fn ask(&mut self, request: Request) -> Effect {
        self.asked = if request == Request::Read { Asked::ToRead } else { Asked::ToWrite };
        Effect::Ask(request)
    }

    fn lead(&mut self, sent: Instant, now: Instant) -> Vec<Effect> {
        let until = sent + DEADLINE;
        self.role = Role::Leading { until };
        vec![Effect::Lead(until), Effect::WakeAt((sent + RENEWAL).max(now))]
    }

    fn step_down(&mut self) -> Vec<Effect> {
        match std::mem::replace(&mut self.role, Role::Following) {
            Role::Leading { .. } => vec![Effect::Follow],
            Role::Following => Vec::new(),
        }
    }

    fn wake_after_failure(&mut self, now: Instant) -> Effect {
        let next = now + self.tries.next();
        Effect::WakeAt(self.leads_until().map_or(next, |until| next.min(until)))
    }

    fn record(&self, wall: SystemTime, transitions: i32) -> Record {
        Record { holder: self.identity.clone(), duration: LEASE, acquired: wall, renewed: wall, transitions }
    }
}

#[cfg(test)]
mod tests;
