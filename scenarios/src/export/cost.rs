//! What an architecture costs, from a recorded run: honest work undisturbed, and under a flood.
//!
//! Percentiles come from the merged histograms of all baselines, CPU and throughput from their totals.
//! Baselines of scenarios that run with a weakness are left out: a weakened architecture is another one.

use testbed::vocabulary::Phase;

use super::{ExportError, Recorded, matrix::Matrix};
use crate::{
    event::Performance,
    latency::{Tally, quantile_ms},
};

/// Honest work undisturbed.
pub(super) struct Cost {
    /// Milliseconds; `None` while too few samples stand behind it.
    pub(super) p50_ms: Option<f64>,
    /// As above.
    pub(super) p90_ms: Option<f64>,
    /// As above.
    pub(super) p99_ms: Option<f64>,
    /// CPU microseconds per completed request, summed over all nodes.
    pub(super) cpu_us: Option<f64>,
    /// Completed requests per second.
    pub(super) per_second: Option<f64>,
    /// Failed requests.
    pub(super) errors: u64,
    /// Arrivals the generator sent late.
    pub(super) late: u64,
}

impl Cost {
    pub(super) fn of(run: &Recorded<'_>, architecture: &str) -> Result<Self, ExportError> {
        let tally = baseline(run, architecture)?;
        let rows = || {
            run.snapshot.performance.iter().filter(|row| {
                row.architecture == architecture
                    && row.arm == "victim"
                    && row.phase == Phase::Baseline
                    && row.operation == "all"
                    && !run.snapshot.weakened(architecture, &row.scenario)
            })
        };
        let completed: u64 = rows().map(|row| row.completed).sum();
        let seconds: f64 = rows().map(|row| row.seconds).sum();
        // Rows carry CPU per request: weighting by requests gives back the total.
        let cpu: Option<f64> = rows()
            .map(|row| row.cpu_us_per_request.get("total").map(|us| us * row.completed as f64))
            .sum::<Option<f64>>();
        Ok(Self {
            p50_ms: quantile_ms(&tally.latency, 0.5),
            p90_ms: quantile_ms(&tally.latency, 0.9),
            p99_ms: quantile_ms(&tally.latency, 0.99),
            cpu_us: cpu.filter(|_| completed > 0).map(|us| us / completed as f64),
            per_second: (seconds > 0.0).then(|| completed as f64 / seconds),
            errors: tally.errors,
            late: tally.late,
        })
    }
}

impl Cost {
    /// The highest percentile with enough samples, and its name.
    pub(super) fn tail_ms(&self) -> Option<(&'static str, f64)> {
        let named = |name, ms: Option<f64>| ms.map(|ms| (name, ms));
        named("p99", self.p99_ms).or_else(|| named("p90", self.p90_ms))
    }
}

/// The honest work of every baseline of one architecture.
fn baseline(run: &Recorded<'_>, architecture: &str) -> Result<Tally, ExportError> {
    let intervals = run.intervals(architecture).filter(|interval| {
        interval.phase == Phase::Baseline && !run.snapshot.weakened(architecture, &interval.scenario)
    });
    Ok(Tally::of(intervals)?)
}

/// One arm of a flood on one architecture, before, during and after.
pub(super) struct FloodArm<'a> {
    rows: [Option<&'a Performance>; 3],
}

impl<'a> FloodArm<'a> {
    /// The arm's rows; `None` where it has no baseline to compare with.
    pub(super) fn of(matrix: &Matrix<'a>, scenario: &str, architecture: &str, arm: &str) -> Option<Self> {
        let row = |phase| {
            matrix.performance.iter().copied().find(|row| {
                row.scenario == scenario
                    && row.architecture == architecture
                    && row.arm == arm
                    && row.phase == phase
                    && row.operation == "all"
            })
        };
        let rows = [Phase::Baseline, Phase::Attack, Phase::Recovery].map(row);
        rows[0].map(|_| Self { rows })
    }

    /// Goodput during the attack as a share of the baseline's.
    pub(super) fn goodput(&self) -> Option<f64> {
        let rate = |row: &Performance| {
            (row.seconds > 0.0).then(|| row.in_time.unwrap_or(row.completed) as f64 / row.seconds)
        };
        let before = self.rows[0].and_then(rate).filter(|rate| *rate > 0.0)?;
        Some(self.rows[1].and_then(rate)? / before)
    }

    /// The highest percentile with enough samples before and during, and both in milliseconds.
    pub(super) fn tail_ms(&self) -> Option<(&'static str, [f64; 2])> {
        type Percentile = fn(&Performance) -> Option<f64>;
        let percentiles: [(&'static str, Percentile); 3] =
            [("p99", |row| row.p99_ms), ("p90", |row| row.p90_ms), ("p50", |row| row.p50_ms)];
        percentiles.into_iter().find_map(|(name, of)| {
            let [before, during] = [self.rows[0], self.rows[1]].map(|row| row.and_then(of));
            Some((name, [before?, during?]))
        })
    }

    /// Milliseconds until goodput was back.
    pub(super) fn recovery_ms(&self) -> Option<u64> {
        self.rows[2].and_then(|row| row.recovery_ms)
    }
}

/// Scenarios that make no cell but have figures.
pub(super) fn floods<'a>(matrix: &Matrix<'a>) -> Vec<&'a str> {
    matrix
        .run
        .scenarios
        .iter()
        .map(|scenario| scenario.id.as_str())
        .filter(|id| matrix.cells.iter().all(|cell| cell.scenario != *id))
        .filter(|id| matrix.performance.iter().any(|row| row.scenario == *id))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_weakened_baseline_does_not_count() {
        let events = sample::run();
        let run = Recorded::of(&events);
        // Four scenarios of 3 s with 200 logins and 200 lists each; direct-connect runs with a weakness.
        let all = baseline(&run, "open").unwrap();
        assert_eq!(all.completed, 3 * 3 * 400);
    }

    #[test]
    fn cost_is_totals_over_totals() {
        let events = sample::run();
        let run = Recorded::of(&events);
        let cost = Cost::of(&run, "edge-only").unwrap();
        assert_eq!(cost.per_second, Some(400.0));
        assert!((cost.cpu_us.unwrap() - 82.0).abs() < 1e-9);
        let (name, tail) = cost.tail_ms().unwrap();
        assert_eq!(name, "p99");
        assert!(cost.p50_ms.unwrap() < tail);
    }

    #[test]
    fn an_architecture_that_did_no_work_costs_nothing_known() {
        let events = sample::run();
        let cost = Cost::of(&Recorded::of(&events), "unlisted").unwrap();
        assert_eq!((cost.p50_ms, cost.per_second, cost.cpu_us), (None, None, None));
    }

    #[test]
    fn a_flood_is_read_per_arm() {
        let events = sample::run();
        let run = Recorded::of(&events);
        let matrix = Matrix::of(&run).unwrap();
        assert_eq!(floods(&matrix), ["connect-flood"]);
        let victim = FloodArm::of(&matrix, "connect-flood", "open", "victim").unwrap();
        assert_eq!(victim.goodput(), Some(1.0));
        assert_eq!(victim.recovery_ms(), Some(2_000));
        let decoy = FloodArm::of(&matrix, "connect-flood", "open", "decoy").unwrap();
        assert_eq!(decoy.recovery_ms(), None);
        assert!(FloodArm::of(&matrix, "public-sniff", "open", "decoy").is_none());
    }
}
