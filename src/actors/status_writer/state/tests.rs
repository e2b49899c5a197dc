//! What is queued, written, left, repeated. How it behaves among others is shown by `tests/simulation.rs`.
use super::*;
use crate::base::clock::{Clock, ManualClock};
use crate::model::status::Address;

struct Bench {
    clock: ManualClock,
    state: State,
}

fn key(name: &str) -> IngressKey {
    IngressKey::new("n", name)
}

fn list(ip: &str) -> Arc<Addresses> {
    Arc::new(Addresses(if ip.is_empty() { vec![] } else { vec![Address::ip(ip)] }))
}

fn bench() -> Bench {
    let clock = ManualClock::new();
    let state = State::new(1, clock.now());
    Bench { clock, state }
}

impl Bench {
    fn order(&mut self, generation: u64, ip: Option<&str>, claims: &[(&str, Claim)]) -> Vec<Effect> {
        let claims = claims.iter().map(|(name, claim)| (key(name), *claim)).collect();
        self.state.on_order(generation, ip.map(list), claims, self.clock.now())
    }
    fn lead(&mut self) -> Vec<Effect> {
        self.state.on_leadership(Some(self.clock.now() + Duration::from_secs(10)), self.clock.now())
    }
    fn seen(&mut self, name: &str, ip: &str) -> Vec<Effect> {
        self.state.on_seen(key(name), list(ip), self.clock.now())
    }
    fn ended(&mut self, name: &str, ended: Ended, ip: Option<&str>) -> Vec<Effect> {
        self.state.on_written(key(name), ended, ip.map(list), self.clock.now())
    }
    fn installed(&mut self, generation: u64) -> Vec<Effect> {
        self.state.on_installed(generation, self.clock.now())
    }
    /// A leader to whom one Ingress of ours is new.
    fn with_one() -> (Self, Vec<Effect>) {
        let mut bench = bench();
        bench.installed(1);
        bench.lead();
        let effects = bench.order(1, Some("1.1.1.1"), &[("a", Claim::Ours)]);
        (bench, effects)
    }
}

/// Names and wishes of the writes among `effects`.
fn writes<'e>(effects: &'e [Effect]) -> Vec<(&'e str, String)> {
    let wish = |wish: &Wish| match wish {
        Wish::Say(list) => format!("say {}", list.0.first().map_or("nothing", |entry| &entry.ip)),
        Wish::Clear { ours } => format!("clear {}", ours.0[0].ip),
    };
    let write = |effect: &'e Effect| match effect {
        Effect::Write { ingress, wish: wanted, .. } => Some((&*ingress.name, wish(wanted))),
        _ => None,
    };
    effects.iter().filter_map(write).collect()
}

fn wakes(effects: &[Effect]) -> Vec<Instant> {
    let wake = |effect: &Effect| match effect {
        Effect::WakeAt(at) => Some(*at),
        _ => None,
    };
    effects.iter().filter_map(wake).collect()
}

#[test]
fn nothing_is_written_before_the_plan_is_live() {
    let mut bench = bench();
    bench.lead();
    assert_eq!(writes(&bench.order(3, Some("1.1.1.1"), &[("a", Claim::Ours)])), []);
    assert_eq!(writes(&bench.installed(2)), []);
    assert_eq!(writes(&bench.installed(3)), [("a", "say 1.1.1.1".to_owned())]);
}

#[test]
fn what_says_so_already_is_not_written() {
    let mut bench = bench();
    bench.installed(1);
    bench.lead();
    bench.seen("a", "1.1.1.1");
    assert_eq!(writes(&bench.order(1, Some("1.1.1.1"), &[("a", Claim::Ours)])), []);
}

#[test]
fn a_follower_writes_nothing_and_a_new_leader_what_differs() {
    let mut bench = bench();
    bench.installed(1);
    assert_eq!(bench.order(1, Some("1.1.1.1"), &[("a", Claim::Ours), ("b", Claim::Ours)]), []);
    assert_eq!(bench.seen("a", "1.1.1.1"), []);
    assert_eq!(writes(&bench.lead()), [("b", "say 1.1.1.1".to_owned())]);
}

#[test]
fn an_ingress_that_was_never_ours_is_never_touched() {
    let (mut bench, _) = Bench::with_one();
    assert_eq!(writes(&bench.seen("foreign", "9.9.9.9")), []);
    assert_eq!(writes(&bench.seen("foreign", "1.1.1.1")), []);
    assert_eq!(writes(&bench.order(1, Some("2.2.2.2"), &[])), [], "a is being written, foreign is not ours");
}

#[test]
fn a_status_of_ours_is_cleared_when_the_ingress_is_released() {
    let (mut bench, _) = Bench::with_one();
    bench.ended("a", Ended::Written, Some("1.1.1.1"));
    bench.clock.advance(Duration::from_secs(5));
    bench.lead();
    let effects = bench.order(1, None, &[("a", Claim::Released)]);
    let at = wakes(&effects)[0];
    bench.clock.advance(at - bench.clock.now());
    let effects = bench.state.on_wake(bench.clock.now());
    assert_eq!(writes(&effects), [("a", "clear 1.1.1.1".to_owned())]);
    bench.ended("a", Ended::Written, Some(""));
    assert_eq!(bench.state.counts().known, 0, "nothing is kept of it");
}

#[test]
fn a_status_that_somebody_else_wrote_stays_when_the_ingress_is_released() {
    let (mut bench, _) = Bench::with_one();
    bench.ended("a", Ended::Written, Some("1.1.1.1"));
    bench.seen("a", "9.9.9.9");
    bench.order(1, None, &[("a", Claim::Released)]);
    bench.clock.advance(Duration::from_secs(5));
    assert_eq!(writes(&bench.state.on_wake(bench.clock.now())), []);
}

#[test]
fn a_leader_whose_time_is_over_writes_nothing() {
    let (mut bench, _) = Bench::with_one();
    bench.ended("a", Ended::Written, Some("1.1.1.1"));
    bench.clock.advance(Duration::from_secs(10));
    assert_eq!(writes(&bench.order(1, None, &[("b", Claim::Ours)])), [], "nobody told it, its clock did");
    assert_eq!(writes(&bench.lead()), [("b", "say 1.1.1.1".to_owned())]);
}

#[test]
fn a_change_while_a_write_is_under_way_is_written_afterwards() {
    let (mut bench, effects) = Bench::with_one();
    assert_eq!(writes(&effects).len(), 1);
    assert_eq!(writes(&bench.order(1, Some("2.2.2.2"), &[])), []);
    let mut effects = bench.ended("a", Ended::Written, Some("1.1.1.1"));
    bench.clock.advance(Duration::from_secs(1));
    effects.extend(bench.state.on_wake(bench.clock.now()));
    assert_eq!(writes(&effects), [("a", "say 2.2.2.2".to_owned())]);
}

#[test]
fn a_conflict_is_tried_again_soon_and_a_refusal_late() {
    let failures = [
        (Failure::Conflict, Duration::ZERO, Duration::from_secs(1)),
        (Failure::Forbidden("no".into()), Duration::from_secs(60), Duration::from_secs(120)),
        (Failure::Invalid("no".into()), Duration::from_secs(60), Duration::from_secs(120)),
    ];
    for (failure, least, most) in failures {
        let (mut bench, _) = Bench::with_one();
        let effects = bench.ended("a", Ended::Failed(failure.clone()), None);
        let wait = wakes(&effects)[0] - bench.clock.now();
        assert!(wait >= least && wait <= most, "{failure}: {wait:?}");
    }
}

#[test]
fn an_api_server_in_trouble_is_left_alone_as_long_as_it_asks() {
    let (mut bench, _) = Bench::with_one();
    let effects = bench.ended("a", Ended::Failed(Failure::Throttled(Duration::from_secs(7))), None);
    let at = wakes(&effects)[0];
    assert!(at >= bench.clock.now() + Duration::from_secs(7));
    assert_eq!(writes(&bench.order(1, None, &[("b", Claim::Ours)])), [], "the others wait as well");
    bench.clock.advance(Duration::from_secs(9));
    assert_eq!(writes(&bench.state.on_wake(bench.clock.now())).len(), 2);
}

#[test]
fn a_writer_that_changes_it_back_is_fought_ever_more_rarely_and_said_once() {
    let (mut bench, _) = Bench::with_one();
    let mut said = 0;
    let mut waits = Vec::new();
    for _ in 0..8 {
        let effects = bench.ended("a", Ended::Written, Some("1.1.1.1"));
        said += effects.iter().filter(|effect| matches!(effect, Effect::SayDispute(_))).count();
        let effects = bench.seen("a", "9.9.9.9");
        let at = wakes(&effects)[0];
        waits.push((at - bench.clock.now()).as_secs());
        bench.clock.advance(at - bench.clock.now());
        bench.state.on_leadership(Some(bench.clock.now() + Duration::from_secs(10)), bench.clock.now());
        assert_eq!(writes(&bench.state.on_wake(bench.clock.now())).len(), 1);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128]);
    assert_eq!(said, 1);
}

#[test]
fn a_thousand_changes_are_written_at_the_stated_rate() {
    let mut bench = bench();
    bench.installed(1);
    bench.lead();
    let names: Vec<String> = (0..1_000).map(|number| format!("i{number}")).collect();
    let claims: Vec<(&str, Claim)> = names.iter().map(|name| (name.as_str(), Claim::Ours)).collect();
    let mut effects = bench.order(1, Some("1.1.1.1"), &claims);
    let start = bench.clock.now();
    let mut written = 0;
    while written < 1_000 {
        let now: Vec<String> = writes(&effects).into_iter().map(|(name, _)| name.to_owned()).collect();
        assert!(bench.state.counts().writing <= AT_ONCE);
        written += now.len();
        if now.is_empty() {
            bench.clock.advance(wakes(&effects)[0] - bench.clock.now());
            effects = bench.lead();
            effects.extend(bench.state.on_wake(bench.clock.now()));
        } else {
            effects = now.iter().flat_map(|name| bench.ended(name, Ended::Written, Some("1.1.1.1"))).collect();
        }
    }
    let took = bench.clock.now() - start;
    let want = Duration::from_secs((1_000 - u64::from(BURST)) / u64::from(PER_SECOND));
    assert!(took >= want - Duration::from_secs(1) && took <= want + Duration::from_secs(1), "{took:?}");
}
