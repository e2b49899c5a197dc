use super::*;
use crate::base::clock::{Clock, ManualClock};
use crate::model::facts::{EndpointsFact, NodeFact};
use crate::model::keys::{NodeKey, ServiceKey};
use crate::model::patch::Change;
use std::sync::Arc;

const WINDOW: Duration = Duration::from_secs(2);

fn start() -> Instant {
    ManualClock::new().now()
}
fn node(name: &str, ip: &str) -> ModelPatch {
    let key = NodeKey(name.into());
    let fact = NodeFact { key: key.clone(), internal_ips: vec![ip.into()], external_ips: vec![] };
    ModelPatch { nodes: [(key, Change::Put(Arc::new(fact)))].into(), ..ModelPatch::default() }
}
fn endpoints(name: &str) -> ModelPatch {
    let service = ServiceKey::new("n", name);
    let fact = EndpointsFact { service: service.clone(), slices: vec![] };
    ModelPatch { endpoints: [(service, Change::Put(Arc::new(fact)))].into(), ..ModelPatch::default() }
}
fn live(window: Duration) -> State {
    let mut state = State::new([Kind::Node], window);
    assert_eq!(state.on_listed(Kind::Node), [Effect::Apply(ModelPatch::default())]);
    state
}

#[test]
fn nothing_is_applied_before_every_kind_has_listed() {
    let mut state = State::new([Kind::Node, Kind::Service], WINDOW);
    let now = start();
    assert_eq!(state.on_facts(node("a", "1"), now), []);
    assert_eq!(state.on_listed(Kind::Node), []);
    assert_eq!(state.on_facts(endpoints("s"), now), []);
    assert_eq!(state.waiting_for(), [Kind::Service]);
    let mut all = node("a", "1");
    all.merge(endpoints("s"));
    assert_eq!(state.on_listed(Kind::Service), [Effect::Apply(all)]);
    assert_eq!(state.on_listed(Kind::Service), [], "a re-list opens nothing twice");
}

#[test]
fn a_quiet_object_is_applied_at_once_and_the_last_of_a_burst_at_the_end_of_the_window() {
    let mut state = live(WINDOW);
    let now = start();
    assert_eq!(state.on_facts(node("a", "1"), now), [Effect::Apply(node("a", "1")), Effect::WakeAt(now + WINDOW)]);
    let soon = now + WINDOW / 4;
    assert_eq!(state.on_facts(node("a", "2"), soon), [Effect::WakeAt(now + WINDOW)]);
    assert_eq!(state.on_facts(node("a", "3"), soon), [Effect::WakeAt(now + WINDOW)]);
    let end = now + WINDOW;
    assert_eq!(state.on_wake(end), [Effect::Apply(node("a", "3")), Effect::WakeAt(end + WINDOW)]);
    assert_eq!(state.on_wake(end + WINDOW), [], "quiet again: nothing is kept");
    assert_eq!((state.pending(), state.recently_applied()), (0, 0));
}

#[test]
fn one_busy_object_does_not_hold_up_another() {
    let mut state = live(WINDOW);
    let now = start();
    state.on_facts(node("busy", "1"), now);
    state.on_facts(node("busy", "2"), now);
    let effects = state.on_facts(node("calm", "1"), now + WINDOW / 2);
    assert_eq!(effects[0], Effect::Apply(node("calm", "1")));
}

#[test]
fn endpoints_never_wait() {
    let mut state = live(WINDOW);
    let now = start();
    for _ in 0..3 {
        assert_eq!(state.on_facts(endpoints("s"), now), [Effect::Apply(endpoints("s"))]);
    }
}

#[test]
fn without_a_window_everything_passes() {
    let mut state = live(Duration::ZERO);
    let now = start();
    for ip in ["1", "2"] {
        assert_eq!(state.on_facts(node("a", ip), now), [Effect::Apply(node("a", ip))]);
    }
}

#[test]
fn a_deletion_within_the_window_is_not_lost() {
    let mut state = live(WINDOW);
    let now = start();
    state.on_facts(node("a", "1"), now);
    let gone = ModelPatch { nodes: [(NodeKey("a".into()), Change::Gone)].into(), ..ModelPatch::default() };
    state.on_facts(gone.clone(), now + WINDOW / 2);
    assert_eq!(state.on_wake(now + WINDOW)[0], Effect::Apply(gone));
}

proptest::proptest! {
    /// Whatever the timing: what was applied, folded, equals what was told, folded, once all windows have ended.
    #[test]
    fn in_the_end_everything_told_is_applied(steps in proptest::collection::vec((0u8..4, 0u8..8, 0u64..3000), 0..60)) {
        let mut state = live(WINDOW);
        let mut now = start();
        let (mut told, mut applied) = (ModelPatch::default(), ModelPatch::default());
        let mut wake: Option<Instant> = None;
        let mut absorb = |effects: Vec<Effect>, wake: &mut Option<Instant>| {
            for effect in effects {
                match effect {
                    Effect::Apply(patch) => applied.merge(patch),
                    Effect::WakeAt(at) => *wake = Some(at),
                }
            }
        };
        for (object, ip, wait) in steps {
            let target = now + Duration::from_millis(wait);
            while let Some(at) = wake.filter(|at| *at <= target) {
                wake = None;
                absorb(state.on_wake(at), &mut wake);
            }
            now = target;
            let patch = node(&object.to_string(), &ip.to_string());
            told.merge(patch.clone());
            absorb(state.on_facts(patch, now), &mut wake);
        }
        while let Some(at) = wake.take() {
            absorb(state.on_wake(at), &mut wake);
        }
        proptest::prop_assert_eq!(applied, told);
        proptest::prop_assert_eq!((state.pending(), state.recently_applied()), (0, 0));
    }
}
