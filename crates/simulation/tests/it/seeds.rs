//! Stories from seeds. In: `SIM_SEED` for one of them, else many. Out: the first seed that breaks a promise, and how to
//! play it again.

use std::collections::BTreeMap;

use simulation::{Fault, run};

/// How many seeds are played when nothing else is said.
const SEEDS: u64 = 500;

#[expect(clippy::disallowed_methods, reason = "the environment sets the seed to play")]
fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seeds() -> std::ops::Range<u64> {
    match number_of("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number_of("SIM_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn every_accepted_event_ends_once_whatever_dies() {
    let mut fired: BTreeMap<Fault, u64> = BTreeMap::new();
    for seed in seeds() {
        match run(seed) {
            Ok(report) => {
                for (fault, count) in report.fired {
                    *fired.entry(fault).or_default() += count;
                }
            }
            Err(fault) => {
                panic!("{fault}\nplay it again: SIM_SEED={seed} cargo test -p simulation seeds")
            }
        }
    }
    if number_of("SIM_SEED").is_none() {
        for fault in Fault::ALL {
            assert!(fired.get(&fault).is_some_and(|count| *count > 0), "{fault:?} never fired: {fired:?}");
        }
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [1, 7, 42] {
        let (one, two) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!(one.log, two.log);
        assert_eq!(one.runs, two.runs);
    }
}
