//! Every fact a run establishes, as one stream: the single source of screen, report and JSON.
//!
//! `events.jsonl` holds one [`Stamped`] a line. Live view, replay and every exporter are folds of it, so
//! they cannot disagree. The stream is bounded: one [`Event::Interval`] per operation per second, flood
//! attempts aggregated, links at most once a second.

mod judged;
mod topology;

pub use judged::{Cell, Control, Evidence, Hunt, Performance, Positive, ValidityFlag, Verdict};
pub use topology::{Topology, TopologyHost, TopologyLink, TopologySegment};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use testbed::vocabulary::{Asset, Encoding, Method, Phase, Vantage};

/// One event and when it happened.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Stamped {
    /// Milliseconds since the run started.
    pub at_ms: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first event of every run.
    RunStarted(RunStarted),
    /// The machine that runs it.
    Host(Host),
    /// A setting as resolved from files, flags and defaults, for `run.json`.
    Config {
        /// What it is, stable: `workload`, `architecture/<name>`, `scenario/<id>`.
        name: String,
        /// Its resolved form. It carries no secret.
        value: serde_json::Value,
    },
    /// An architecture as it will run.
    Topology(Topology),
    /// A launch is up: every listener answers.
    Launched {
        /// Which architecture.
        architecture: String,
        /// For which scenario.
        scenario: String,
        /// Milliseconds from the resolved file to every listener answering.
        launch_ms: f64,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which architecture.
        architecture: String,
        /// Which scenario.
        scenario: String,
        /// Which phase.
        phase: Phase,
    },
    /// Honest work of about one second.
    Interval(Interval),
    /// What a link carried so far in this scenario, read from its bytes.
    Link(LinkSeen),
    /// A canary was found in bytes readable at the scenario's vantage, or in loot.
    Exposed(Exposed),
    /// An attacker tried something and was answered.
    Attempt(Attempt),
    /// What an attacker did with loot.
    Impact(Impact),
    /// Flood traffic of about one second, aggregated.
    Flood(FloodInterval),
    /// Attack traffic ended: `requested_ms` is when the stop was asked for, the event's own time when the
    /// last attack socket was closed.
    AttackStopped {
        /// Which architecture.
        architecture: String,
        /// Which scenario.
        scenario: String,
        /// When the stop was asked for, in run milliseconds.
        requested_ms: u64,
    },
    /// A judged cell.
    Cell(Cell),
    /// A performance row.
    Performance(Performance),
    /// A scenario on one architecture is over.
    ScenarioEnded {
        /// Which architecture.
        architecture: String,
        /// Which scenario.
        scenario: String,
    },
    /// Something that makes a flag of the run false.
    Invalid {
        /// `exposure` or `performance`.
        flag: ValidityFlag,
        /// Which architecture and scenario, for people.
        place: String,
        /// Why.
        reason: String,
    },
    /// A line for people that is no fact of the matrix.
    Note {
        /// The line.
        text: String,
    },
    /// The last event of every run.
    RunEnded {
        /// The exit code the process will return.
        exit_code: u8,
        /// True when interrupted.
        interrupted: bool,
    },
}

/// What will be tried, on what.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct RunStarted {
    /// Version of this stream and of `matrix.json`.
    pub schema_version: u32,
    /// The program's version.
    pub version: String,
    /// Start of the run, RFC 3339, UTC.
    pub started: String,
    /// Seed of everything drawn.
    pub seed: u64,
    /// `tiny`, `default` or `long`.
    pub profile: String,
    /// Architectures in matrix order (control-only architectures are not listed).
    pub architectures: Vec<String>,
    /// Scenarios in matrix order.
    pub scenarios: Vec<ScenarioInfo>,
    /// `(architecture, scenario)` pairs that will run, for progress; control runs included.
    pub steps: usize,
    /// The program that stood in every proxy's place: `haproxy`; absent where the files decide.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub engine: Option<String>,
}

/// Facts of the machine that figures depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Host {
    /// Operating system: `linux`.
    pub os: String,
    /// Kernel release; empty where it cannot be read.
    pub kernel: String,
    /// Instruction set: `x86_64`.
    pub machine: String,
    /// Processor model; empty where it cannot be read.
    pub cpu: String,
    /// Processors this process may use.
    pub cpus: u64,
    /// Memory in bytes; 0 where it cannot be read.
    pub memory_bytes: u64,
}

/// What people should know of a scenario.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct ScenarioInfo {
    /// Its id.
    pub id: String,
    /// One line.
    pub title: String,
    /// Where the attacker stands.
    pub vantage: Vantage,
    /// ATT&CK technique ids.
    pub attack_ids: Vec<String>,
    /// Rows of the requirements it shows.
    pub rows: Vec<String>,
}

/// What a link's bytes looked like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// Nothing crossed yet.
    Idle,
    /// Every flow began with a TLS record.
    Encrypted,
    /// At least one flow did not begin with a TLS record.
    Clear,
}

/// What one link carried so far in one scenario.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct LinkSeen {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// `host/process>host/process`.
    pub link: String,
    /// The segment.
    pub segment: String,
    /// Read from the first bytes of its flows.
    pub state: LinkState,
    /// Connections.
    pub flows: u64,
    /// Bytes, both ways.
    pub bytes: u64,
    /// Canaries readable in its bytes, per asset.
    pub exposed: Vec<(Asset, u64)>,
}

/// One canary found. Aggregated: the first few of each (link, asset), then counts in [`LinkSeen`].
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Exposed {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// What was found.
    pub asset: Asset,
    /// On which link.
    pub link: String,
    /// On which segment.
    pub segment: String,
    /// How it was written there.
    pub encoding: Encoding,
    /// The canary itself (synthetic). Mask it before showing it.
    pub canary: String,
}

/// An attacker tried something.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Attempt {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Where the attacker stood: an escape tries from two places.
    pub vantage: Vantage,
    /// Name of the technique.
    pub technique: String,
    /// Its ATT&CK id.
    pub attack_id: String,
    /// What it was tried on, for people: `api-1/identity:5000 from management`.
    pub target: String,
    /// What came back, for people: `connection refused`, `HTTP 200`, `alert unknown_ca`.
    pub answer: String,
    /// Was the attacker served?
    pub served: bool,
    /// Whose answer it is.
    pub method: Method,
}

/// What an attacker did with loot, judged by the service's own state.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Impact {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Name of the technique.
    pub technique: String,
    /// Its ATT&CK id.
    pub attack_id: String,
    /// What happened, for people: `server 3f… deleted with a token of user-7`.
    pub what: String,
    /// True when the service's own store confirms it.
    pub confirmed: bool,
}

/// One second of flood traffic.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct FloodInterval {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// `victim` or `decoy`.
    pub arm: String,
    /// What is flooded: `connect` or `handshake`.
    pub kind: String,
    /// Attempts started.
    pub started: u64,
    /// Attempts the generator counts as completed.
    pub completed: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// What the flooded node itself counted of them. It may lag behind the generator by an interval. Absent where it
    /// is a program of its own, which tells nobody.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counted: Option<u64>,
    /// When the flooded node accepted the newest of them, in run milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_accepted_ms: Option<u64>,
}

/// One second of honest work, one operation.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Interval {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Which phase.
    pub phase: Phase,
    /// `login`, `list`, `create` or `delete`.
    pub operation: String,
    /// Start, in run milliseconds.
    pub start_ms: u64,
    /// Length in milliseconds.
    pub length_ms: u64,
    /// Arrivals offered.
    pub offered: u64,
    /// Completed requests; equals the histogram's count.
    pub completed: u64,
    /// Failed requests.
    pub errors: u64,
    /// Arrivals sent later than the lag limit after their intended start.
    pub late: u64,
    /// Latency from intended start, nanoseconds, HDR `V2+DEFLATE`, base64.
    pub histogram: String,
}
