//! One timer for all deadlines of a connection, re-armed only when it fires or must fire earlier: most deadlines
//! are met and never touch it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

#[derive(Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    /// Resolves once `due` has passed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() > due {
            sleep.as_mut().reset(due);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(due);
        }
        Poll::Pending
    }
}

/// How well a body comes along on one side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    since: Instant,
    bytes: u64,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0 }
    }

    pub(super) fn moved(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// When it will have been too slow if nothing more comes; `rate` bytes per second after `grace`.
    pub(super) fn due(&self, rate: u64, grace: Duration) -> Option<Instant> {
        let paid = Duration::from_millis(self.bytes.saturating_mul(1_000).checked_div(rate)?);
        self.since.checked_add(paid.max(grace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_may_be_put_off_and_brought_forward() {
        let (mut alarm, began) = (Alarm::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        let pending = std::future::poll_fn(|cx| Poll::Ready(alarm.poll(cx, at(10)).is_pending())).await;
        assert!(pending);
        std::future::poll_fn(|cx| alarm.poll(cx, at(3))).await;
        assert_eq!(began.elapsed().as_secs(), 3);
        std::future::poll_fn(|cx| alarm.poll(cx, at(20))).await;
        assert_eq!(began.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_pays_for_its_time_in_bytes() {
        let grace = Duration::from_secs(5);
        let mut pace = Pace::new(Instant::now());
        let due = |pace: &Pace| pace.due(500, grace).map(|due| due - pace.since);
        assert_eq!(due(&pace), Some(grace));
        pace.moved(2_000);
        assert_eq!(due(&pace), Some(grace));
        pace.moved(3_000);
        assert_eq!(due(&pace), Some(Duration::from_secs(10)));
        assert_eq!(pace.due(0, grace), None);
    }
}
