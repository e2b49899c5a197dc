//! Tests of the schedule.
use super::*;
use proptest::prelude::*;

fn shares(weights: &[u32]) -> Vec<Share> {
    (0..)
        .zip(weights)
        .map(|(index, weight)| Share {
            index,
            weight: NonZeroU32::new(*weight).expect("weights in tests are not zero"),
        })
        .collect()
}

fn schedule(weights: &[u32]) -> Vec<u32> {
    Schedule::build(&shares(weights)).0.into_vec()
}

fn turns_of(index: u32, schedule: &[u32]) -> usize {
    schedule.iter().filter(|turn| **turn == index).count()
}

/// The algorithm as the specification tells it, step by step: the earliest deadline is served and moves on by 1/weight.
fn earliest_deadline_first(weights: &[u32], steps: usize) -> Vec<u32> {
    let mut served = vec![0_u64; weights.len()];
    (0..steps)
        .map(|_| {
            let due = |index: &usize| (u128::from(served[*index] + 1) << 64) / u128::from(weights[*index]);
            let next = (0..weights.len()).min_by_key(due).expect("there is a server");
            served[next] += 1;
            u32::try_from(next).expect("few servers")
        })
        .collect()
}

#[test]
fn equal_weights_go_round_in_order() {
    assert_eq!(schedule(&[1, 1, 1]), [0, 1, 2]);
    assert_eq!(schedule(&[7, 7]), [0, 1], "a common divisor does not lengthen the cycle");
}

#[test]
fn weights_three_and_one_repeat_after_four() {
    assert_eq!(schedule(&[3, 1]), [0, 0, 0, 1]);
    assert_eq!(schedule(&[30, 10]), [0, 0, 0, 1]);
}

#[test]
fn turns_of_a_heavy_server_are_spread() {
    assert_eq!(schedule(&[4, 2]), [0, 0, 1]);
    assert_eq!(schedule(&[5, 2]), [0, 0, 1, 0, 0, 0, 1]);
}

#[test]
fn no_servers_make_an_empty_schedule() {
    assert_eq!(schedule(&[]), [0_u32; 0]);
    assert_eq!(Schedule::default().at(5, &Tried::new()), None);
}

#[test]
fn large_weights_are_scaled_and_nobody_is_rounded_away() {
    let schedule = schedule(&[u32::MAX, u32::MAX / 2, 1]);
    assert!(schedule.len() <= 65_536, "{}", schedule.len());
    assert_eq!(turns_of(2, &schedule), 1);
    let (large, half) = (turns_of(0, &schedule), turns_of(1, &schedule));
    assert!(large.abs_diff(2 * half) <= 2, "{large} {half}");
}

#[test]
fn more_servers_than_the_longest_cycle_all_get_a_turn() {
    let schedule = schedule(&vec![1; 70_000]);
    assert_eq!(schedule.len(), 70_000);
    assert_eq!(schedule.last(), Some(&69_999));
}

#[test]
fn the_position_may_overflow() {
    let rotation = RoundRobin {
        position: Arc::new(AtomicUsize::new(usize::MAX)),
        active: Schedule::build(&shares(&[1, 1])),
        draining: Schedule::default(),
    };
    let picks: Vec<_> = (0..3).map(|_| rotation.next(&Tried::new())).collect();
    assert_eq!(picks, [Some(1), Some(0), Some(1)]);
}

proptest! {
    #[test]
    fn a_schedule_is_one_cycle_of_earliest_deadline_first(weights in prop::collection::vec(1_u32..40, 1..12)) {
        let divisor = weights.iter().fold(0, |a, b| greatest_common_divisor(a, u64::from(*b)));
        let schedule = schedule(&weights);
        for (index, weight) in (0..).zip(&weights) {
            prop_assert_eq!(turns_of(index, &schedule) as u64 * divisor, u64::from(*weight));
        }
        prop_assert_eq!(earliest_deadline_first(&weights, schedule.len()), schedule);
    }

}

proptest! {
    // Few cases: each sorts 65,536 turns.
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_scaled_schedule_keeps_its_bound_and_its_shares(weights in prop::collection::vec(1_u32.., 1..40)) {
        let schedule = schedule(&weights);
        prop_assert!(schedule.len() <= 65_536);
        let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        for (index, weight) in (0..).zip(&weights) {
            let got = turns_of(index, &schedule) as f64 / schedule.len() as f64;
            prop_assert!(turns_of(index, &schedule) > 0);
            prop_assert!((got - f64::from(*weight) / sum).abs() < 0.002, "{} of {}", got, f64::from(*weight) / sum);
        }
    }
}
