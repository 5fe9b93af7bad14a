//! `testbed graph`.

use clap::{Args, ValueEnum};

/// Options of `graph`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Graph {
    /// Architecture by name or file (see `list architectures`)
    #[arg(value_name = "NAME|FILE")]
    pub architecture: String,
    /// Draw it as
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// How it is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Boxes, 80 columns wide
    #[default]
    Text,
    /// Boxes without Unicode
    Ascii,
    /// A Mermaid flowchart, for Markdown
    Mermaid,
    /// A Graphviz digraph
    Dot,
    /// For programs (see `schema graph`)
    Json,
}

const EXAMPLES: &str = "\
Examples:
  testbed graph separate-environments
  testbed graph ./mine.toml --format mermaid";
