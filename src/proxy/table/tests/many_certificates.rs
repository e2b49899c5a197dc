//! Ten thousand certificates: what one costs in memory, and that choosing and changing one costs what it costs with ten.
//! `cargo test --lib -- --nocapture many_certificates` prints the numbers of `benches/tls.md`.
use super::*;
use crate::parse::testing::{pair, secret};
use std::time::{Duration, Instant};

const MANY: usize = 10_000;
/// Bytes per certificate that must suffice, the Secret's fact and the index included, and what tests beside this one take
/// meanwhile (by itself: benches/tls.md).
const MOST: usize = 32 * 1024;

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().unwrap() * 1024
}

fn patch(names: impl Iterator<Item = usize>) -> PlanPatch {
    let certificates = names.map(|number| {
        let (crt, key) = pair(&[&format!("host-{number}.example.test")]);
        let name = format!("tls-{number}");
        let object = secret("default", &name).data("tls.crt", crt.as_bytes()).data("tls.key", key.as_bytes());
        let fact = crate::parse::secret::parse(&object.typed());
        (fact.key, Some(fact.pair.unwrap().unwrap()))
    });
    PlanPatch { generation: 1, certificates: certificates.collect(), ..PlanPatch::default() }
}

#[allow(clippy::disallowed_methods, reason = "printed, and nothing depends on it")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

#[test]
fn many_certificates_cost_a_few_kilobytes_each_and_are_found_as_fast_as_few() {
    let few = Table::new(&[]).apply(&patch(0..10));
    let build = || {
        let before = resident();
        let many = Table::new(&[]).apply(&patch(0..MANY));
        let each = resident().saturating_sub(before) / MANY;
        (many, each)
    };
    // The memory is that of the process, in which other tests run: one good count of a few is enough. All tables are kept, or the
    // next one would be built in the memory of the last.
    let mut built: Vec<(Table, usize)> = Vec::new();
    while built.len() < 4 && built.last().is_none_or(|(_, each)| *each >= MOST) {
        built.push(build());
    }
    let (many, each) = built.pop().unwrap();
    let choose = |table: &Table, size: usize| {
        let names: Vec<String> = (0..1000).map(|number| format!("host-{}.example.test", number * 7 % size)).collect();
        let found = || names.iter().filter(|name| table.certificate_for(name, |_| true).is_some()).count();
        let (found, took) = timed(found);
        assert_eq!(found, names.len());
        took / 1000
    };
    let change = patch([7].into_iter());
    let (next, changed) = timed(|| many.apply(&change));
    println!(
        "{each} bytes per certificate; choosing one of 10: {:?}, of {MANY}: {:?}; changing one of {MANY}: {changed:?}",
        choose(&few, 10),
        choose(&many, MANY)
    );
    let name = |number: usize| format!("host-{number}.example.test");
    let same = |number: usize| {
        let of = |table: &Table| table.certificate_for(&name(number), |_| true).cloned().unwrap();
        Arc::ptr_eq(&of(&many), &of(&next))
    };
    assert!(!same(7) && (0..MANY).filter(|number| *number != 7).all(same), "the others are shared, not copied");
    assert!(each < MOST, "{each} bytes per certificate");
}
