//! Fuzzes what this crate reads for as long as one likes:
//! `cargo run --profile fuzz -p testbed --example fuzz_opener -- all --executions 10000000 --threads 2 --seed 1`.
//! An input that breaks something is kept under `target/fuzz`; the exit code is 1.

#[path = "../../proxies/tests/fuzz/engine/mod.rs"]
#[allow(dead_code)]
mod engine;
#[path = "../tests/fuzz/targets/mod.rs"]
mod targets;

use std::{path::Path, process::ExitCode};

fn main() -> ExitCode {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    engine::command::run(targets::ALL, &corpus)
}
