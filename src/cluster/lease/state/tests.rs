//! The election step by step. How several candidates get along is shown by the simulation (`tests/simulation.rs`).
use super::*;
use crate::base::clock::{Clock, ManualClock};

struct Bench {
    clock: ManualClock,
    elector: Elector,
}

fn bench() -> Bench {
    Bench { clock: ManualClock::new(), elector: Elector::new("me".into(), 7) }
}

fn seen(holder: &str, version: &str) -> Seen {
    let wall = SystemTime::UNIX_EPOCH;
    let record = Record { holder: holder.into(), duration: LEASE, acquired: wall, renewed: wall, transitions: 3 };
    Seen { record, version: version.into() }
}

fn held_by(holder: &str, version: &str) -> Answer {
    Answer::There(seen(holder, version))
}

impl Bench {
    fn wake(&mut self) -> Vec<Effect> {
        self.elector.on_wake(self.clock.now(), self.clock.wall())
    }
    fn answer(&mut self, answer: Answer) -> Vec<Effect> {
        let now = self.clock.now();
        self.elector.on_answer(answer, now, now, self.clock.wall())
    }
    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
    fn elect(&mut self) {
        self.wake();
        self.answer(Answer::Missing);
        self.answer(held_by("me", "1"));
    }
}

fn asked(effects: &[Effect]) -> &Request {
    let asked = effects.iter().find_map(|effect| match effect {
        Effect::Ask(request) => Some(request),
        _ => None,
    });
    asked.expect("a request")
}

#[test]
fn the_first_candidate_creates_the_lease_and_leads() {
    let mut bench = bench();
    assert_eq!(asked(&bench.wake()), &Request::Read);
    let effects = bench.answer(Answer::Missing);
    let Request::Create(record) = asked(&effects) else { panic!("{effects:?}") };
    assert_eq!((&*record.holder, record.duration, record.transitions), ("me", LEASE, 0));
    let now = bench.clock.now();
    assert_eq!(bench.answer(held_by("me", "1")), [Effect::Lead(now + DEADLINE), Effect::WakeAt(now + RENEWAL)]);
}

#[test]
fn a_live_holder_is_left_alone_until_its_record_has_not_changed_for_a_lease() {
    let mut bench = bench();
    for version in ["1", "2", "3"] {
        bench.wake();
        let effects = bench.answer(held_by("other", version));
        assert!(matches!(effects[..], [Effect::WakeAt(_)]), "{effects:?}");
        bench.pass(14);
    }
    bench.pass(1);
    bench.wake();
    let effects = bench.answer(held_by("other", "3"));
    let Request::Replace(record, version) = asked(&effects) else { panic!("{effects:?}") };
    assert_eq!((&*record.holder, &**version, record.transitions), ("me", "3", 4));
}

#[test]
fn a_released_lease_is_taken_at_once() {
    let mut bench = bench();
    bench.wake();
    let effects = bench.answer(held_by("", "9"));
    assert!(matches!(asked(&effects), Request::Replace(record, _) if &*record.holder == "me"));
}

#[test]
fn a_leader_that_cannot_renew_stops_at_its_deadline() {
    let mut bench = bench();
    bench.elect();
    let until = bench.elector.leads_until().unwrap();
    bench.pass(5);
    assert!(matches!(asked(&bench.wake()), Request::Replace(..)));
    let effects = bench.answer(Answer::Failed);
    assert!(matches!(effects[..], [Effect::WakeAt(at)] if at <= until), "{effects:?}");
    bench.pass(5);
    assert_eq!(bench.wake()[0], Effect::Follow);
    assert_eq!(bench.elector.leads_until(), None);
}

#[test]
fn a_renewal_counts_from_when_it_was_sent() {
    let mut bench = bench();
    bench.elect();
    bench.pass(5);
    bench.wake();
    let sent = bench.clock.now();
    bench.pass(4);
    let effects = bench.elector.on_answer(held_by("me", "2"), sent, bench.clock.now(), bench.clock.wall());
    assert_eq!(effects[0], Effect::Lead(sent + DEADLINE));
}

#[test]
fn a_record_of_ours_that_was_only_read_makes_no_leader() {
    let mut bench = bench();
    bench.elect();
    let until = bench.elector.leads_until();
    bench.pass(5);
    bench.wake();
    bench.answer(Answer::Failed);
    bench.wake();
    bench.answer(Answer::Conflict);
    // It went through after all, we do not know when.
    let effects = bench.answer(held_by("me", "2"));
    assert!(matches!(asked(&effects), Request::Replace(_, version) if &**version == "2"));
    assert_eq!(bench.elector.leads_until(), until);
}

#[test]
fn a_leader_that_sees_another_holder_stops_at_once() {
    let mut bench = bench();
    bench.elect();
    bench.pass(5);
    bench.wake();
    assert_eq!(asked(&bench.answer(Answer::Conflict)), &Request::Read);
    assert_eq!(bench.answer(held_by("other", "5"))[0], Effect::Follow);
}

#[test]
fn a_lease_that_vanished_ends_the_leadership_and_is_made_again() {
    let mut bench = bench();
    bench.elect();
    bench.pass(5);
    bench.wake();
    let effects = bench.answer(Answer::Missing);
    assert!(matches!(effects[..], [Effect::Follow, Effect::Ask(Request::Create(_))]), "{effects:?}");
}

#[test]
fn a_refused_candidate_asks_ever_more_rarely() {
    let mut bench = bench();
    let wait = |bench: &mut Bench| {
        bench.wake();
        match bench.answer(Answer::Refused)[..] {
            [Effect::WakeAt(at)] => at - bench.clock.now(),
            ref other => panic!("{other:?}"),
        }
    };
    let waits: Vec<Duration> = (0..5).map(|_| wait(&mut bench)).collect();
    assert!(waits[0] >= Duration::from_secs(10) && waits[4] >= Duration::from_secs(30), "{waits:?}");
}

#[test]
fn the_lease_is_given_back_at_the_end_by_its_holder_only() {
    let mut bench = bench();
    assert_eq!(bench.elector.on_stop(bench.clock.wall()), None);
    bench.elect();
    let Some(Request::Replace(record, version)) = bench.elector.on_stop(bench.clock.wall()) else { panic!() };
    assert_eq!((&*record.holder, &*version), ("", "1"));
    assert_eq!(bench.elector.leads_until(), None);
}

#[test]
fn an_absurdly_long_lease_ends_after_all() {
    let mut bench = bench();
    let mut absurd = seen("other", "1");
    absurd.record.duration = Duration::MAX;
    bench.wake();
    bench.answer(Answer::There(absurd.clone()));
    bench.pass(300);
    bench.wake();
    assert!(matches!(asked(&bench.answer(Answer::There(absurd))), Request::Replace(..)));
}
