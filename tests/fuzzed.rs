//! The fuzz targets of `tests/fuzz/` without libFuzzer: every file of their corpora, each finding of the past included, and a
//! number of mutations of them from a fixed seed. Coverage-guided runs need a nightly toolchain: `tests/fuzz/README.md`.
#[path = "fuzz/targets/annotations.rs"]
mod annotations;
#[path = "fuzz/targets/answer.rs"]
mod answer;
#[path = "fuzz/targets/head.rs"]
mod head;
#[path = "fuzz/targets/objects.rs"]
mod objects;
#[path = "fuzz/targets/rule.rs"]
mod rule;
#[path = "fuzz/targets/sparse.rs"]
mod sparse;
#[path = "fuzz/targets/support.rs"]
mod support;

use std::path::Path;

/// Bytes that mean something to somebody.
const ODD: &[u8] = b"\0\t\r\n :;,/%\"`(){}[]\\\x7f\xff-+09azAZ";

/// <https://prng.di.unimi.it/splitmix64.c>
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from(mixed >> 33).unwrap() % sides.max(1)
    }

    /// Changes, removes, repeats or borrows a few bytes.
    fn mutate(&mut self, data: &mut Vec<u8>, other: &[u8]) {
        for _ in 0..=self.roll(4) {
            let at = self.roll(data.len() + 1);
            let to = (at + self.roll(12)).min(data.len());
            match self.roll(5) {
                0 if at < data.len() => data[at] ^= 1 << self.roll(8),
                1 => drop(data.drain(at..to)),
                2 => data.insert(at, ODD[self.roll(ODD.len())]),
                3 => {
                    let piece = data[at..to].to_vec();
                    data.splice(at..at, piece);
                }
                _ => {
                    let from = self.roll(other.len() + 1);
                    let piece = &other[from..(from + self.roll(40)).min(other.len())];
                    data.splice(at..at, piece.iter().copied());
                }
            }
        }
    }
}

fn run(name: &str, target: fn(&[u8]), mutations: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!corpus.is_empty());
    corpus.iter().for_each(|data| target(data));
    let mut dice = Dice(1);
    for _ in 0..mutations {
        let mut data = corpus[dice.roll(corpus.len())].clone();
        let other = &corpus[dice.roll(corpus.len())];
        dice.mutate(&mut data, other);
        target(&data);
    }
}

#[test]
fn rules_hold_for_the_corpus_and_its_mutations() {
    run("rule", rule::run, 3_000);
}

#[test]
fn annotations_hold_for_the_corpus_and_its_mutations() {
    run("annotations", annotations::run, 3_000);
}

#[test]
fn objects_hold_for_the_corpus_and_its_mutations() {
    run("objects", objects::run, 500);
}

#[test]
fn heads_hold_for_the_corpus_and_its_mutations() {
    run("head", head::run, 500);
}

#[test]
fn answers_hold_for_the_corpus_and_its_mutations() {
    run("answer", answer::run, 500);
}

#[test]
fn what_is_passed_over_changes_nothing_in_the_corpus_and_its_mutations() {
    run("sparse", sparse::run, 3_000);
}
