//! `testbed completions`.

use clap::Args;
use clap_complete::Shell;

/// Options of `completions`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// Which shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  testbed completions bash
  testbed completions zsh";
