//! `testbed report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use scenarios::export::Table;
use testbed::vocabulary::Phase;

/// Options of `report`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Report {
    /// Run directory, or its events.jsonl
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Render as
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: ReportFormat,
    /// Write to this file, or several files to this directory [default: stdout]
    #[arg(short, long, value_name = "FILE|DIR|-")]
    pub output: Option<PathBuf>,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// hgrm, hlog: these architectures only [default: all]
    #[arg(short, long = "arch", value_name = "NAME")]
    pub architectures: Vec<String>,
    /// hgrm: this operation only; `all` merges them [default: each, and all]
    #[arg(long, value_name = "NAME")]
    pub operation: Option<String>,
    /// hgrm: work of this phase [default: baseline]
    #[arg(long, value_name = "NAME", value_enum)]
    pub phase: Option<PhaseName>,
    /// hgrm: work of this scenario [default: all that leave the architecture as it is]
    #[arg(short, long, value_name = "ID")]
    pub scenario: Option<String>,
    /// csv: this table only [default: both]
    #[arg(long, value_name = "NAME", value_enum)]
    pub table: Option<TableName>,
}

/// What a run is rendered as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// The matrix for people, in a terminal
    #[default]
    Text,
    /// The content of matrix.json
    Json,
    /// The content of report.md
    Markdown,
    /// Latency distributions for HDR plotters, one file per architecture and operation
    Hgrm,
    /// Interval logs for HDR readers, one file per architecture; tags are scenario/phase/operation
    Hlog,
    /// Tables: cells.csv and performance.csv
    Csv,
}

impl ReportFormat {
    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Hgrm => "hgrm",
            Self::Hlog => "hlog",
            Self::Csv => "csv",
        }
    }
}

/// A phase on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PhaseName {
    /// Before the attack
    Baseline,
    /// While it runs
    Attack,
    /// After it
    Recovery,
}

impl From<PhaseName> for Phase {
    fn from(name: PhaseName) -> Self {
        match name {
            PhaseName::Baseline => Self::Baseline,
            PhaseName::Attack => Self::Attack,
            PhaseName::Recovery => Self::Recovery,
        }
    }
}

/// A table on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableName {
    /// Verdicts
    Cells,
    /// Figures
    Performance,
}

impl From<TableName> for Table {
    fn from(name: TableName) -> Self {
        match name {
            TableName::Cells => Self::Cells,
            TableName::Performance => Self::Performance,
        }
    }
}

const EXAMPLES: &str = "\
Formats of several files go to a directory with -o, or are narrowed down to one, which may go to stdout.

Examples:
  testbed report runs/20310504T100000Z-compare-42 -f hgrm -o curves
  testbed report runs/20310504T100000Z-compare-42 -f csv --table cells";
