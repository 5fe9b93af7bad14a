//! Counting what honest users saw: per operation and whole second, one latency histogram and five counts.
//!
//! An interval is the second in which an operation was *meant* to start, so that a phase owns exactly the
//! operations it offered. Whoever takes intervals while operations are in flight gets the rest of a second
//! later, as another interval of the same second; adding them up is exact.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::{CreationError, Histogram};

use super::{generator::Record, operations::Failure, schedule::Operation};

/// One minute: longer than any operation's patience.
const MAX_LATENCY_NS: u64 = 60_000_000_000;
/// Values are exact to one in a thousand.
const DIGITS: u8 = 3;

/// What became of operations. `offered` = done + failed + dropped + in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Meant to start.
    pub offered: u64,
    /// Succeeded; as many as the histogram holds.
    pub done: u64,
    /// Started and failed.
    pub failed: u64,
    /// Never started.
    pub dropped: u64,
    /// Done or failed, and started late.
    pub late: u64,
}

/// One operation in one second.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Whole seconds since the start of the schedule.
    pub second: u64,
    /// Which operation.
    pub operation: Operation,
    /// What became of those meant to start in it, as far as reported since the last take.
    pub counts: Counts,
    /// Latencies of the done ones from their intended start, in nanoseconds.
    pub latencies: Histogram<u64>,
}

/// A [`Record`] that keeps histograms.
pub struct Meter {
    empty: Histogram<u64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    intervals: BTreeMap<(u64, Operation), Interval>,
    totals: BTreeMap<Operation, Counts>,
    failures: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Started, and nothing heard of since.
    pub fn in_flight(&self) -> u64 {
        self.offered.saturating_sub(self.done + self.failed + self.dropped)
    }

    /// Adds another count.
    pub fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.done += other.done;
        self.failed += other.failed;
        self.dropped += other.dropped;
        self.late += other.late;
    }
}

impl Meter {
    /// A meter that has seen nothing.
    pub fn new() -> Result<Self, CreationError> {
        let empty = Histogram::new_with_bounds(1, MAX_LATENCY_NS, DIGITS)?;
        Ok(Self { empty, state: Mutex::default() })
    }

    /// Everything reported since the last take, in order of second and operation.
    pub fn take_intervals(&self) -> Vec<Interval> {
        std::mem::take(&mut self.lock().intervals).into_values().collect()
    }

    /// All counts of an operation, taken or not.
    pub fn total(&self, operation: Operation) -> Counts {
        self.lock().totals.get(&operation).copied().unwrap_or_default()
    }

    /// How many failed for which kind of reason.
    pub fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.lock().failures.clone()
    }

    fn note(&self, operation: Operation, at: Duration, counts: &Counts, latency: Option<Duration>) {
        let second = at.as_secs();
        let mut state = self.lock();
        state.totals.entry(operation).or_default().add(counts);
        let interval = state.intervals.entry((second, operation)).or_insert_with(|| Interval {
            second,
            operation,
            counts: Counts::default(),
            latencies: Histogram::new_from(&self.empty),
        });
        interval.counts.add(counts);
        if let Some(latency) = latency {
            interval.latencies.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record for Meter {
    fn offered(&self, operation: Operation, at: Duration) {
        self.note(operation, at, &Counts { offered: 1, ..Counts::default() }, None);
    }

    fn done(&self, operation: Operation, latency: Duration, intended: Duration, late: bool) {
        let counts = Counts { done: 1, late: late.into(), ..Counts::default() };
        self.note(operation, intended, &counts, Some(latency));
    }

    fn failed(&self, operation: Operation, intended: Duration, late: bool, why: &Failure) {
        *self.lock().failures.entry(why.kind()).or_default() += 1;
        self.note(operation, intended, &Counts { failed: 1, late: late.into(), ..Counts::default() }, None);
    }

    fn dropped(&self, operation: Operation, intended: Duration) {
        self.note(operation, intended, &Counts { dropped: 1, ..Counts::default() }, None);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn an_operation_belongs_to_the_second_it_was_meant_to_start_in() {
        let meter = Meter::new().unwrap();
        meter.offered(Operation::List, AT(999));
        meter.offered(Operation::List, AT(1000));
        meter.offered(Operation::Login, AT(1500));
        meter.done(Operation::List, AT(5000), AT(999), false);
        meter.dropped(Operation::Login, AT(1500));
        let intervals = meter.take_intervals();
        let seen: Vec<_> = intervals.iter().map(|i| (i.second, i.operation, i.counts.done)).collect();
        assert_eq!(seen, [(0, Operation::List, 1), (1, Operation::Login, 0), (1, Operation::List, 0)]);
        let latency = Duration::from_nanos(intervals[0].latencies.max());
        assert!(latency.abs_diff(AT(5000)) <= AT(5), "{latency:?}");
    }

    #[test]
    fn what_ends_after_a_take_comes_with_the_next_one_and_totals_see_both() {
        let meter = Meter::new().unwrap();
        meter.offered(Operation::Create, AT(0));
        meter.offered(Operation::Create, AT(1));
        meter.failed(Operation::Create, AT(0), true, &Failure::TooLong);
        assert_eq!(meter.take_intervals()[0].counts.in_flight(), 1);
        assert_eq!(meter.take_intervals().len(), 0);
        meter.done(Operation::Create, AT(3), AT(1), false);
        let rest = meter.take_intervals();
        assert_eq!((rest[0].second, rest[0].counts.done, rest[0].latencies.len()), (0, 1, 1));
        let total = Counts { offered: 2, done: 1, failed: 1, dropped: 0, late: 1 };
        assert_eq!((meter.total(Operation::Create), total.in_flight()), (total, 0));
        assert_eq!(meter.failures(), BTreeMap::from([("too-long", 1)]));
    }

    #[test]
    fn a_latency_beyond_the_range_is_counted_at_its_end() {
        let meter = Meter::new().unwrap();
        meter.done(Operation::List, Duration::from_hours(1), AT(0), false);
        let latencies = &meter.take_intervals()[0].latencies;
        assert_eq!(latencies.len(), 1);
        assert!(latencies.max() >= MAX_LATENCY_NS);
    }
}
