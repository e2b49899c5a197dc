//! Which Events are to be written, and which of them now. Pure: `state + event + now -> effects`.
//!
//! Per object there is at most one Warning and one `Programmed` in the queue, the last of each. Bounded on every side:
//! objects with a Warning, Events that wait, Events per object and time. What is left out is counted; the log and
//! `/debug/findings` have every finding. A follower keeps what it would have to say, and says it when it leads.
use super::super::writing::{Bucket, Gate, Pause};
use crate::model::keys::ObjectRef;
use crate::model::status::{Notice, Verdict};
use crate::model::writing::{Ended, Failure, News, Saying};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events written per second in the long run.
pub const PER_SECOND: u32 = 10;
/// Events written at once after a quiet time.
pub const BURST: u32 = 50;
/// Writes under way at a time.
pub const AT_ONCE: usize = 4;
/// Events of one object at once, and how long until it may have one more (client-go's spam filter: 25, and 5 minutes).
const PER_OBJECT: u32 = 10;
const PER_OBJECT_EVERY: Duration = Duration::from_secs(60);
/// A Warning must have held for this long: an Ingress that is created a moment before its Service is no news.
pub const SETTLING: Duration = Duration::from_millis(500);
/// Objects with a Warning that are told of in Events.
const MOST_WARNED: usize = 10_000;
/// Ingresses that wait to be told `Programmed`.
const MOST_PROGRAMMED: usize = 1_000;
/// A follower remembers for this long that an Ingress was programmed: the old leader may not have come to say so.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Objects whose rate is watched; those with nothing spent are forgotten first.
const MOST_WATCHED: usize = 4_096;

/// What the shell has to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write this Event, if it can begin before `until`; then call [`State::on_recorded`].
    Record {
        /// About which object.
        object: ObjectRef,
        /// What it says.
        saying: Saying,
        /// Whether it happened just now.
        news: News,
        /// End of the leadership as it is known now.
        until: Instant,
    },
    /// Call [`State::on_wake`] at this time; replaces any earlier wake-up.
    WakeAt(Instant),
}

/// The state of the event recorder.
pub struct State {
    /// The Warning of each object that has one now.
    standing: HashMap<ObjectRef, Arc<Notice>>,
    /// What became programmed lately, for a change of leadership.
    lately: VecDeque<(Instant, ObjectRef)>,
    held: VecDeque<(u64, Vec<(ObjectRef, Verdict)>)>,
    installed: u64,
    pending: HashMap<Subject, Pending>,
    programmed_pending: usize,
    queue: VecDeque<Subject>,
    waiting: BTreeMap<Instant, Vec<Subject>>,
    spent: HashMap<ObjectRef, Bucket>,
    gate: Gate,
    bucket: Bucket,
    pause: Pause,
    recorded: u64,
    left_out: u64,
}

type Subject = (ObjectRef, Sort);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sort {
    Warning,
    Programmed,
}

#[derive(Debug)]
struct Pending {
    saying: Saying,
    news: News,
}

impl State {
    /// Nothing to say, and no leader. `seed` sets the jitter of retries.
    pub fn new(seed: u64, now: Instant) -> Self {
        Self {
            standing: HashMap::new(),
            lately: VecDeque::new(),
            held: VecDeque::new(),
            installed: 0,
            pending: HashMap::new(),
            programmed_pending: 0,
            queue: VecDeque::new(),
            waiting: BTreeMap::new(),
            spent: HashMap::new(),
            gate: Gate::new(AT_ONCE),
            bucket: Bucket::new(PER_SECOND, BURST, now),
            pause: Pause::new(seed),
            recorded: 0,
            left_out: 0,
        }
    }

    /// Something else is to be said of these objects.
    pub fn on_order(&mut self, generation: u64, verdicts: Vec<(ObjectRef, Verdict)>, now: Instant) -> Vec<Effect> {
        self.held.push_back((generation, verdicts));
        self.take_held(now)
    }

    /// A plan is live.
    pub fn on_installed(&mut self, generation: u64, now: Instant) -> Vec<Effect> {
        self.installed = self.installed.max(generation);
        self.take_held(now)
    }

    /// This process may write until then, or not at all.
    pub fn on_leadership(&mut self, until: Option<Instant>, now: Instant) -> Vec<Effect> {
        let before = self.gate.is_open(now);
        self.gate.set(until);
        match (before, self.gate.is_open(now)) {
            (false, true) => self.take_over(now),
            (_, false) => self.forget_plans(),
            _ => {}
        }
        self.effects(now)
    }

    /// A write ended.
    pub fn on_recorded(&mut self, object: ObjectRef, saying: Saying, ended: &Ended, now: Instant) -> Vec<Effect> {
        self.gate.leave();
        match ended {
            Ended::Written => {
                self.recorded += 1;
                self.pause.reset();
            }
            Ended::Left => self.pause.reset(),
            // It may not exist for good, like a Service that an option names.
            Ended::NoObject => {}
            Ended::TooLate => self.again(object, saying, now),
            Ended::Failed(Failure::Throttled(wait)) => {
                self.pause.at_least(*wait, now);
                self.again(object, saying, now);
            }
            Ended::Failed(Failure::Invalid(_)) => self.left_out += 1,
            Ended::Failed(_) => {
                self.pause.longer(now);
                self.again(object, saying, now);
            }
        }
        self.effects(now)
    }

    /// A time has come that was asked for.
    pub fn on_wake(&mut self, now: Instant) -> Vec<Effect> {
        let later = self.waiting.split_off(&(now + Duration::from_nanos(1)));
        self.queue.extend(std::mem::replace(&mut self.waiting, later).into_values().flatten());
        self.effects(now)
    }

    fn take_held(&mut self, now: Instant) -> Vec<Effect> {
        while self.held.front().is_some_and(|(generation, _)| *generation <= self.installed) {
            let Some((_, verdicts)) = self.held.pop_front() else { break };
            for (object, verdict) in verdicts {
                self.take_verdict(object, verdict, now);
            }
        }
        self.effects(now)
    }

    fn take_verdict(&mut self, object: ObjectRef, verdict: Verdict, now: Instant) {
        match verdict {
            Verdict::Warned(notice) if self.standing.get(&object) == Some(&notice) => {}
            Verdict::Warned(notice) => {
                if self.standing.len() >= MOST_WARNED && !self.standing.contains_key(&object) {
                    self.left_out += 1;
                    return;
                }
                self.standing.insert(object.clone(), notice.clone());
                self.enqueue(object, Saying::Warning(notice), News::Fresh, now);
            }
            Verdict::Programmed => {
                self.remember(object.clone(), now);
                self.enqueue(object, Saying::Programmed, News::Fresh, now);
            }
            Verdict::Clean => {
                self.standing.remove(&object);
                self.drop_pending(&(object, Sort::Warning));
            }
            Verdict::Gone => {
                self.standing.remove(&object);
                self.drop_pending(&(object.clone(), Sort::Warning));
                self.drop_pending(&(object.clone(), Sort::Programmed));
                self.spent.remove(&object);
                self.lately.retain(|(_, known)| *known != object);
            }
        }
    }

    fn remember(&mut self, object: ObjectRef, now: Instant) {
        while self.lately.front().is_some_and(|(at, _)| *at + REMEMBERED <= now) {
            self.lately.pop_front();
        }
        if self.lately.len() < MOST_PROGRAMMED {
            self.lately.push_back((now, object));
        }
    }

    /// The new leader says what stands; what was said already stays as it is.
    fn take_over(&mut self, now: Instant) {
        let standing: Vec<_> = self.standing.iter().map(|(object, notice)| (object.clone(), notice.clone())).collect();
        for (object, notice) in standing {
            self.enqueue(object, Saying::Warning(notice), News::Known, now);
        }
        for (at, object) in std::mem::take(&mut self.lately) {
            if at + REMEMBERED > now {
                self.lately.push_back((at, object.clone()));
                self.enqueue(object, Saying::Programmed, News::Known, now);
            }
        }
    }

    fn forget_plans(&mut self) {
        self.pending.clear();
        self.programmed_pending = 0;
        self.queue = VecDeque::new();
        self.waiting.clear();
    }

    fn enqueue(&mut self, object: ObjectRef, saying: Saying, news: News, now: Instant) {
        if !self.gate.is_open(now) {
            return;
        }
        let sort = sort(&saying);
        let subject = (object, sort);
        if let Some(pending) = self.pending.get_mut(&subject) {
            let news = if pending.news == News::Fresh { News::Fresh } else { news };
            *pending = Pending { saying, news };
            return;
        }
        if sort == Sort::Programmed {
            if self.programmed_pending >= MOST_PROGRAMMED {
                self.left_out += 1;
                return;
            }
            self.programmed_pending += 1;
        }
        self.pending.insert(subject.clone(), Pending { saying, news });
        match (sort, news) {
            (Sort::Warning, News::Fresh) => self.waiting.entry(now + SETTLING).or_default().push(subject),
            _ => self.queue.push_back(subject),
        }
    }

    /// A write that failed is tried again, unless something newer is to be said, or it does not hold any more.
    fn again(&mut self, object: ObjectRef, saying: Saying, now: Instant) {
        let standing = self.standing.get(&object);
        let holds = match &saying {
            Saying::Warning(notice) => standing == Some(notice),
            Saying::Programmed => standing.is_none(),
        };
        let subject = (object, sort(&saying));
        if holds && !self.pending.contains_key(&subject) {
            self.enqueue(subject.0, saying, News::Fresh, now);
        }
    }

    fn drop_pending(&mut self, subject: &Subject) {
        if self.pending.remove(subject).is_some() && subject.1 == Sort::Programmed {
            self.programmed_pending -= 1;
        }
    }

    fn effects(&mut self, now: Instant) -> Vec<Effect> {
        let mut effects = Vec::new();
        let mut next = self.waiting.keys().next().copied();
        while !self.queue.is_empty() {
            if let Some(later) = self.gate.blocked(now).or_else(|| self.pause.blocked(now)) {
                next = later.earliest(next);
                break;
            }
            let Some(subject) = self.queue.pop_front() else { break };
            if !self.pending.contains_key(&subject) {
                continue; // it does not hold any more
            }
            if let Err(at) = self.bucket.take(now) {
                self.queue.push_front(subject);
                next = Some(next.map_or(at, |next| next.min(at)));
                break;
            }
            if let Err(at) = self.spend(&subject.0, now) {
                next = Some(next.map_or(at, |next| next.min(at)));
                self.waiting.entry(at).or_default().push(subject);
                continue;
            }
            let Some(Pending { saying, news }) = self.pending.remove(&subject) else { continue };
            let (object, sort) = subject;
            if sort == Sort::Programmed {
                self.programmed_pending -= 1;
            }
            let Some(until) = self.gate.enter() else { break };
            effects.push(Effect::Record { object, saying, news, until });
        }
        effects.extend(next.map(Effect::WakeAt));
        effects
    }

    /// One Event more for this object.
    fn spend(&mut self, object: &ObjectRef, now: Instant) -> Result<(), Instant> {
        if let Some(bucket) = self.spent.get_mut(object) {
            return bucket.take(now);
        }
        if self.spent.len() >= MOST_WATCHED {
            self.spent.retain(|_, bucket| !bucket.is_full(now));
            if self.spent.len() >= MOST_WATCHED {
                self.spent.clear();
            }
        }
        let mut bucket = Bucket::every(PER_OBJECT_EVERY, PER_OBJECT, now);
        let taken = bucket.take(now);
        self.spent.insert(object.clone(), bucket);
        taken
    }

    /// What it holds, for the debug page.
    pub fn counts(&self) -> Counts {
        Counts {
            warned: self.standing.len(),
            queued: self.pending.len(),
            writing: self.gate.inside(),
            recorded: self.recorded,
            left_out: self.left_out,
        }
    }
}

fn sort(saying: &Saying) -> Sort {
    match saying {
        Saying::Warning(_) => Sort::Warning,
        Saying::Programmed => Sort::Programmed,
    }
}

/// Sizes, for the debug page.
#[derive(Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Objects with a Warning.
    pub warned: usize,
    /// Events that are to be written.
    pub queued: usize,
    /// Being written.
    pub writing: usize,
    /// Written by this process.
    pub recorded: u64,
    /// Not told in Events, because there were too many or the API server would not have them.
    pub left_out: u64,
}

#[cfg(test)]
mod tests;
