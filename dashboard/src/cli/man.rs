//! `testbed man`.

use std::path::PathBuf;

use clap::Args;

/// Options of `man`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Man {
    /// Write a page for each command to this directory, made where it is missing
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  testbed man
  testbed man --out man1";
