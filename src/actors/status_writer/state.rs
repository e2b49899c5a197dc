//! Which statuses differ from what they are to say, and which of them may be written now. Pure:
//! `state + event + now -> effects`.
//!
//! ```text
//! claim (ours, released) ─┐
//! addresses (one list)   ─┼─ differs? ──▶ queue (once per Ingress) ──▶ bucket, pause, leadership ──▶ Write
//! what the watch shows   ─┘                 ▲                                                        │
//!                                           └──── back-off ◀── conflict, refused, changed back ◀─────┘
//! ```
//! A follower knows the same and queues nothing; on becoming leader it looks at all once.
use super::super::writing::{Bucket, Gate, Pause};
use crate::base::backoff::{Backoff, BackoffPolicy};
use crate::model::keys::IngressKey;
use crate::model::status::{Addresses, Claim};
use crate::model::writing::{Ended, Failure, Wish};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Statuses written per second in the long run: 100,000 take about half an hour, and nobody else is kept waiting by it.
pub const PER_SECOND: u32 = 50;
/// Statuses written at once after a quiet time.
pub const BURST: u32 = 100;
/// Writes under way at a time.
pub const AT_ONCE: usize = 4;
/// Waits of one Ingress after a conflict.
const CONFLICT: BackoffPolicy =
    BackoffPolicy { min: Duration::from_millis(100), max: Duration::from_secs(60), factor: 2 };
/// Waits of one Ingress whose status the API server will not take, or not from us.
const REFUSED: BackoffPolicy = BackoffPolicy { min: Duration::from_secs(60), max: Duration::from_secs(900), factor: 2 };
/// Doublings of the wait between writes of a status that somebody else keeps changing back: 1 s up to about 17 min.
const MOST_DOUBLINGS: u8 = 10;
/// So many times in a row, and it is said that there is another writer.
const SUSPICIOUS: u8 = 4;

/// What the shell has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write this, if it can begin before `until`; then call [`State::on_written`].
    Write {
        /// Which Ingress.
        ingress: IngressKey,
        /// What its status is to say.
        wish: Wish,
        /// End of the leadership as it is known now.
        until: Instant,
    },
    /// Call [`State::on_wake`] at this time; replaces any earlier wake-up.
    WakeAt(Instant),
    /// Say in the log that somebody else keeps changing this status back.
    SayDispute(IngressKey),
}

/// The state of the status writer.
pub struct State {
    lists: Lists,
    entries: HashMap<IngressKey, Entry>,
    ours: usize,
    /// Orders whose generation is not live yet.
    held: VecDeque<Held>,
    installed: u64,
    queue: VecDeque<IngressKey>,
    waiting: BTreeMap<Instant, Vec<IngressKey>>,
    /// Failures in a row, of those that have any.
    troubles: HashMap<IngressKey, u32>,
    gate: Gate,
    bucket: Bucket,
    pause: Pause,
    seed: u64,
    written: u64,
}

/// Sixteen bytes: there is one for each Ingress.
#[derive(Clone, Debug)]
struct Entry {
    says: Option<Arc<Addresses>>,
    role: Role,
    place: Place,
    /// Writes since the addresses changed.
    writes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Foreign,
    Ours,
    Released,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Idle,
    Queued,
    Writing,
    Waiting,
}

struct Held {
    generation: u64,
    addresses: Option<Arc<Addresses>>,
    claims: Vec<(IngressKey, Claim)>,
}

impl Entry {
    fn new() -> Self {
        Self { says: None, role: Role::Foreign, place: Place::Idle, writes: 0 }
    }

    fn is_silent(&self) -> bool {
        self.says.as_ref().is_none_or(|says| says.0.is_empty())
    }

    /// What is to be written, if anything.
    fn wish(&self, lists: &Lists) -> Option<Wish> {
        match self.role {
            Role::Foreign => None,
            Role::Ours => {
                let wanted = lists.now.as_ref()?;
                let said = match &self.says {
                    Some(says) => Arc::ptr_eq(says, wanted) || wanted.are_said_by(says),
                    None => wanted.0.is_empty(),
                };
                (!said).then(|| Wish::Say(wanted.clone()))
            }
            Role::Released => {
                let ours = self.says.as_ref().filter(|says| !says.0.is_empty() && lists.include(says))?;
                Some(Wish::Clear { ours: ours.clone() })
            }
        }
    }
}

/// What statuses are to say.
#[derive(Default)]
struct Lists {
    now: Option<Arc<Addresses>>,
    /// What they were to say before that: on one that was not rewritten yet it is ours as well.
    before: Option<Arc<Addresses>>,
}

impl Lists {
    /// Whether a status that says this was written by us.
    fn include(&self, says: &Addresses) -> bool {
        [&self.now, &self.before].into_iter().flatten().any(|list| list.are_said_by(says))
    }
}

impl State {
    /// Nothing known, and no leader. `seed` sets the jitter of retries.
    pub fn new(seed: u64, now: Instant) -> Self {
        Self {
            lists: Lists::default(),
            entries: HashMap::new(),
            ours: 0,
            held: VecDeque::new(),
            installed: 0,
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            troubles: HashMap::new(),
            gate: Gate::new(AT_ONCE),
            bucket: Bucket::new(PER_SECOND, BURST, now),
            pause: Pause::new(seed),
            seed,
            written: 0,
        }
    }

    /// Statuses are to say something else, or are somebody else's.
    pub fn on_order(
        &mut self,
        generation: u64,
        addresses: Option<Arc<Addresses>>,
        claims: Vec<(IngressKey, Claim)>,
        now: Instant,
    ) -> Vec<Effect> {
        self.held.push_back(Held { generation, addresses, claims });
        self.take_held(now)
    }

    /// A plan is live.
    pub fn on_installed(&mut self, generation: u64, now: Instant) -> Vec<Effect> {
        self.installed = self.installed.max(generation);
        self.take_held(now)
    }

    /// The watch shows what a status says.
    pub fn on_seen(&mut self, ingress: IngressKey, says: Arc<Addresses>, now: Instant) -> Vec<Effect> {
        if says.0.is_empty() && !self.entries.contains_key(&ingress) {
            return Vec::new();
        }
        let entry = self.entries.entry(ingress.clone()).or_insert_with(Entry::new);
        entry.says = Some(says);
        self.examine(&ingress, now);
        self.effects(now)
    }

    /// This process may write until then, or not at all.
    pub fn on_leadership(&mut self, until: Option<Instant>, now: Instant) -> Vec<Effect> {
        let before = self.gate.is_open(now);
        self.gate.set(until);
        match (before, self.gate.is_open(now)) {
            (false, true) => self.examine_all(now),
            (_, false) => self.forget_plans(),
            _ => {}
        }
        self.effects(now)
    }

    /// A write ended.
    pub fn on_written(
        &mut self,
        ingress: IngressKey,
        ended: Ended,
        says: Option<Arc<Addresses>>,
        now: Instant,
    ) -> Vec<Effect> {
        self.gate.leave();
        let Some(entry) = self.entries.get_mut(&ingress) else { return self.effects(now) };
        entry.place = Place::Idle;
        if let Some(says) = says {
            entry.says = Some(says);
        }
        let mut effects = Vec::new();
        match ended {
            Ended::Written => {
                self.written += 1;
                entry.writes = entry.writes.saturating_add(1);
                if entry.writes == SUSPICIOUS {
                    effects.push(Effect::SayDispute(ingress.clone()));
                }
                self.succeeded(&ingress);
            }
            Ended::Left => {
                self.succeeded(&ingress);
            }
            Ended::NoObject => self.remove(&ingress),
            Ended::TooLate => {}
            Ended::Failed(failure) => self.failed(&ingress, &failure, now),
        }
        self.settle(&ingress);
        self.examine(&ingress, now);
        effects.extend(self.effects(now));
        effects
    }

    /// A time has come that was asked for.
    pub fn on_wake(&mut self, now: Instant) -> Vec<Effect> {
        let later = self.waiting.split_off(&(now + Duration::from_nanos(1)));
        for ingress in std::mem::replace(&mut self.waiting, later).into_values().flatten() {
            if let Some(entry) = self.entries.get_mut(&ingress)
                && entry.place == Place::Waiting
            {
                entry.place = Place::Idle;
                self.enqueue(&ingress);
            }
        }
        self.effects(now)
    }

    fn take_held(&mut self, now: Instant) -> Vec<Effect> {
        while self.held.front().is_some_and(|held| held.generation <= self.installed) {
            let Some(Held { addresses, claims, .. }) = self.held.pop_front() else { break };
            if addresses.is_some() {
                self.lists.before = std::mem::replace(&mut self.lists.now, addresses);
                self.entries.values_mut().for_each(|entry| entry.writes = 0);
                self.examine_all(now);
            }
            for (ingress, claim) in claims {
                self.take_claim(ingress, claim, now);
            }
        }
        self.effects(now)
    }

    fn take_claim(&mut self, ingress: IngressKey, claim: Claim, now: Instant) {
        match claim {
            Claim::Gone => self.remove(&ingress),
            Claim::Ours => {
                // Put in anew: this key shares its texts with the facts, that of the watch does not.
                let mut entry = self.entries.remove(&ingress).unwrap_or_else(Entry::new);
                if std::mem::replace(&mut entry.role, Role::Ours) != Role::Ours {
                    self.ours += 1;
                }
                self.entries.insert(ingress.clone(), entry);
                self.examine(&ingress, now);
            }
            Claim::Released => {
                let Some(entry) = self.entries.get_mut(&ingress) else { return };
                if std::mem::replace(&mut entry.role, Role::Released) == Role::Ours {
                    self.ours -= 1;
                }
                self.examine(&ingress, now);
                self.settle(&ingress);
            }
        }
    }

    fn remove(&mut self, ingress: &IngressKey) {
        self.troubles.remove(ingress);
        if self.entries.remove(ingress).is_some_and(|entry| entry.role == Role::Ours) {
            self.ours -= 1;
        }
    }

    /// Forgets what is neither ours nor says anything.
    fn settle(&mut self, ingress: &IngressKey) {
        let Some(entry) = self.entries.get_mut(ingress) else { return };
        // Nothing to clear, or nothing that we wrote; while it is being written that is not known.
        if entry.role == Role::Released && entry.place == Place::Idle && entry.wish(&self.lists).is_none() {
            entry.role = Role::Foreign;
        }
        if entry.role == Role::Foreign && entry.is_silent() && entry.place == Place::Idle {
            self.remove(ingress);
        }
    }

    fn examine_all(&mut self, now: Instant) {
        if !self.gate.is_open(now) {
            return;
        }
        let (lists, queued) = (&self.lists, self.queue.len());
        for (ingress, entry) in &mut self.entries {
            if entry.place == Place::Idle && entry.wish(lists).is_some() {
                entry.place = Place::Queued;
                self.queue.push_back(ingress.clone());
            }
        }
        // In order, so that a simulation does the same again.
        self.queue.make_contiguous()[queued..].sort_unstable();
    }

    /// Puts one Ingress into the queue if its status differs; later, if it was written before: then somebody changed it.
    fn examine(&mut self, ingress: &IngressKey, now: Instant) {
        let Some(entry) = self.entries.get(ingress) else { return };
        if !self.gate.is_open(now) || entry.place != Place::Idle || entry.wish(&self.lists).is_none() {
            return;
        }
        match entry.writes {
            0 => self.enqueue(ingress),
            writes => {
                let wait = Duration::from_secs(1 << (writes - 1).min(MOST_DOUBLINGS));
                self.wait(ingress, now + wait);
            }
        }
    }

    fn enqueue(&mut self, ingress: &IngressKey) {
        if let Some(entry) = self.entries.get_mut(ingress) {
            entry.place = Place::Queued;
            self.queue.push_back(ingress.clone());
        }
    }

    fn wait(&mut self, ingress: &IngressKey, until: Instant) {
        if let Some(entry) = self.entries.get_mut(ingress) {
            entry.place = Place::Waiting;
            self.waiting.entry(until).or_default().push(ingress.clone());
        }
    }

    fn succeeded(&mut self, ingress: &IngressKey) {
        self.troubles.remove(ingress);
        self.pause.reset();
    }

    fn failed(&mut self, ingress: &IngressKey, failure: &Failure, now: Instant) {
        let policy = match failure {
            Failure::NotFound => return self.remove(ingress),
            // The API server has trouble: that concerns all.
            Failure::Throttled(wait) => {
                self.pause.at_least(*wait, now);
                return self.enqueue(ingress);
            }
            Failure::Passing(_) => {
                self.pause.longer(now);
                return self.enqueue(ingress);
            }
            Failure::Conflict => CONFLICT,
            Failure::Invalid(_) => REFUSED,
            // Probably all: no need to ask for each of them at full speed.
            Failure::Forbidden(_) => {
                self.pause.longer(now);
                REFUSED
            }
        };
        let failures = self.troubles.entry(ingress.clone()).or_default();
        *failures = failures.saturating_add(1);
        self.seed = self.seed.wrapping_add(1);
        let mut backoff = Backoff::new(policy, self.seed);
        let wait = (0..(*failures).min(16)).map(|_| backoff.next()).last().unwrap_or(policy.min);
        self.wait(ingress, now + wait);
    }

    /// A follower queues nothing.
    fn forget_plans(&mut self) {
        for ingress in self.queue.drain(..).chain(std::mem::take(&mut self.waiting).into_values().flatten()) {
            if let Some(entry) = self.entries.get_mut(&ingress)
                && entry.place != Place::Writing
            {
                entry.place = Place::Idle;
            }
        }
        self.queue.shrink_to_fit();
        self.troubles.clear();
        self.entries.values_mut().for_each(|entry| entry.writes = 0);
    }

    fn effects(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut next = self.waiting.keys().next().copied();
        while !self.queue.is_empty() {
            if let Some(later) = self.gate.blocked(now).or_else(|| self.pause.blocked(now)) {
                next = later.earliest(next);
                break;
            }
            let Some(ingress) = self.queue.pop_front() else { break };
            // Gone since, and perhaps come again: what is there now has a place of its own.
            let Some(entry) = self.entries.get_mut(&ingress).filter(|entry| entry.place == Place::Queued) else {
                continue;
            };
            let Some(wish) = entry.wish(&self.lists) else {
                entry.place = Place::Idle;
                self.settle(&ingress);
                continue;
            };
            if let Err(at) = self.bucket.take(now) {
                self.queue.push_front(ingress);
                next = Some(next.map_or(at, |next| next.min(at)));
                break;
            }
            entry.place = Place::Writing;
            let Some(until) = self.gate.enter() else { break };
            effects.push(Effect::Write { ingress, wish, until });
        }
        effects.extend(next.map(Effect::WakeAt));
        effects
    }

    /// What it holds, for the debug page.
    pub fn counts(&self) -> Counts {
        Counts {
            ours: self.ours,
            known: self.entries.len(),
            queued: self.queue.len(),
            waiting: self.waiting.values().map(Vec::len).sum(),
            writing: self.gate.inside(),
            written: self.written,
        }
    }

    /// What statuses of ours are to say; `None` if that is not known.
    pub fn addresses(&self) -> Option<&Addresses> {
        self.lists.now.as_deref()
    }
}

/// Sizes, for the debug page.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Ingresses of ours.
    pub ours: usize,
    /// Ingresses of ours, and others that say something.
    pub known: usize,
    /// To be written as soon as possible.
    pub queued: usize,
    /// To be written later, after a failure or a dispute.
    pub waiting: usize,
    /// Being written.
    pub writing: usize,
    /// Written by this process.
    pub written: u64,
}

#[cfg(test)]
mod tests;
