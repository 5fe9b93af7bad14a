//! `testbed list`.

use clap::{Args, ValueEnum};

/// Options of `list`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// What to name [default: everything]
    #[arg(value_enum, value_name = "WHAT")]
    pub what: Option<What>,
    /// Print it as
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: ListFormat,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Shipped architectures
    Architectures,
    /// Shipped scenarios
    Scenarios,
    /// Techniques with their ATT&CK ids
    Techniques,
    /// Requirements, and what shows each of them
    Rows,
    /// Keys of the dashboard
    Keys,
    /// Themes of the dashboard
    Themes,
}

const EXAMPLES: &str = "\
Examples:
  testbed list
  testbed list rows --format json";
