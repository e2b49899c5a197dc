//! What is said, once, to whom, and what is left out.
use super::*;
use crate::base::clock::{Clock, ManualClock};
use crate::model::keys::IngressKey;

struct Bench {
    clock: ManualClock,
    state: State,
}

fn object(name: &str) -> ObjectRef {
    (&IngressKey::new("n", name)).into()
}

fn warned(text: &str) -> Verdict {
    Verdict::Warned(Arc::new(Notice { reason: "Wrong", field: "spec".into(), note: text.into() }))
}

fn bench() -> Bench {
    let clock = ManualClock::new();
    let mut state = State::new(1, clock.now());
    state.on_installed(1, clock.now());
    Bench { clock, state }
}

impl Bench {
    fn lead(&mut self) -> Vec<Effect> {
        self.state.on_leadership(Some(self.clock.now() + Duration::from_secs(1_000_000)), self.clock.now())
    }
    fn order(&mut self, name: &str, verdict: Verdict) -> Vec<Effect> {
        let settles = matches!(verdict, Verdict::Warned(_));
        let mut effects = self.state.on_order(1, vec![(object(name), verdict)], self.clock.now());
        if settles {
            self.clock.advance(SETTLING);
            effects.extend(self.state.on_wake(self.clock.now()));
        }
        effects
    }
    fn leading() -> Self {
        let mut bench = bench();
        bench.lead();
        bench
    }
    /// All writes succeed.
    fn finish(&mut self, effects: Vec<Effect>) -> Vec<(String, News)> {
        let mut effects: VecDeque<Effect> = effects.into();
        let mut said = Vec::new();
        while let Some(effect) = effects.pop_front() {
            if let Effect::Record { object, saying, news, .. } = effect {
                said.push((describe(&object, &saying), news));
                effects.extend(self.state.on_recorded(object, saying, &Ended::Written, self.clock.now()));
            }
        }
        said
    }
}

fn describe(object: &ObjectRef, saying: &Saying) -> String {
    match saying {
        Saying::Warning(notice) => format!("{}: {}", object.name, notice.note),
        Saying::Programmed => format!("{}: programmed", object.name),
    }
}

fn fresh(text: &str) -> (String, News) {
    (text.to_owned(), News::Fresh)
}

#[test]
fn a_warning_and_its_end_are_said_once_each() {
    let mut bench = Bench::leading();
    let effects = bench.order("a", warned("x"));
    assert_eq!(bench.finish(effects), [fresh("a: x")]);
    let effects = bench.order("a", warned("x"));
    assert_eq!(bench.finish(effects), [], "the same again");
    bench.order("a", Verdict::Clean);
    let effects = bench.order("a", Verdict::Programmed);
    assert_eq!(bench.finish(effects), [fresh("a: programmed")]);
}

#[test]
fn what_is_mended_at_once_is_not_said() {
    let mut bench = Bench::leading();
    let now = bench.clock.now();
    bench.state.on_order(1, vec![(object("a"), warned("x"))], now);
    bench.state.on_order(1, vec![(object("a"), Verdict::Clean), (object("a"), Verdict::Programmed)], now);
    bench.clock.advance(SETTLING);
    assert_eq!(bench.state.on_wake(bench.clock.now()), []);
    assert_eq!(bench.state.counts().writing, 1, "programmed alone");
}

#[test]
fn nothing_is_said_before_the_plan_is_live() {
    let mut bench = Bench::leading();
    let effects = bench.state.on_order(2, vec![(object("a"), Verdict::Programmed)], bench.clock.now());
    assert_eq!(bench.finish(effects), []);
    let effects = bench.state.on_installed(2, bench.clock.now());
    assert_eq!(bench.finish(effects), [fresh("a: programmed")]);
}

#[test]
fn a_new_leader_says_what_stands_as_known_and_nothing_that_is_mended() {
    let mut bench = bench();
    bench.order("a", warned("x"));
    bench.order("b", warned("y"));
    bench.order("b", Verdict::Clean);
    bench.order("c", Verdict::Programmed);
    bench.clock.advance(Duration::from_secs(40));
    bench.order("d", Verdict::Programmed);
    bench.clock.advance(Duration::from_secs(40));
    let effects = bench.lead();
    let known = |text: &str| (text.to_owned(), News::Known);
    assert_eq!(bench.finish(effects), [known("a: x"), known("d: programmed")]);
}

#[test]
fn of_what_waits_only_the_last_is_said_and_nothing_of_an_object_that_is_gone() {
    let mut bench = Bench::leading();
    for number in 0..AT_ONCE {
        bench.order(&format!("busy{number}"), warned("x"));
    }
    bench.order("a", warned("x"));
    bench.order("a", warned("y"));
    bench.order("b", warned("z"));
    bench.order("b", Verdict::Gone);
    let busy = object("busy0");
    let saying = Saying::Warning(Arc::new(Notice { reason: "Wrong", field: "spec".into(), note: "x".into() }));
    let effects = bench.state.on_recorded(busy, saying, &Ended::Written, bench.clock.now());
    assert_eq!(bench.finish(effects), [fresh("a: y")]);
}

#[test]
fn a_failed_write_is_tried_again_while_it_holds() {
    let mut bench = Bench::leading();
    let effects = bench.order("a", warned("x"));
    let Some(Effect::Record { object, saying, .. }) = effects.into_iter().nth(1) else { panic!() };
    let failed = Ended::Failed(Failure::Throttled(Duration::from_secs(3)));
    let effects = bench.state.on_recorded(object.clone(), saying.clone(), &failed, bench.clock.now());
    assert!(matches!(effects[..], [Effect::WakeAt(_)]), "{effects:?}");
    bench.clock.advance(Duration::from_secs(2));
    let effects = bench.state.on_wake(bench.clock.now());
    assert!(
        matches!(effects[..], [Effect::WakeAt(at)] if at >= bench.clock.now() + Duration::from_secs(1)),
        "{effects:?}"
    );
    bench.clock.advance(Duration::from_secs(3));
    let effects = bench.state.on_wake(bench.clock.now());
    assert_eq!(bench.finish(effects), [fresh("a: x")]);
    bench.order("a", Verdict::Clean);
    let effects = bench.state.on_recorded(object, saying, &failed, bench.clock.now());
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Record { .. })));
    assert_eq!(bench.state.counts().queued, 0);
}

#[test]
fn an_object_that_flaps_is_told_of_ever_more_rarely() {
    let mut bench = Bench::leading();
    let mut said = 0;
    for number in 0..100 {
        let effects = bench.order("a", warned(&format!("x{number}")));
        said += bench.finish(effects).len();
    }
    assert_eq!(said, PER_OBJECT as usize);
    let effects = bench.order("b", warned("x"));
    assert_eq!(bench.finish(effects).len(), 1, "another object is not held up");
    bench.clock.advance(PER_OBJECT_EVERY);
    let effects = bench.state.on_wake(bench.clock.now());
    assert_eq!(bench.finish(effects), [fresh("a: x99")]);
}

#[test]
fn too_much_to_say_is_left_out_and_counted() {
    let mut bench = Bench::leading();
    for number in 0..MOST_PROGRAMMED + 500 {
        bench.order(&format!("i{number}"), Verdict::Programmed);
    }
    for number in 0..MOST_WARNED + 500 {
        bench.order(&format!("w{number}"), warned("x"));
    }
    let counts = bench.state.counts();
    assert_eq!(counts.warned, MOST_WARNED);
    assert!(counts.queued <= MOST_WARNED + MOST_PROGRAMMED);
    assert!(counts.left_out >= 900, "{counts:?}");
}
