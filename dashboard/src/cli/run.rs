//! `testbed run`.

use clap::Args;

use super::compare::Common;

/// Options of `run`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Scenarios to run (see `list scenarios`)
    #[arg(value_name = "SCENARIO", required = true)]
    pub scenarios: Vec<String>,
    /// What `compare` takes as well.
    #[command(flatten)]
    pub common: Common,
}

const EXAMPLES: &str = "\
Examples:
  testbed run management-sniff
  testbed run public-in-path direct-connect -a proxy-in-front --seed 42";
