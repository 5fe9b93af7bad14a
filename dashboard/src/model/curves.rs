//! Latency by percentile, one curve per architecture: read from merged histograms, never from averages.
//!
//! A curve ends where fewer than ten samples lie beyond it: what comes after is chance.

use scenarios::{
    snapshot::Snapshot,
    spread::{Samples, Spread},
};
use testbed::vocabulary::Phase;

/// Decades of 1/(1-q) a screen shows at most: 99.999 %.
const DECADES: f64 = 5.0;

/// One architecture's work.
pub struct Curve {
    /// Its place in the run, from 0.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its work.
    pub work: Samples,
    /// The latencies of it.
    pub spread: Spread,
}

impl Curve {
    /// Completed requests per second.
    pub fn rate(&self) -> Option<f64> {
        (self.work.lasted_ms > 0).then(|| self.spread.count() as f64 * 1e3 / self.work.lasted_ms as f64)
    }
}

/// The curves of a run, in its order; empty work included.
pub fn of(snapshot: &Snapshot, scenario: Option<&str>, phase: Phase) -> Vec<Curve> {
    let names = snapshot.run.iter().flat_map(|run| &run.architectures).enumerate();
    names
        .map(|(number, name)| {
            let work = snapshot.work(name, scenario, phase);
            Curve { number, name: name.clone(), spread: work.spread(), work }
        })
        .collect()
}

/// How many decades of 1/(1-q) the fullest curve reaches: at least one, so that 50 % and 90 % are there.
pub fn decades(curves: &[Curve]) -> f64 {
    let most = curves.iter().map(|curve| curve.spread.count()).max().unwrap_or(0);
    (most as f64 / 10.0).max(1.0).log10().clamp(1.0, DECADES)
}

/// The quantile `decade` decades of 1/(1-q) from the left.
pub fn quantile(decade: f64) -> f64 {
    1.0 - 10f64.powf(-decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(values: u64) -> Curve {
        let mut latency = scenarios::latency::histogram();
        for value in 1..=values {
            latency.saturating_record(value * 1_000_000);
        }
        let mut work = Samples::default();
        work.add(&scenarios::event::Interval {
            architecture: "a".into(),
            scenario: "s".into(),
            phase: Phase::Baseline,
            operation: "list".into(),
            start_ms: 0,
            length_ms: 2_000,
            offered: values,
            completed: values,
            errors: 0,
            late: 0,
            histogram: scenarios::latency::encode(&latency),
        });
        Curve { number: 0, name: "a".into(), spread: work.spread(), work }
    }

    #[test]
    fn a_curve_ends_where_its_samples_do() {
        let curve = curve(1_000);
        assert!(curve.spread.quantile_ms(quantile(2.0)).is_some(), "99 % needs 1,000");
        assert_eq!(curve.spread.quantile_ms(quantile(2.1)), None);
        assert!((decades(&[curve]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn little_work_still_has_a_scale() {
        assert!((decades(&[]) - 1.0).abs() < 1e-9);
        let few = curve(30);
        assert_eq!(few.rate(), Some(15.0));
        assert!(few.spread.quantile_ms(0.5).is_some() && few.spread.quantile_ms(0.9).is_none());
    }
}
