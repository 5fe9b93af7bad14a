//! Every fuzz target: its checked-in seeds, then a short seeded run. The long run is the example `fuzz`.

#[path = "../../../proxies/tests/fuzz/engine/mod.rs"]
#[allow(dead_code)]
mod engine;
mod targets;

use std::path::Path;

use engine::Plan;

#[test]
fn every_target_holds_for_its_seeds_and_what_a_short_run_makes_of_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for target in targets::ALL {
        engine::replay(target, &folder, Plan { executions: 4_000, threads: 1, seed: 1 });
    }
}
