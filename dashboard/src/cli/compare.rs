//! `testbed compare` and the options it shares with `run`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::engine::{Profile, Request, Stand};

/// Options of `compare`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Compare {
    /// Scenarios to run (see `list scenarios`) [default: all]
    #[arg(short, long = "scenario", value_name = "ID")]
    pub scenarios: Vec<String>,
    /// What `run` takes as well.
    #[command(flatten)]
    pub common: Common,
}

/// Options of `compare` and `run`.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// Architectures by name or file (see `list architectures`) [default: all]
    #[arg(short, long = "arch", value_name = "NAME|FILE")]
    pub architectures: Vec<String>,
    /// Seed of everything drawn [default: random, printed]
    #[arg(long, value_name = "N", env = "TESTBED_SEED", hide_env_values = true)]
    pub seed: Option<u64>,
    /// How much to measure
    #[arg(
        long,
        value_name = "NAME",
        value_enum,
        default_value_t,
        env = "TESTBED_PROFILE",
        hide_env_values = true
    )]
    pub profile: Profile,
    /// Print the matrix as
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
    /// Show progress lines in place of the dashboard
    #[arg(long)]
    pub no_tui: bool,
    /// Write the run to this directory [default: runs/UTC-SCENARIO-SEED]
    #[arg(long, value_name = "DIR", env = "TESTBED_OUT", hide_env_values = true)]
    pub out: Option<PathBuf>,
    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
    /// Write the TLS key log of the run's own connections
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<PathBuf>,
    /// Leave floods out
    #[arg(long)]
    pub skip_floods: bool,
    /// Put this program in every proxy's place [default: what each file says]
    #[arg(long, value_name = "NAME", value_enum)]
    pub engine: Option<Stand>,
}

/// How the matrix is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: the content of matrix.json
    Json,
    /// For a ticket or a review: the content of report.md
    Markdown,
}

impl Common {
    /// The request behind the options.
    pub fn request(&self, scenarios: &[String]) -> Request {
        Request {
            architectures: self.architectures.clone(),
            scenarios: scenarios.to_vec(),
            seed: self.seed,
            profile: self.profile,
            out: self.out.clone(),
            force: self.force,
            keylog: self.keylog.clone(),
            skip_floods: self.skip_floods,
            engine: self.engine,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  testbed compare
  testbed compare --engine haproxy -a proxy-in-front -s management-sniff
  testbed compare -a plaintext -a ./mine.toml -s management-sniff --seed 42";
