//! `testbed up`.

use std::{ffi::OsString, path::PathBuf};

use clap::Args;

/// Options of `up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Up {
    /// Architecture by name or file (see `list architectures`)
    #[arg(value_name = "NAME|FILE")]
    pub architecture: String,
    /// Write openrc and ca.pem to this directory
    #[arg(long, value_name = "DIR", required_unless_present = "exec")]
    pub out: Option<PathBuf>,
    /// Replace what a former `up` left there
    #[arg(long)]
    pub force: bool,
    /// Run this command with a login and the cloud's own names, and take the cloud down when it ended
    ///
    /// Everything after --exec belongs to the command. It sees the cloud's names (identity.cloud.invalid) where
    /// this machine lets it have a mount namespace of its own, and `localhost` otherwise. Its standard output
    /// stays its own, its exit code becomes that of `up`, and signals are passed on to it. Without --out the
    /// files go to a temporary directory.
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  testbed up separate-environments --out lab
  testbed up ./mine.toml --out lab --force
  testbed up over-load-balancer --exec openstack server list
  testbed up proxy-in-front --exec bash";
