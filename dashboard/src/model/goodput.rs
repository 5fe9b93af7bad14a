//! What a flood cost honest users: completed work per second under attack, as a share of the baseline.
//!
//! Victim and decoy are always read together: only their difference is the architecture's.

use scenarios::{event::Performance, snapshot::Snapshot};
use testbed::vocabulary::Phase;

/// Shares of baseline goodput while the flood ran, in percent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goodput {
    /// The architecture's public front.
    pub victim: f64,
    /// The bystander; `None` when its rows are missing.
    pub decoy: Option<f64>,
    /// Milliseconds until the victim was back at ≥ 95 % of its baseline.
    pub recovery_ms: Option<u64>,
}

impl Goodput {
    /// `71/96%`: victim, decoy.
    pub fn short(&self) -> String {
        match self.decoy {
            Some(decoy) => format!("{:.0}/{decoy:.0}%", self.victim),
            None => format!("{:.0}/?%", self.victim),
        }
    }

    /// `-25pp`: victim less decoy in percentage points, in six letters; `?` without a decoy.
    pub fn difference(&self) -> String {
        self.decoy.map_or("?".into(), |decoy| {
            let points = (self.victim - decoy).round().clamp(-999.0, 999.0);
            // Negative zero is no difference.
            format!("{:+.0}pp", points + 0.0)
        })
    }
}

/// Reads it from the `all` rows; `None` unless this pair was flooded.
pub fn of(snapshot: &Snapshot, architecture: &str, scenario: &str) -> Option<Goodput> {
    let flooded = snapshot
        .performance
        .iter()
        .any(|row| row.architecture == architecture && row.scenario == scenario && row.arm == "decoy");
    if !flooded {
        return None;
    }
    let row = |arm: &str, phase| {
        snapshot.performance.iter().find(|row| {
            row.architecture == architecture
                && row.scenario == scenario
                && row.operation == "all"
                && row.arm == arm
                && row.phase == phase
        })
    };
    let share = |arm| {
        let before = rate(row(arm, Phase::Baseline)?)?;
        Some(100.0 * rate(row(arm, Phase::Attack)?)? / before)
    };
    Some(Goodput {
        victim: share("victim")?,
        decoy: share("decoy"),
        recovery_ms: row("victim", Phase::Recovery).and_then(|row| row.recovery_ms),
    })
}

/// Completed requests per second; `None` when nothing was completed or no time passed.
fn rate(row: &Performance) -> Option<f64> {
    (row.completed > 0 && row.seconds > 0.0)
        .then(|| row.in_time.unwrap_or(row.completed) as f64 / row.seconds)
}
