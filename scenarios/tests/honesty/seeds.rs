//! What is drawn changes no verdict: canaries, schedules, addresses; nor does what nobody draws.
//!
//! `TESTBED_RUNS` says how many runs with the seed of the reference run there are (2 unless told).

use std::{collections::BTreeMap, env};

use scenarios::runner::Request;

use crate::support::{SEED, families, judged, only, reference, request, run_together, shipped};

const RUNS: usize = 2;
const OTHER_SEEDS: [u64; 2] = [1, u64::MAX];
/// Runs at the same time: two get in each other's way enough.
const TOGETHER: usize = 2;

#[test]
fn verdicts_do_not_depend_on_the_seed_nor_on_chance() {
    let runs = env::var("TESTBED_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let seeds = [vec![SEED; runs], OTHER_SEEDS.to_vec()].concat();
    let first = judged(&only(reference(), &families()));
    let mut deviating = BTreeMap::new();
    for (number, seeds) in seeds.chunks(TOGETHER).enumerate() {
        let requests = seeds.iter().map(|seed| Request { seed: *seed, ..request(shipped(), families()) });
        for ((place, seed), cells) in seeds.iter().enumerate().zip(run_together(requests)) {
            let cells = only(&cells, &families());
            let found = judged(&cells);
            assert!(found.keys().eq(first.keys()), "seed {seed}: other cells");
            let other: Vec<String> = cells
                .iter()
                .map(|cell| (cell, (cell.architecture.clone(), cell.scenario.clone(), cell.asset)))
                .filter(|(_, key)| found[key] != first[key])
                .map(|(cell, key)| format!("{key:?}: {:?}: {}", found[&key], cell.reason))
                .collect();
            // A run that is stopped half way has said what it found until then.
            println!("run {}, seed {seed}: {} cells deviate", number * TOGETHER + place + 1, other.len());
            if !other.is_empty() {
                deviating.insert((number * TOGETHER + place, *seed), other);
            }
        }
    }
    println!("{} runs, {} deviating", seeds.len(), deviating.len());
    assert!(deviating.is_empty(), "{deviating:#?}");
}
