//! How slowly the other side may bring or take a body. Pure: only the time spent waiting for *it* counts, and what it
//! has moved pays for waiting.

use std::time::Duration;

use tokio::time::Instant;

/// The account of one body in one direction.
#[derive(Debug)]
pub(super) struct Pace {
    rate: u64,
    /// Longest wait for one piece.
    idle: Duration,
    allowance: Duration,
    since: Option<Instant>,
}

impl Pace {
    /// `rate` bytes per second on average once `grace` is over, and never nothing for `idle`.
    pub(super) fn new(rate: u64, grace: Duration, idle: Duration) -> Self {
        Self { rate: rate.max(1), idle, allowance: grace, since: None }
    }

    /// It is the other side's turn, if it was not already.
    pub(super) fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// The other side moved bytes.
    pub(super) fn moved(&mut self, bytes: u64, now: Instant) {
        if let Some(since) = self.since.take() {
            self.allowance = self.allowance.saturating_sub(now.saturating_duration_since(since));
        }
        let earned = Duration::from_millis(bytes.saturating_mul(1_000) / self.rate);
        self.allowance = self.allowance.saturating_add(earned);
    }

    /// When waiting becomes too long; `None` while nobody waits.
    pub(super) fn until(&self) -> Option<Instant> {
        self.since.map(|since| since + self.allowance.min(self.idle))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace::new(500, 5 * SECOND, 30 * SECOND)
    }

    #[test]
    fn a_body_that_brings_nothing_has_its_grace() {
        let (mut pace, now) = (pace(), Instant::now());
        assert_eq!(pace.until(), None);
        pace.wait(now);
        pace.wait(now + SECOND);
        assert_eq!(pace.until(), Some(now + 5 * SECOND));
    }

    #[test]
    fn a_drip_ends_when_grace_and_bytes_are_used_up() {
        let (mut pace, begun) = (pace(), Instant::now());
        let mut now = begun;
        loop {
            pace.wait(now);
            let until = pace.until().unwrap();
            now += SECOND;
            if now > until {
                break;
            }
            pace.moved(100, now);
        }
        // Each second costs one and earns a fifth.
        assert_eq!((now - begun).as_secs(), 7);
    }

    #[test]
    fn at_the_rate_it_goes_on_for_ever_and_a_lot_buys_one_long_wait_only() {
        let (mut pace, mut now) = (pace(), Instant::now());
        for _ in 0..10_000 {
            pace.wait(now);
            now += SECOND;
            assert!(pace.until().unwrap() >= now);
            pace.moved(500, now);
        }
        pace.moved(u64::MAX, now);
        pace.wait(now);
        assert_eq!(pace.until(), Some(now + 30 * SECOND));
    }
}
