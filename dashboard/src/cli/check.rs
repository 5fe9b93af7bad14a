//! `testbed check`.

use std::path::PathBuf;

use clap::Args;

/// Options of `check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// Files to check
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  testbed check mine.toml
  testbed check architectures/a.toml architectures/b.toml";
