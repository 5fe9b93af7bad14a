//! Scenarios as data: what is tried, from where, against what, and what is expected of it.
//!
//! ```text
//! TOML text ── literal.rs (values and places) ── resolve (words → types, all errors at once) ── Scenario
//! ```
//!
//! This file holds the resolved form and the questions a runner asks of it. It runs nothing and judges
//! nothing; the words it is written in are those of the testbed.

pub mod deviations;
mod embedded;
mod literal;
mod resolve;

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use testbed::vocabulary::{Asset, Vantage};

use crate::event::{ScenarioInfo, Verdict};

pub(crate) use resolve::VERDICTS;

pub use embedded::{all, asked, load, names, parse, source};

/// One thing that is tried. Its file is named after its id.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scenario {
    /// Its id, as used on the command line and in reports.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// A short paragraph for people, without line breaks.
    pub summary: String,
    /// Where the attacker stands.
    pub vantage: Vantage,
    /// What the attacker does there.
    pub technique: Technique,
    /// ATT&CK technique ids.
    pub attack_ids: Vec<String>,
    /// Rows of the requirements it shows.
    pub rows: Vec<String>,
    /// Which architectures it makes sense on.
    pub architectures: Applies,
    /// The named weakness applied before launch.
    pub weakness: Option<String>,
    /// What is judged: one cell each. Empty for floods, whose result is performance rows.
    pub assets: Vec<Asset>,
    /// Cells that must be `broken` for a `held` to stand.
    pub controls: Vec<ControlRef>,
    /// How long each phase lasts.
    pub phases: Phases,
    /// Honest traffic during all phases.
    pub workload: Workload,
    /// What is expected, per architecture and asset; every judged asset of a listed architecture has a verdict.
    pub expect: BTreeMap<String, BTreeMap<Asset, Verdict>>,
}

/// What an attacker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Technique {
    /// Reads a segment, and replays what it read.
    Sniff,
    /// Redirects victims to an impostor whose certificate nobody trusts.
    InPath,
    /// Dials everything the position can name.
    Reach,
    /// From a broken-out guest: reach, sniff, call and replay.
    Escape,
    /// On machines that were taken over: reads memory and private keys.
    SearchMemory,
    /// Opens TCP connections as fast as its bounds allow.
    FloodConnect,
    /// Completes TLS handshakes as fast as its bounds allow.
    FloodHandshake,
}

impl Technique {
    /// Every technique.
    pub const ALL: &'static [Self] = &[
        Self::Sniff,
        Self::InPath,
        Self::Reach,
        Self::Escape,
        Self::SearchMemory,
        Self::FloodConnect,
        Self::FloodHandshake,
    ];

    /// The word as in TOML and JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sniff => "sniff",
            Self::InPath => "in-path",
            Self::Reach => "reach",
            Self::Escape => "escape",
            Self::SearchMemory => "search-memory",
            Self::FloodConnect => "flood-connect",
            Self::FloodHandshake => "flood-handshake",
        }
    }

    /// Floods make no cells and do not run in the `tiny` profile.
    pub const fn is_flood(self) -> bool {
        matches!(self, Self::FloodConnect | Self::FloodHandshake)
    }
}

/// Which architectures a scenario makes sense on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applies {
    /// Every one, a user's own included.
    All,
    /// Only these.
    Only(Vec<String>),
    /// Every one but these.
    Except(Vec<String>),
}

impl Applies {
    /// Does it make sense on the architecture of this name?
    pub fn to(&self, architecture: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| name == architecture),
            Self::Except(names) => names.iter().all(|name| name != architecture),
        }
    }
}

/// A cell that must be `broken` for a `held` to stand: the same asset, and where a name is absent, the same
/// architecture or the same scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ControlRef {
    /// The control's architecture.
    pub architecture: Option<String>,
    /// The control's scenario.
    pub scenario: Option<String>,
}

impl ControlRef {
    /// `(architecture, scenario)` of the control cell for a cell of `architecture` and `scenario`.
    pub fn cell<'a>(&'a self, architecture: &'a str, scenario: &'a str) -> (&'a str, &'a str) {
        (self.architecture.as_deref().unwrap_or(architecture), self.scenario.as_deref().unwrap_or(scenario))
    }
}

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Fixed request counts and no floods: for tests.
    Tiny,
    /// A few seconds: for people.
    Default,
    /// For publication.
    Long,
}

impl Profile {
    /// Every profile.
    pub const ALL: &'static [Self] = &[Self::Tiny, Self::Default, Self::Long];

    /// The word as on the command line and in events.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Default => "default",
            Self::Long => "long",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// How long a phase lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// Until this many honest requests were offered.
    Requests(u32),
    /// For this time.
    Lasting(Duration),
}

/// The extents of the three phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhasePlan {
    /// Honest traffic only, before the attack.
    pub baseline: Extent,
    /// Honest traffic while the technique runs.
    pub attack: Extent,
    /// Honest traffic after the technique was withdrawn.
    pub recovery: Extent,
}

impl PhasePlan {
    /// The three together; `None` where request counts decide.
    pub fn duration(&self) -> Option<Duration> {
        let lasting = |extent| match extent {
            Extent::Lasting(time) => Some(time),
            Extent::Requests(_) => None,
        };
        Some(lasting(self.baseline)? + lasting(self.attack)? + lasting(self.recovery)?)
    }
}

/// The phases, by profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// Counts of requests; `None` for floods.
    pub tiny: Option<PhasePlan>,
    /// Durations.
    pub default: PhasePlan,
    /// Durations.
    pub long: PhasePlan,
}

/// Honest traffic, open loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Workload {
    /// Arrivals per second.
    pub rate: u32,
    /// How arrivals are spaced.
    pub arrival: Arrival,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Independent users: exponential gaps.
    Poisson,
    /// Equal gaps.
    Constant,
}

impl Scenario {
    /// The phases of a profile; `None` where the scenario does not run in it.
    pub fn phases(&self, profile: Profile) -> Option<PhasePlan> {
        match profile {
            Profile::Tiny => self.phases.tiny,
            Profile::Default => Some(self.phases.default),
            Profile::Long => Some(self.phases.long),
        }
    }

    /// What the file expects of a cell, if it does.
    pub fn expected(&self, architecture: &str, asset: Asset) -> Option<Verdict> {
        self.expect.get(architecture)?.get(&asset).copied()
    }

    /// What the first event of a run says of it.
    pub fn info(&self) -> ScenarioInfo {
        ScenarioInfo {
            id: self.id.clone(),
            title: self.title.clone(),
            vantage: self.vantage,
            attack_ids: self.attack_ids.clone(),
            rows: self.rows.clone(),
        }
    }
}
