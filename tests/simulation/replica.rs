//! One replica of the simulation: the real states, and shells that hand effects to the simulated wire.
use super::api::{Api, News, OURS, Orphan, classes, list};
use super::{Random, Weather};
use pilotage::actors::status_writer::state::{self as writer, Effect as Writing};
use pilotage::actors::throttler::state::{self as throttler, Effect as Throttling};
use pilotage::cluster::lease::state::{Answer, DEADLINE, Effect as Voting, Elector, REQUEST, Request};
use pilotage::compile::{Compiler, Options, Publish};
use pilotage::model::keys::{IngressKey, Kind};
use pilotage::model::patch::ModelPatch;
use pilotage::model::status::Addresses;
use pilotage::model::writing::{Ended, Failure, Wish};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Longest time of one half of a write; see `src/cluster/status.rs`.
const HALF: Duration = Duration::from_millis(2_400);

/// A request of the election on its way.
struct Ballot {
    request: Option<Request>,
    answer: Option<Answer>,
    sent: Instant,
    arrives: Instant,
    answered: Instant,
}

/// A write on its way.
struct Flight {
    ingress: IngressKey,
    wish: Wish,
    until: Instant,
    half: Half,
}

enum Half {
    /// Reads; the answer comes then, or the time is over.
    Reading { answered: Instant, lost: bool },
    /// The write arrives then, unless it is lost, and its answer may be.
    Sent { arrives: Instant, version: u64, lost: bool, deaf: bool },
    /// It was done; the sender learns it then.
    Done { answered: Instant, result: (Ended, Option<Arc<Addresses>>) },
}

struct Parts {
    elector: Elector,
    throttler: throttler::State,
    compiler: Compiler,
    writer: writer::State,
}

pub struct Replica {
    name: Arc<str>,
    parts: Option<Parts>,
    seen_up_to: usize,
    ballot: Option<Ballot>,
    votes: VecDeque<Voting>,
    flights: Vec<Flight>,
    wakes: Wakes,
    stalled: Option<Instant>,
}

#[derive(Default)]
struct Wakes {
    elector: Option<Instant>,
    throttler: Option<Instant>,
    writer: Option<Instant>,
}

fn due(wake: &mut Option<Instant>, now: Instant) -> bool {
    let due = wake.is_some_and(|at| at <= now);
    if due {
        *wake = None;
    }
    due
}

impl Replica {
    /// A place where no process runs.
    pub fn nobody() -> Self {
        Self {
            name: "nobody".into(),
            parts: None,
            seen_up_to: 0,
            ballot: None,
            votes: VecDeque::new(),
            flights: Vec::new(),
            wakes: Wakes::default(),
            stalled: None,
        }
    }

    /// A process that lists everything and takes part in the election.
    pub fn start(number: u64, seed: u64, now: Instant, api: &Api) -> Self {
        let name: Arc<str> = format!("replica-{number}").into();
        let options = Options {
            entry_points: vec!["web".into()],
            default_entry_points: vec!["web".into()],
            allow_empty_services: true,
            publish: Publish::Fixed(list(OURS)),
            ..Options::default()
        };
        let parts = Parts {
            elector: Elector::new(name.clone(), seed),
            throttler: throttler::State::new([Kind::Ingress], Duration::from_secs(2)),
            compiler: Compiler::new(options),
            writer: writer::State::new(seed, now),
        };
        let mut replica = Self {
            name,
            parts: Some(parts),
            wakes: Wakes { elector: Some(now), ..Wakes::default() },
            ..Self::nobody()
        };
        replica.seen_up_to = api.history.len();
        let mut first = classes();
        for (key, object) in &api.objects {
            first.merge(News::Put(key.clone(), object.clone()).patch());
            replica.show(&News::Put(key.clone(), object.clone()), now);
        }
        replica.facts(first, now);
        if let Some(parts) = &mut replica.parts {
            let effects = parts.throttler.on_listed(Kind::Ingress);
            replica.throttle(effects, now);
        }
        replica
    }

    pub fn stall_until(&mut self, at: Instant) {
        self.stalled = Some(at);
    }

    /// The process is dead; what it has sent is still on its way.
    pub fn abandon(&mut self, api: &mut Api) {
        if let Some(Ballot { request: Some(request), arrives, .. }) = self.ballot.take() {
            api.adopt(arrives, Orphan::Lease(request));
        }
        for flight in self.flights.drain(..) {
            if let Half::Sent { arrives, version, lost: false, .. } = flight.half {
                let Flight { ingress, wish, .. } = flight;
                api.adopt(arrives, Orphan::Status { ingress, wish, version, sender: self.name.clone() });
            }
        }
    }

    pub fn step(&mut self, now: Instant, wall: SystemTime, weather: Weather, random: &mut Random, api: &mut Api) {
        // What is on the wire goes on, also while the process stalls.
        self.arrive(now, random, api);
        if self.stalled.is_some_and(|until| now < until) {
            return;
        }
        self.stalled = None;
        self.watch(now, weather, random, api);
        if due(&mut self.wakes.throttler, now) {
            let effects = self.parts.as_mut().map(|parts| parts.throttler.on_wake(now)).unwrap_or_default();
            self.throttle(effects, now);
        }
        self.vote(now, wall, weather, random);
        self.hear(now, weather, random, api);
        if due(&mut self.wakes.writer, now) {
            let effects = self.parts.as_mut().map(|parts| parts.writer.on_wake(now)).unwrap_or_default();
            self.write(effects, now, weather, random);
        }
    }

    fn watch(&mut self, now: Instant, weather: Weather, random: &mut Random, api: &Api) {
        if weather == Weather::Storm && !random.one_in(4) {
            return;
        }
        while let Some(news) = api.history.get(self.seen_up_to) {
            self.seen_up_to += 1;
            self.show(news, now);
            self.facts(news.patch(), now);
        }
    }

    fn show(&mut self, news: &News, now: Instant) {
        if let (Some(parts), News::Put(key, object)) = (&mut self.parts, news) {
            // Writes that come of it are begun by the next wake-up.
            let effects = parts.writer.on_seen(key.clone(), object.says.clone(), now);
            self.later(effects);
        }
    }

    fn facts(&mut self, patch: ModelPatch, now: Instant) {
        let effects = self.parts.as_mut().map(|parts| parts.throttler.on_facts(patch, now)).unwrap_or_default();
        self.throttle(effects, now);
    }

    fn throttle(&mut self, effects: Vec<Throttling>, now: Instant) {
        for effect in effects {
            match effect {
                Throttling::WakeAt(at) => self.wakes.throttler = Some(at),
                Throttling::Apply(patch) => {
                    let Some(parts) = &mut self.parts else { continue };
                    let reports = parts.compiler.apply(patch).reports;
                    let mut effects = parts.writer.on_order(reports.generation, reports.addresses, reports.claims, now);
                    effects.extend(parts.writer.on_installed(reports.generation, now));
                    self.later(effects);
                }
            }
        }
    }

    /// Puts writes on the wire that were decided where none can be sent.
    fn later(&mut self, effects: Vec<Writing>) {
        for effect in effects {
            match effect {
                Writing::Write { ingress, wish, until } => {
                    // It reads at once: when an answer comes is the business of the later half.
                    let half = Half::Reading { answered: until - DEADLINE, lost: false };
                    self.flights.push(Flight { ingress, wish, until, half });
                }
                Writing::WakeAt(at) => self.wakes.writer = Some(at),
                Writing::SayDispute(_) => {}
            }
        }
    }

    fn write(&mut self, effects: Vec<Writing>, now: Instant, weather: Weather, random: &mut Random) {
        for effect in effects {
            match effect {
                Writing::Write { ingress, wish, until } => {
                    let (delay, lost) = wire(weather, random);
                    let half = Half::Reading { answered: now + delay.min(HALF), lost };
                    self.flights.push(Flight { ingress, wish, until, half });
                }
                Writing::WakeAt(at) => self.wakes.writer = Some(at),
                Writing::SayDispute(_) => {}
            }
        }
    }

    /// Requests reach the API server.
    fn arrive(&mut self, now: Instant, random: &mut Random, api: &mut Api) {
        if let Some(ballot) = &mut self.ballot
            && ballot.arrives <= now
            && let Some(request) = ballot.request.take()
        {
            ballot.answer = Some(api.lease(request));
        }
        for flight in &mut self.flights {
            if let Half::Sent { arrives, version, lost, deaf } = flight.half
                && arrives <= now
            {
                let failed = (Ended::Failed(Failure::Passing("no answer".into())), None);
                let result = match lost {
                    true => failed.clone(),
                    false => api.write(&flight.ingress, &flight.wish, version, &self.name),
                };
                let result = if deaf { failed } else { result };
                flight.half = Half::Done { answered: now + random.millis(100), result };
            }
        }
    }

    /// Answers reach the process.
    fn hear(&mut self, now: Instant, weather: Weather, random: &mut Random, api: &Api) {
        let mut ended = Vec::new();
        let mut under_way = Vec::new();
        for mut flight in std::mem::take(&mut self.flights) {
            match flight.half {
                Half::Reading { answered, lost } if answered <= now => {
                    let read = if lost { Err(refused(random)) } else { api.read(&flight.ingress, &flight.wish) };
                    match read {
                        Err(result) => ended.push((flight.ingress, result)),
                        Ok(_) if now >= flight.until => ended.push((flight.ingress, (Ended::TooLate, None))),
                        Ok(version) => {
                            let (delay, lost) = wire(weather, random);
                            let deaf = weather == Weather::Storm && random.one_in(10);
                            let arrives = now + delay.min(HALF - Duration::from_millis(200));
                            flight.half = Half::Sent { arrives, version, lost, deaf };
                            under_way.push(flight);
                        }
                    }
                }
                Half::Done { answered, result } if answered <= now => ended.push((flight.ingress, result)),
                half => under_way.push(Flight { half, ..flight }),
            }
        }
        self.flights = under_way;
        for (ingress, (how, says)) in ended {
            let effects = match &mut self.parts {
                Some(parts) => parts.writer.on_written(ingress, how, says, now),
                None => Vec::new(),
            };
            self.write(effects, now, weather, random);
        }
    }

    fn vote(&mut self, now: Instant, wall: SystemTime, weather: Weather, random: &mut Random) {
        let Some(parts) = &mut self.parts else { return };
        if let Some(ballot) = &self.ballot {
            let timed_out = now >= ballot.sent + REQUEST;
            if !timed_out && (ballot.answered > now || ballot.answer.is_none()) {
                return;
            }
            let answer = if timed_out { Answer::Failed } else { ballot.answer.clone().unwrap_or(Answer::Failed) };
            let sent = ballot.sent;
            self.ballot = None;
            self.votes.extend(parts.elector.on_answer(answer, sent, now, wall));
        }
        if due(&mut self.wakes.elector, now) {
            self.votes.extend(parts.elector.on_wake(now, wall));
        }
        while let Some(vote) = self.votes.pop_front() {
            let Some(parts) = &mut self.parts else { return };
            match vote {
                Voting::WakeAt(at) => self.wakes.elector = Some(at),
                Voting::Lead(until) => {
                    let effects = parts.writer.on_leadership(Some(until), now);
                    self.write(effects, now, weather, random);
                }
                Voting::Follow => {
                    let effects = parts.writer.on_leadership(None, now);
                    self.write(effects, now, weather, random);
                }
                Voting::Ask(request) => {
                    let (delay, lost) = wire(weather, random);
                    let arrives = now + delay;
                    let request = (!lost).then_some(request);
                    let answered = arrives + random.millis(if weather == Weather::Storm { 6_000 } else { 50 });
                    self.ballot = Some(Ballot { request, answer: None, sent: now, arrives, answered });
                }
            }
        }
    }
}

/// How long a request takes to arrive, and whether it never does.
fn wire(weather: Weather, random: &mut Random) -> (Duration, bool) {
    match weather {
        Weather::Calm => (random.millis(50), false),
        Weather::Storm => (random.millis(3_000), random.one_in(5)),
    }
}

fn refused(random: &mut Random) -> (Ended, Option<Arc<Addresses>>) {
    let failure = match random.below(4) {
        0 => Failure::Throttled(Duration::from_secs(1 + random.below(3))),
        1 => Failure::Conflict,
        2 => Failure::Forbidden("injected".into()),
        _ => Failure::Passing("injected".into()),
    };
    (Ended::Failed(failure), None)
}
