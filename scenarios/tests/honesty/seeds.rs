//! What is drawn changes no verdict: canaries, schedules, addresses.

use scenarios::runner::Request;

use crate::support::{SEED, families, judged, only, reference, request, run_together, shipped};

/// Twice more with the seed of the reference run, and with two others.
#[test]
fn verdicts_do_not_depend_on_the_seed_nor_on_chance() {
    let seeds = [SEED, SEED, 1, u64::MAX];
    let runs = run_together(seeds.map(|seed| Request { seed, ..request(shipped(), families()) }));
    let first = judged(&only(reference(), &families()));
    for (seed, cells) in seeds.into_iter().zip(runs) {
        assert_eq!(judged(&only(&cells, &families())), first, "seed {seed}");
    }
}
