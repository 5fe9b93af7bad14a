//! A token bucket that is one number: when it will be full again. Pure.
//!
//! ```text
//!   full again at:   now or earlier      nothing owed, a whole burst may come
//!                    a burst from now    everything spent, the next one waits
//! ```
//!
//! (The generic cell rate algorithm.) A bucket that is full again is the same as one that never was, which is what
//! lets a table forget it.

use std::time::Duration;

use crate::limits::Rate;

/// The wait named where there is no telling: nothing at all may pass, or not for longer than this.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// Nanoseconds since an origin of its owner's choice: five centuries.
pub type Nanos = u64;

/// What was spent and has not grown back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// When it is full again.
    full: Nanos,
}

impl Bucket {
    /// True where nothing is owed any more.
    pub fn is_full(self, now: Nanos) -> bool {
        self.full <= now
    }

    /// Takes one, or says how long until there is one. A refusal takes nothing.
    ///
    /// A burst of 0 is one of 1. A rate of 0 lets nobody pass; one above 10⁹ per second is no limit.
    pub fn take(&mut self, rate: Rate, now: Nanos) -> Result<(), Duration> {
        let Some(interval) = (NANOS_PER_SECOND).checked_div(rate.per_second.into()) else {
            return Err(LONGEST_WAIT);
        };
        let ahead = interval.saturating_mul(u64::from(rate.burst.max(1)) - 1);
        let from = self.full.max(now);
        match from.saturating_sub(ahead).checked_sub(now) {
            None | Some(0) => {
                self.full = from.saturating_add(interval);
                Ok(())
            }
            Some(wait) => Err(Duration::from_nanos(wait).min(LONGEST_WAIT)),
        }
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Nanos = 1_000_000;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate { per_second, burst }
    }

    #[test]
    fn a_burst_then_one_each_interval() {
        let (mut bucket, rate) = (Bucket::default(), rate(10, 3));
        let now = 5_000 * MS;
        for _ in 0..3 {
            bucket.take(rate, now).unwrap();
        }
        assert_eq!(bucket.take(rate, now), Err(Duration::from_millis(100)));
        assert_eq!(
            bucket.take(rate, now + 60 * MS),
            Err(Duration::from_millis(40)),
            "a refusal takes nothing"
        );
        bucket.take(rate, now + 100 * MS).unwrap();
        assert_eq!(bucket.take(rate, now + 100 * MS), Err(Duration::from_millis(100)));
        assert!(!bucket.is_full(now + 399 * MS));
        assert!(bucket.is_full(now + 400 * MS), "four taken, ten a second");
        for _ in 0..3 {
            bucket.take(rate, now + 10_000 * MS).unwrap();
        }
        assert!(bucket.take(rate, now + 10_000 * MS).is_err(), "never more than a burst is saved up");
    }

    #[test]
    fn odd_rates_are_what_they_say() {
        assert_eq!(Bucket::default().take(rate(0, 9), 1), Err(LONGEST_WAIT));
        let mut single = Bucket::default();
        single.take(rate(1, 0), 0).unwrap();
        assert_eq!(single.take(rate(1, 0), 0), Err(Duration::from_secs(1)));
        let mut endless = Bucket::default();
        assert!((0..10_000).all(|_| endless.take(rate(u32::MAX, 1), 0).is_ok()));
        let mut late = Bucket::default();
        late.take(rate(1, u32::MAX), Nanos::MAX).unwrap();
    }

    proptest! {
        /// Whatever comes whenever: in any stretch of time no more pass than the burst and what grew back in it.
        #[test]
        fn never_more_than_the_burst_and_the_rate(
            per_second in 1_u32..2_000,
            burst in 1_u32..50,
            steps in proptest::collection::vec(0_u64..50_000_000, 1..300),
        ) {
            let (mut bucket, mut now, mut passed) = (Bucket::default(), 0, Vec::new());
            for step in steps {
                now += step;
                if bucket.take(rate(per_second, burst), now).is_ok() {
                    passed.push(now);
                }
            }
            for (first, &from) in passed.iter().enumerate() {
                for (count, &to) in passed[first..].iter().enumerate() {
                    // One nanosecond an interval for rounding it down.
                    let slack = count as u64;
                    let grown = (to - from + slack) as f64 * f64::from(per_second) / 1e9;
                    prop_assert!(count as f64 <= f64::from(burst) - 1.0 + grown + 1e-6);
                }
            }
        }

        /// Waiting as long as one was told is enough, and any shorter is not.
        #[test]
        fn the_wait_is_exact(per_second in 1_u32..2_000, burst in 1_u32..50, now in 0_u64..1 << 40) {
            let (rate, mut bucket) = (rate(per_second, burst), Bucket::default());
            let wait = loop {
                if let Err(wait) = bucket.take(rate, now) {
                    break wait.as_nanos() as u64;
                }
            };
            prop_assert!(bucket.clone().take(rate, now + wait - 1).is_err());
            prop_assert!(bucket.take(rate, now + wait).is_ok());
        }
    }
}
