//! What was judged and measured: the facts `matrix.json` is made of.
//!
//! Types only; [`crate::verdict`] decides and [`crate::latency`] counts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use testbed::vocabulary::{Asset, Method, Phase, Vantage};

/// The four verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The question was put and the asset stayed protected.
    Held,
    /// The asset was exposed, or the attempt served.
    Broken,
    /// The question was not put, or the asset does not travel there.
    NotExercised,
    /// Proof is missing on one side.
    Inconclusive,
}

impl Verdict {
    /// The word as in JSON and on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::NotExercised => "not_exercised",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// At most six letters, for narrow columns.
    pub const fn brief(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Broken => "broken",
            Self::NotExercised => "n/e",
            Self::Inconclusive => "incon",
        }
    }
}

/// A cell of the matrix. A later cell of the same architecture, scenario and asset replaces it: a control
/// that ran afterwards may settle what was open.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Cell {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Where the attacker stood.
    pub vantage: Vantage,
    /// What was at stake.
    pub asset: Asset,
    /// The verdict.
    pub verdict: Verdict,
    /// Whose answer it rests on.
    pub method: Method,
    /// Canaries proved to have crossed (or attempts made).
    pub sent: u64,
    /// Canaries exposed (or attempts served).
    pub exposed: u64,
    /// The weakness applied before launch.
    pub weakness: Option<String>,
    /// Why this verdict, for people, one or two sentences.
    pub reason: String,
    /// Where to look.
    pub evidence: Vec<Evidence>,
    /// The controls behind it.
    pub control: Control,
    /// Attackers' recall and precision on this asset, where a technique hunted it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hunt: Option<Hunt>,
    /// What the scenario file expected, if it did.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expected: Option<Verdict>,
}

/// Where to look in the capture, or which attempt was answered how.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Evidence {
    /// Capture file of the run directory.
    pub capture: String,
    /// Segment.
    pub segment: String,
    /// `host/process>host/process`.
    pub link: String,
    /// tshark's `frame.number` in that file.
    pub frames: Vec<u64>,
    /// How it is written there, or `tls` for a frame that opens with the key log.
    pub encoding: String,
    /// The canary found in these frames (synthetic).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub canary: Option<String>,
    /// For reach cells: what was tried. For cells of custody: which buffer or key file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attempt: Option<String>,
    /// For reach, in-path and custody cells: what was answered.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<String>,
}

/// The controls of a cell.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Control {
    /// Did the same probe get the asset, or was it served, where it can?
    pub positive: Positive,
    /// Passive rows: was the asset found in the opened records of that segment? Null elsewhere.
    pub crossed: Option<bool>,
}

/// Outcome of the positive control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Positive {
    /// The probe works.
    Passed,
    /// It found nothing where it must: no `held` may rest on it.
    Failed,
    /// The control did not run.
    Missing,
}

/// How well the attacker's own parsing did, against ground truth. Both are finite: where nothing was
/// exposed or brought home there is no hunt to report.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Hunt {
    /// Share of exposed canaries the technique brought home.
    pub recall: f64,
    /// Share of what it brought home that are canaries.
    pub precision: f64,
}

/// One row of performance.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Performance {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// `victim` or `decoy`.
    pub arm: String,
    /// Which phase.
    pub phase: Phase,
    /// `login`, `list`, `create`, `delete` or `all`.
    pub operation: String,
    /// Arrivals offered.
    pub offered: u64,
    /// Completed.
    pub completed: u64,
    /// Completed before the phase was over; on `all` rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub in_time: Option<u64>,
    /// Failed.
    pub errors: u64,
    /// Sent late by the generator.
    pub late: u64,
    /// Seconds the phase lasted.
    pub seconds: f64,
    /// Null unless there are ≥ 10 / (1 − q) samples.
    pub p50_ms: Option<f64>,
    /// As above.
    pub p90_ms: Option<f64>,
    /// As above.
    pub p99_ms: Option<f64>,
    /// As above.
    pub p999_ms: Option<f64>,
    /// Slowest request.
    pub max_ms: Option<f64>,
    /// CPU microseconds per completed request, per node (`host/process`) and `total`.
    pub cpu_us_per_request: BTreeMap<String, f64>,
    /// Recovery rows of floods: milliseconds until goodput was back at ≥ 95 % of baseline.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recovery_ms: Option<u64>,
}

/// Which flag an [`Event::Invalid`](super::Event::Invalid) clears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidityFlag {
    /// Verdicts may not be trusted.
    Exposure,
    /// Figures may not be ranked.
    Performance,
}
