//! `testbed schema`.

use clap::{Args, ValueEnum};

/// Options of `schema`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Schema {
    /// What to describe
    #[arg(value_enum, value_name = "WHAT")]
    pub what: What,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Architecture files
    Architecture,
    /// Scenario files
    Scenario,
    /// What `compare --format json` prints: matrix.json
    Matrix,
    /// One line of events.jsonl
    Events,
    /// What `graph --format json` prints
    Graph,
    /// What `doctor --format json` prints
    Doctor,
}

const EXAMPLES: &str = "\
Examples:
  testbed schema architecture
  testbed schema matrix";
