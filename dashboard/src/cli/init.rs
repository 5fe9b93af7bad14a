//! `testbed init`.

use std::path::PathBuf;

use clap::Args;

/// Options of `init`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Init {
    /// Write to this directory, made where it is missing
    #[arg(value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
}

const EXAMPLES: &str = "\
Examples:
  testbed init
  testbed init lab --force";
