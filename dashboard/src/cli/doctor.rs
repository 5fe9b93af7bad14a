//! `testbed doctor`.

use clap::{Args, ValueEnum};

/// Options of `doctor`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    /// Print what was found as
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// How it is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs (see `schema doctor`)
    Json,
}

const EXAMPLES: &str = "\
Examples:
  testbed doctor
  testbed doctor --format json";
