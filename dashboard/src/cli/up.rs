//! `testbed up`.

use std::path::PathBuf;

use clap::Args;

/// Options of `up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Up {
    /// Architecture by name or file (see `list architectures`)
    #[arg(value_name = "NAME|FILE")]
    pub architecture: String,
    /// Write openrc and ca.pem to this directory
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace what a former `up` left there
    #[arg(long)]
    pub force: bool,
}

const EXAMPLES: &str = "\
Examples:
  testbed up separate-environments --out lab
  testbed up ./mine.toml --out lab --force";
