//! Latencies as a screen keeps them: counts by value, merged at will and asked for many percentiles.
//!
//! They take far less room than a histogram, and answer as the histogram they came from. Pure.

use std::collections::BTreeMap;

use crate::{
    event::Interval,
    latency::{decode, ms, samples_needed},
};

/// Honest work of one phase in one scenario, as a screen keeps it: counts by latency, in far less room than a
/// histogram takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Completed requests by latency in nanoseconds.
    latencies: BTreeMap<u64, u64>,
    /// Failed requests.
    pub errors: u64,
    /// Arrivals sent late by the generator.
    pub late: u64,
    /// Milliseconds they were gathered in.
    pub lasted_ms: u64,
    /// Intervals whose histogram is damaged: their requests are missing here.
    pub unreadable: u64,
    /// Start of the newest interval: operations share their seconds.
    newest_ms: Option<u64>,
}

impl Samples {
    /// Takes one interval in.
    pub fn add(&mut self, interval: &Interval) {
        if self.newest_ms != Some(interval.start_ms) {
            self.newest_ms = Some(interval.start_ms);
            self.lasted_ms += interval.length_ms;
        }
        self.errors += interval.errors;
        self.late += interval.late;
        let Ok(histogram) = decode(interval) else {
            self.unreadable += 1;
            return;
        };
        for step in histogram.iter_recorded() {
            *self.latencies.entry(step.value_iterated_to()).or_default() += step.count_at_value();
        }
    }

    /// Takes others in.
    pub fn merge(&mut self, other: &Self) {
        for (latency, count) in &other.latencies {
            *self.latencies.entry(*latency).or_default() += count;
        }
        self.errors += other.errors;
        self.late += other.late;
        self.lasted_ms += other.lasted_ms;
        self.unreadable += other.unreadable;
    }

    /// Their latencies in order, to be asked for many percentiles.
    pub fn spread(&self) -> Spread {
        let mut below = 0;
        let steps = self.latencies.iter().map(|(latency, count)| {
            below += count;
            (below, *latency)
        });
        Spread(steps.collect())
    }
}

/// Latencies in order: how many requests took at most how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread(Vec<(u64, u64)>);

impl Spread {
    /// Completed requests.
    pub fn count(&self) -> u64 {
        self.0.last().map_or(0, |(count, _)| *count)
    }

    /// Quantile `q` in milliseconds, as [`quantile_ms`](crate::latency::quantile_ms) has it.
    pub fn quantile_ms(&self, q: f64) -> Option<f64> {
        (self.count() >= samples_needed(q)).then(|| self.value_at(q)).flatten().map(ms)
    }

    /// The slowest request in milliseconds.
    pub fn max_ms(&self) -> Option<f64> {
        self.0.last().map(|(_, latency)| ms(*latency))
    }

    fn value_at(&self, q: f64) -> Option<u64> {
        let rank = ((q * self.count() as f64).ceil() as u64).max(1);
        let at = self.0.partition_point(|(below, _)| *below < rank);
        self.0.get(at).map(|(_, latency)| *latency)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{latency::quantile_ms, sample};

    #[test]
    fn a_damaged_interval_is_counted_and_not_guessed() {
        let mut damaged = sample::interval(1_000, [1_000_000]);
        damaged.histogram.truncate(12);
        let mut samples = Samples::default();
        samples.add(&sample::interval(0, [1_000_000, 2_000_000]));
        samples.add(&damaged);
        assert_eq!((samples.spread().count(), samples.unreadable, samples.lasted_ms), (2, 1, 2_000));
    }

    proptest! {
        #[test]
        fn what_a_screen_keeps_has_the_percentiles_of_the_histogram(
            values in prop::collection::vec(1u64..60_000_000_000, 1..300), q in 0.0..1.0f64,
        ) {
            let halves = values.split_at(values.len() / 2);
            let mut samples = Samples::default();
            for half in [halves.0, halves.1] {
                let mut part = Samples::default();
                part.add(&sample::interval(0, half.iter().copied()));
                samples.merge(&part);
            }
            let (spread, whole) = (samples.spread(), decode(&sample::interval(0, values)).unwrap());
            prop_assert_eq!(spread.count(), whole.len());
            prop_assert_eq!(spread.value_at(q), Some(whole.value_at_quantile(q)));
            prop_assert_eq!(spread.quantile_ms(q), quantile_ms(&whole, q));
        }
    }
}
