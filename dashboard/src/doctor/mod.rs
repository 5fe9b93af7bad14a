//! What this machine and this terminal allow, and what to do about what they do not.
//!
//! ```text
//! probe.rs ── Facts (plain values) ── judge.rs ── Vec<Check> ── render.rs (text, JSON)
//! ```
//!
//! It changes nothing. Only `probe` looks at the machine, so that every judgement is tested without one.

mod judge;
mod probe;
mod render;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

pub use judge::judge;
pub use probe::facts;
pub use render::{json, text};

/// What was found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Files and connections this process may have open; `None` = no limit.
    pub descriptors: Option<u64>,
    /// How far that may be raised without privileges; `None` = no limit.
    pub descriptors_most: Option<u64>,
    /// What a flood needs of them.
    pub flood_needs: u64,
    /// Addresses of 127.0.0.0/8 that could be taken, or why not.
    pub loopback: Result<usize, String>,
    /// Ports the kernel draws from, first and last.
    pub ephemeral: Option<(u32, u32)>,
    /// Ports a launch draws from, first and last.
    pub drawn: (u32, u32),
    /// Could a user and mount namespace be made? `Err` says why not.
    pub namespaces: Result<(), String>,
    /// Is this root?
    pub root: bool,
    /// Processors this process may use.
    pub processors: usize,
    /// The terminal.
    pub terminal: Terminal,
    /// Optional programs and where they are.
    pub programs: Vec<(Program, Option<String>)>,
}

/// What is known of the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Are both stdin and stdout one?
    pub there: bool,
    /// Columns and rows, if it says so.
    pub size: Option<(u16, u16)>,
    /// `TERM`.
    pub kind: String,
    /// `COLORTERM`.
    pub colours: String,
    /// The character set of `LC_ALL`, `LC_CTYPE` or `LANG`.
    pub locale: String,
}

/// A program that is used where it is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// What it is used for.
    pub purpose: &'static str,
}

/// How a check turned out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// Something optional is missing.
    Note,
    /// Something essential is missing.
    Problem,
}

/// One line of the answer.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it turned out.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it; null where there is nothing to do.
    pub next_step: Option<String>,
}

/// What `doctor --format json` prints.
#[derive(Debug, JsonSchema, Serialize)]
struct Report<'a> {
    schema_version: u32,
    /// True unless something essential is missing.
    usable: bool,
    checks: &'a [Check],
}

/// The schema of [`json`].
pub fn schema() -> serde_json::Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Report<'static>>().to_value()
}

/// Is everything essential there?
pub fn usable(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.state != State::Problem)
}
