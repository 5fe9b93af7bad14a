//! `<architecture>.<operation>.hgrm`: the latency distribution as HDR plotters read it.
//!
//! The honest work of every scenario's *baseline*, merged: what an architecture costs undisturbed. Scenarios
//! that run with a weakness are left out. A run writes these; another phase, or one scenario alone, comes on
//! request. The format is the Java library's; plotters take the x axis of several files from the first, so every file has the same ladder,
//! whatever its samples. Values are milliseconds from the intended start.

use std::fmt::Write;

use hdrhistogram::Histogram;
use testbed::vocabulary::Phase;

use super::{ExportError, Exporter, Recorded};
use crate::{event::Interval, latency::Tally};

/// Steps per halved distance to 100 %.
const TICKS: u32 = 5;
/// Halvings of that distance: the last step but 100 % is one in about a million.
const HALVINGS: u32 = 20;
/// Nanoseconds in a millisecond.
const NS_PER_MS: f64 = 1e6;

/// Writes the distribution of some work on one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hgrm {
    /// Which architecture.
    pub architecture: String,
    /// Which operation; `None` = all, merged.
    pub operation: Option<String>,
    /// Which phase.
    pub phase: Phase,
    /// Which scenario, weakened or not; `None` = all that left the architecture as it is, merged.
    pub scenario: Option<String>,
}

impl Hgrm {
    /// The baseline of one operation, or of all.
    pub fn baseline(architecture: &str, operation: Option<&str>) -> Self {
        Self {
            architecture: architecture.to_owned(),
            operation: operation.map(str::to_owned),
            phase: Phase::Baseline,
            scenario: None,
        }
    }

    /// `<architecture>.<operation>.hgrm`, with phase and scenario where these are not what a run writes.
    pub fn file_name(&self) -> String {
        let Self { architecture, operation, phase, scenario } = self;
        let operation = operation.as_deref().unwrap_or("all");
        let mut name = format!("{architecture}.{operation}");
        if *phase != Phase::Baseline || scenario.is_some() {
            name.push('.');
            name.push_str(phase.word());
        }
        if let Some(scenario) = scenario {
            name.push('.');
            name.push_str(scenario);
        }
        format!("{name}.hgrm")
    }

    fn holds(&self, run: &Recorded<'_>, interval: &Interval) -> bool {
        let scenario = match &self.scenario {
            Some(scenario) => *scenario == interval.scenario,
            None => !run.snapshot.weakened(&self.architecture, &interval.scenario),
        };
        interval.phase == self.phase
            && self.operation.as_ref().is_none_or(|operation| *operation == interval.operation)
            && scenario
    }
}

impl Exporter for Hgrm {
    fn export(&self, run: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let intervals = run.intervals(&self.architecture).filter(|interval| self.holds(run, interval));
        Ok(distribution(&Tally::of(intervals)?.latency).into_bytes())
    }
}

/// Java's percentile ladder, in quantiles: 0, .1 … .5, .55 … .75, .775 …, without the final 1.
fn ladder() -> impl Iterator<Item = f64> {
    (0..HALVINGS).flat_map(|halving| {
        let left = 0.5f64.powi(halving.cast_signed());
        (0..TICKS).map(move |tick| 1.0 - left + left * f64::from(tick) / f64::from(2 * TICKS))
    })
}

fn distribution(latency: &Histogram<u64>) -> String {
    let mut text =
        format!("{:>12} {:>14} {:>10} {:>14}\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
    let ms = |ns: u64| ns as f64 / NS_PER_MS;
    for quantile in ladder() {
        let value = latency.highest_equivalent(latency.value_at_quantile(quantile));
        let below = latency.count_between(0, value);
        let (value, beyond) = (ms(value), 1.0 / (1.0 - quantile));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{value:>12.3} {quantile:>2.12} {below:>10} {beyond:>14.2}");
    }
    let _ = writeln!(text, "{:>12.3} {:>2.12} {:>10}", ms(latency.max()), 1.0, latency.len());
    let (mean, deviation) = (latency.mean() / NS_PER_MS, latency.stdev() / NS_PER_MS);
    let _ = writeln!(text, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]");
    let (max, count) = (ms(latency.max()), latency.len());
    let _ = writeln!(text, "#[Max     = {max:>12.3}, Total count    = {count:>12}]");
    let (buckets, sub_buckets) = buckets(latency);
    let _ = writeln!(text, "#[Buckets = {buckets:>12}, SubBuckets     = {sub_buckets:>12}]");
    text
}

/// The sizes of the histogram's tables, from its bounds, as the format documents them.
fn buckets(latency: &Histogram<u64>) -> (u32, u64) {
    let sub_buckets = (2 * 10u64.pow(u32::from(latency.sigfig()))).next_power_of_two();
    let mut buckets = 1;
    let mut reach = sub_buckets;
    while reach <= latency.high() {
        reach = reach.saturating_mul(2);
        buckets += 1;
    }
    (buckets, sub_buckets)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{latency, sample};

    fn rows(text: &str) -> Vec<Vec<&str>> {
        text.lines()
            .skip(2)
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_whitespace().collect())
            .collect()
    }

    #[test]
    fn what_is_asked_for_is_merged_and_named() {
        let events = sample::run();
        let run = Recorded::of(&events);
        let count = |hgrm: &Hgrm| {
            let text = String::from_utf8(hgrm.export(&run).unwrap()).unwrap();
            let last = rows(&text).last().unwrap()[2].parse::<u64>().unwrap();
            (hgrm.file_name(), last)
        };
        // Four scenarios of 3 s with 200 logins and 200 lists a second; direct-connect runs with a weakness.
        let login = Hgrm::baseline("open", Some("login"));
        assert_eq!(count(&login), (String::from("open.login.hgrm"), 3 * 3 * 200));
        assert_eq!(count(&Hgrm::baseline("open", None)), (String::from("open.all.hgrm"), 3 * 3 * 400));
        let weak = Hgrm { scenario: Some(String::from("direct-connect")), phase: Phase::Attack, ..login };
        assert_eq!(count(&weak), (String::from("open.login.attack.direct-connect.hgrm"), 3 * 200));
    }

    #[test]
    fn the_ladder_is_javas() {
        let first: Vec<f64> = ladder().take(16).collect();
        let java = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.775, 0.8, 0.825, 0.85, 0.875];
        for (ours, theirs) in first.iter().zip(java) {
            assert!((ours - theirs).abs() < 1e-12, "{ours} {theirs}");
        }
    }

    #[test]
    fn the_file_reads_as_the_format_says() {
        let mut latency = latency::histogram();
        for n in 1..=1_000u64 {
            latency.record(n * 1_000_000).unwrap();
        }
        let text = distribution(&latency);
        assert!(text.starts_with("       Value     Percentile TotalCount 1/(1-Percentile)\n\n"));
        let median = text.lines().find(|line| line.contains(" 0.500000000000 ")).unwrap();
        // Three digits: the bucket of 500 ms ends at 500.171 ms.
        assert_eq!(median, "     500.171 0.500000000000        500           2.00");
        let rows = rows(&text);
        let (last, others) = rows.split_last().unwrap();
        assert!(others.iter().all(|row| row.len() == 4), "plotters keep rows of four columns");
        assert_eq!(last.len(), 3);
        assert_eq!(last[1..], ["1.000000000000", "1000"]);
        assert!(text.ends_with("#[Buckets =           26, SubBuckets     =         2048]\n"), "{text}");
    }

    #[test]
    fn every_file_has_the_same_ladder_even_an_empty_one() {
        let quantiles =
            |text: &str| -> Vec<String> { rows(text).iter().map(|row| row[1].to_owned()).collect() };
        let mut few = latency::histogram();
        few.record(5_000_000).unwrap();
        let full = sample::interval(0, (1..5_000u64).map(|n| n * 1_000));
        let full = distribution(&latency::decode(&full).unwrap());
        assert_eq!(quantiles(&distribution(&few)), quantiles(&full));
        assert_eq!(quantiles(&distribution(&latency::histogram())), quantiles(&full));
    }

    #[test]
    fn values_and_counts_never_fall() {
        let interval = sample::interval(0, (1..3_000u64).map(|n| (n * n) % 700_000_000 + 1));
        let text = distribution(&latency::decode(&interval).unwrap());
        let figures: Vec<(f64, u64)> =
            rows(&text).iter().map(|row| (row[0].parse().unwrap(), row[2].parse().unwrap())).collect();
        assert!(figures.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[0].1 <= pair[1].1));
    }
}
