//! Latencies as HDR histograms: encoded into intervals, merged, and reduced to performance rows.
//!
//! Percentiles come from merged histograms only, never from averaged percentiles, and are withheld where
//! too few samples stand behind them. Pure; nothing here measures.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer},
};
use testbed::vocabulary::Phase;

use crate::event::{Interval, Performance};

/// Smallest and largest latency a histogram tells apart, nanoseconds: 1 ns to one minute.
const BOUNDS_NS: (u64, u64) = (1, 60_000_000_000);
/// Significant decimal digits of a histogram.
const DIGITS: u8 = 3;
/// Nanoseconds in a millisecond.
const NS_PER_MS: f64 = 1e6;
/// Samples that must lie beyond a percentile before it is shown.
const SAMPLES_BEYOND: f64 = 10.0;

/// An interval's histogram cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LatencyError {
    /// Not base64.
    #[error("histogram of {place}: no base64: {source}")]
    Base64 {
        /// Which interval.
        place: String,
        /// Why.
        source: base64::DecodeError,
    },
    /// Not an HDR histogram.
    #[error("histogram of {place}: no HDR V2+DEFLATE histogram: {source}")]
    Hdr {
        /// Which interval.
        place: String,
        /// Why.
        source: hdrhistogram::serialization::DeserializeError,
    },
    /// A histogram with other bounds cannot be merged without losing counts.
    #[error("histogram of {place}: it holds values beyond one minute")]
    Range {
        /// Which interval.
        place: String,
    },
}

/// An empty histogram of nanoseconds; record with `saturating_record`.
pub fn histogram() -> Histogram<u64> {
    let (low, high) = BOUNDS_NS;
    // `BOUNDS_NS` and `DIGITS` are constants the crate accepts: high >= 2 * low, digits <= 5.
    Histogram::new_with_bounds(low, high, DIGITS).unwrap_or_else(|_| unreachable!("constant bounds"))
}

/// HDR `V2+DEFLATE` in base64, as [`Interval::histogram`] holds it.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // The bounds of `histogram()` fit the format, and a `Vec` takes every write.
    let written = V2DeflateSerializer::new().serialize(histogram, &mut bytes);
    debug_assert!(written.is_ok(), "{written:?}");
    BASE64_STANDARD.encode(bytes)
}

/// The histogram of an interval.
pub fn decode(interval: &Interval) -> Result<Histogram<u64>, LatencyError> {
    let place = || {
        let Interval { architecture, scenario, phase, operation, start_ms, .. } = interval;
        format!("{architecture}/{scenario}/{phase}/{operation} at {start_ms} ms")
    };
    let bytes = BASE64_STANDARD
        .decode(&interval.histogram)
        .map_err(|source| LatencyError::Base64 { place: place(), source })?;
    Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|source| LatencyError::Hdr { place: place(), source })
}

/// Nanoseconds as milliseconds, to the microsecond.
pub fn ms(nanoseconds: u64) -> f64 {
    (nanoseconds as f64 / NS_PER_MS * 1e3).round() / 1e3
}

/// Samples needed before quantile `q` (0 to 1) is shown: `10 / (1 - q)`.
pub fn samples_needed(q: f64) -> u64 {
    // The division is a hair off for 0.9, 0.99, …: the bound is a whole number of samples.
    (SAMPLES_BEYOND / (1.0 - q) - 1e-6).ceil() as u64
}

/// Quantile `q` in milliseconds; `None` while it rests on fewer than [`samples_needed`].
pub fn quantile_ms(histogram: &Histogram<u64>, q: f64) -> Option<f64> {
    (histogram.len() >= samples_needed(q)).then(|| ms(histogram.value_at_quantile(q)))
}

/// What a performance row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// `victim` or `decoy`.
    pub arm: String,
    /// Which phase.
    pub phase: Phase,
    /// An operation, or `all`.
    pub operation: String,
}

/// Honest work summed over intervals.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Arrivals offered.
    pub offered: u64,
    /// Completed requests.
    pub completed: u64,
    /// Failed requests.
    pub errors: u64,
    /// Arrivals sent late by the generator.
    pub late: u64,
    /// Latency from intended start, nanoseconds.
    pub latency: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self { offered: 0, completed: 0, errors: 0, late: 0, latency: histogram() }
    }
}

impl Tally {
    /// The sum over `intervals`.
    pub fn of<'a>(intervals: impl IntoIterator<Item = &'a Interval>) -> Result<Self, LatencyError> {
        let mut tally = Self::default();
        for interval in intervals {
            tally.add(interval)?;
        }
        Ok(tally)
    }

    /// Takes one interval in; on an error nothing is changed.
    pub fn add(&mut self, interval: &Interval) -> Result<(), LatencyError> {
        let other = decode(interval)?;
        self.latency.add(&other).map_err(|_| LatencyError::Range {
            place: format!("{}/{}", interval.architecture, interval.scenario),
        })?;
        self.offered += interval.offered;
        self.completed += interval.completed;
        self.errors += interval.errors;
        self.late += interval.late;
        Ok(())
    }

    /// Why the figures contradict themselves, if they do: it makes the performance of the run invalid.
    pub fn discrepancy(&self) -> Option<String> {
        let samples = self.latency.len();
        if samples != self.completed {
            return Some(format!(
                "{} requests completed, but {samples} latencies were recorded",
                self.completed
            ));
        }
        let finished = self.completed + self.errors;
        (finished > self.offered)
            .then(|| format!("{finished} requests finished but only {} offered", self.offered))
    }

    /// The row of this work. `cpu_us` is CPU microseconds per node (`host/process`) over the phase; it is
    /// divided by the completed requests and summed into `total`, and left out if none completed.
    pub fn row(&self, key: RowKey, seconds: f64, cpu_us: &BTreeMap<String, f64>) -> Performance {
        let mut cpu_us_per_request = BTreeMap::new();
        if self.completed > 0 && !cpu_us.is_empty() {
            let per_request = |us: f64| (us / self.completed as f64 * 1e3).round() / 1e3;
            cpu_us_per_request.extend(cpu_us.iter().map(|(node, us)| (node.clone(), per_request(*us))));
            // Lines without a `/` are the testbed's own, not a node's.
            let nodes = cpu_us.iter().filter(|(node, _)| node.contains('/')).map(|(_, us)| us).sum();
            cpu_us_per_request.insert(String::from("total"), per_request(nodes));
        }
        Performance {
            architecture: key.architecture,
            scenario: key.scenario,
            arm: key.arm,
            phase: key.phase,
            operation: key.operation,
            offered: self.offered,
            completed: self.completed,
            in_time: None,
            errors: self.errors,
            late: self.late,
            seconds,
            p50_ms: quantile_ms(&self.latency, 0.5),
            p90_ms: quantile_ms(&self.latency, 0.9),
            p99_ms: quantile_ms(&self.latency, 0.99),
            p999_ms: quantile_ms(&self.latency, 0.999),
            max_ms: (!self.latency.is_empty()).then(|| ms(self.latency.max())),
            cpu_us_per_request,
            recovery_ms: None,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    fn key() -> RowKey {
        RowKey {
            architecture: String::from("open"),
            scenario: String::from("public-sniff"),
            arm: String::from("victim"),
            phase: Phase::Baseline,
            operation: String::from("all"),
        }
    }

    #[test]
    fn a_percentile_needs_ten_samples_beyond_it() {
        for (q, needed) in [(0.5, 20), (0.9, 100), (0.99, 1_000), (0.999, 10_000)] {
            assert_eq!(samples_needed(q), needed);
            let mut latency = histogram();
            latency.record_n(2_000_000, needed - 1).unwrap();
            assert_eq!(quantile_ms(&latency, q), None);
            latency.record(2_000_000).unwrap();
            assert!(quantile_ms(&latency, q).is_some());
        }
    }

    #[test]
    fn merged_halves_give_the_percentiles_of_the_whole() {
        // 1 ms … 1,000 ms, odd ones in one interval and even ones in the other.
        let half =
            |rest| sample::interval(0, (1..=1_000u64).filter(|n| n % 2 == rest).map(|n| n * 1_000_000));
        let tally = Tally::of(&[half(0), half(1)]).unwrap();
        assert_eq!(tally.discrepancy(), None);
        let row = tally.row(key(), 2.0, &BTreeMap::new());
        // Three significant digits: within 0.1 %.
        assert!((row.p50_ms.unwrap() - 500.0).abs() < 0.6, "{row:?}");
        assert!((row.p99_ms.unwrap() - 990.0).abs() < 1.1, "{row:?}");
        assert_eq!(row.p999_ms, None);
        assert!(row.cpu_us_per_request.is_empty());
    }

    #[test]
    fn cpu_is_divided_by_completed_requests_and_summed() {
        let tally = Tally::of(&[sample::interval(0, (0..4).map(|_| 1_000_000))]).unwrap();
        let cpu = BTreeMap::from([(String::from("a/x"), 100.0), (String::from("b/y"), 20.0)]);
        let row = tally.row(key(), 1.0, &cpu);
        let expected = [("a/x", 25.0), ("b/y", 5.0), ("total", 30.0)];
        assert_eq!(row.cpu_us_per_request, expected.map(|(node, us)| (node.to_owned(), us)).into());
        let idle = Tally::default().row(key(), 1.0, &cpu);
        assert!(idle.cpu_us_per_request.is_empty() && idle.max_ms.is_none());
    }

    #[test]
    fn a_lost_latency_is_a_discrepancy() {
        let mut interval = sample::interval(0, [1_000_000]);
        interval.completed += 1;
        interval.offered += 1;
        assert_eq!(
            Tally::of(&[interval]).unwrap().discrepancy().unwrap(),
            "2 requests completed, but 1 latencies were recorded"
        );
    }

    #[test]
    fn a_damaged_histogram_is_named() {
        let mut interval = sample::interval(3_000, [1_000_000]);
        interval.histogram.truncate(12);
        let error = Tally::of(&[interval]).unwrap_err().to_string();
        assert!(error.starts_with("histogram of open/public-sniff/baseline/login at 3000 ms: "), "{error}");
    }

    proptest! {
        #[test]
        fn encoding_loses_no_count(values in prop::collection::vec(1u64..60_000_000_000, 0..200)) {
            let interval = sample::interval(0, values);
            let decoded = decode(&interval).unwrap();
            prop_assert_eq!(decoded.len(), interval.completed);
            prop_assert_eq!(encode(&decoded), interval.histogram);
        }
    }
}
