//! Goodput in tenths of a second: fine enough to say when honest work was back after a flood.
//!
//! It stands before the meter and passes everything on; the event stream keeps its seconds.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use testbed::workload::{Failure, Meter, Operation, Record};

/// The share of baseline goodput at which a flooded service counts as recovered.
const RECOVERED: f64 = 0.95;
/// Length of a beat.
pub(super) const BEAT: Duration = Duration::from_millis(100);

/// Counts completions by when they came.
pub(super) struct Pulse {
    meter: Arc<Meter>,
    beats: Mutex<Vec<u32>>,
}

impl Pulse {
    pub(super) fn new(meter: Arc<Meter>) -> Self {
        Self { meter, beats: Mutex::default() }
    }

    /// Completions per beat since the schedule began.
    pub(super) fn beats(&self) -> Vec<u32> {
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Record for Pulse {
    fn offered(&self, operation: Operation, at: Duration) {
        self.meter.offered(operation, at);
    }

    fn done(&self, operation: Operation, latency: Duration, intended: Duration, late: bool) {
        let beat = ((intended + latency).as_millis() / BEAT.as_millis()) as usize;
        {
            let mut beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
            if beats.len() <= beat {
                beats.resize(beat + 1, 0);
            }
            beats[beat] += 1;
        }
        self.meter.done(operation, latency, intended, late);
    }

    fn failed(&self, operation: Operation, intended: Duration, late: bool, why: &Failure) {
        self.meter.failed(operation, intended, late, why);
    }

    fn dropped(&self, operation: Operation, intended: Duration) {
        self.meter.dropped(operation, intended);
    }
}

/// From the start of the beats to the end of the first beat from which on goodput, over that beat and the
/// next two, is at least 95 % of the baseline's. A beat counts for no more than its share: a burst of late
/// answers is no goodput.
pub(super) fn back_after(beats: &[u32], baseline_per_second: f64) -> Option<Duration> {
    const LASTING: usize = 3;
    let share = (baseline_per_second * BEAT.as_secs_f64()).max(1.0);
    let enough = RECOVERED * share * LASTING as f64;
    let goodput = |beats: &[u32]| beats.iter().map(|beat| f64::from(*beat).min(share)).sum::<f64>();
    let back = beats.windows(LASTING).position(|window| goodput(window) >= enough)?;
    Some(BEAT * (back as u32 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodput_is_back_at_the_first_beat_that_lasts() {
        let after = |beats: &[u32]| back_after(beats, 100.0).map(|back| back.as_millis());
        assert_eq!(after(&[10, 10, 10, 10]), Some(100), "never gone");
        assert_eq!(after(&[0, 0, 3, 10, 10, 10]), Some(400));
        assert_eq!(after(&[0, 0, 9, 10, 10]), Some(300), "95 % is enough");
        assert_eq!(after(&[0, 30, 0, 0, 0]), None, "one burst of late answers is no goodput");
        assert_eq!(after(&[5, 5, 5, 5]), None);
        assert_eq!(after(&[10, 10]), None, "too short to tell");
        assert_eq!(back_after(&[0, 0, 0, 0], 5.0), None, "nothing is never enough");
    }
}
