//! Every fuzz target: its checked-in seeds, then a short seeded run. The long run is the example `fuzz`.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod engine;
mod targets;

use std::path::Path;

use engine::{Crash, Plan, Target, command, corpus, execute, fuzz, mutate::Mutator};

const PLAN: Plan = Plan { executions: 4_000, threads: 1, seed: 1 };

#[test]
fn every_target_holds_for_its_seeds_and_what_a_short_run_makes_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for target in targets::ALL {
        engine::replay(target, &folder, PLAN);
    }
    let folders = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(folders, targets::ALL.len(), "seeds without a target");
}

/// Believes a length.
fn gullible(bytes: &[u8]) {
    if let [22, length, rest @ ..] = bytes {
        assert!(rest.len() >= usize::from(*length), "a length beyond the end");
    }
}

const GULLIBLE: Target = Target { name: "gullible", check: gullible, words: &[], longest: 100 };

#[test]
fn a_planted_bug_is_found_kept_and_found_again_with_the_same_seed() {
    let seeds = [vec![22, 4, 1, 2, 3, 4]];
    let crash = fuzz(&GULLIBLE, &seeds, PLAN).unwrap_err();
    assert_eq!(fuzz(&GULLIBLE, &seeds, PLAN).unwrap_err(), crash);
    assert_eq!(crash.message, "a length beyond the end");
    let folder = tempfile::tempdir().unwrap();
    let file = command::keep(folder.path(), "gullible", &crash).unwrap();
    let kept = corpus::from_hex(&std::fs::read_to_string(file).unwrap());
    assert_eq!(execute(&GULLIBLE, &kept), Err(Crash { input: kept.clone(), ..crash }));
}

#[test]
fn inputs_are_many_bounded_and_not_far_from_the_seeds() {
    let seed = b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello".to_vec();
    let mut mutator = Mutator::new(vec![seed.clone()], &GULLIBLE, 7);
    let inputs: Vec<Vec<u8>> = (0..2_000).map(|_| mutator.next().to_vec()).collect();
    let different: std::collections::BTreeSet<&Vec<u8>> = inputs.iter().collect();
    assert!(different.len() > 1_500, "{}", different.len());
    assert!(inputs.iter().all(|input| input.len() <= GULLIBLE.longest));
    let near = inputs.iter().filter(|input| input.starts_with(&seed[..8])).count();
    assert!(near > 600, "{near}");
}
