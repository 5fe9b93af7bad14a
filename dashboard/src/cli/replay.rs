//! `testbed replay`.

use std::path::PathBuf;

use clap::Args;

use super::compare::Format;

/// Options of `replay`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Replay {
    /// Run directory, or its events.jsonl
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Print the matrix as; other than text: in place of the dashboard
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
    /// Print the matrix in place of the dashboard
    #[arg(long)]
    pub no_tui: bool,
}

const EXAMPLES: &str = "\
In the dashboard Space plays and pauses, [ and ] step by one event, + and - change the speed, g and G go to
start and end. Without a terminal the matrix is printed; as json it is the run's matrix.json, byte for byte.

Examples:
  testbed replay runs/20310504T100000Z-compare-42
  testbed replay runs/20310504T100000Z-compare-42/events.jsonl --format json";
