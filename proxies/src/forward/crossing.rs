//! One exchange: a request up, its answer home, both at once.

use std::task::{Context, Poll, ready};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    alarm::Alarm,
    failure::Failure,
    homeward::{Around, Homeward, Said},
    hooks::Watch,
    link::Link,
    prepare::Prepared,
    upward::Upward,
    wire::Wire,
};
use crate::{http::HeadLimits, limits::Limits};

pub(super) struct Crossing {
    pub(super) up: Upward,
    pub(super) home: Homeward,
    prepared: Prepared,
    head_limits: HeadLimits,
    watch: Option<Box<dyn Watch>>,
}

/// What both ways need of the connection they belong to.
pub(super) struct Between<'a> {
    pub(super) front: &'a mut Wire,
    pub(super) link: &'a mut Link,
    pub(super) alarm: &'a mut Alarm,
    pub(super) limits: &'a Limits,
    /// The caller's connection may go on afterwards, for all that anybody else says.
    pub(super) keep: bool,
    pub(super) stop: &'a CancellationToken,
}

impl Crossing {
    pub(super) fn new(prepared: Prepared, watch: Option<Box<dyn Watch>>, head_limits: HeadLimits) -> Self {
        let now = Instant::now();
        let up = Upward::new(&prepared, head_limits, now);
        Self { up, home: Homeward::new(now), prepared, head_limits, watch }
    }

    /// The same once more, nothing of it having been told or lost.
    pub(super) fn again(&mut self) {
        let now = Instant::now();
        self.up = Upward::new(&self.prepared, self.head_limits, now);
        self.home = Homeward::new(now);
    }

    /// Until the answer is home and the request gone, or as gone as it will be.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        between: &mut Between<'_>,
    ) -> Poll<Result<(), Failure>> {
        let back = &mut between.link.wire;
        loop {
            let up = self.up.poll(cx, (between.front, back), self.watch.as_deref_mut())?;
            let around = Around {
                prepared: &self.prepared,
                limits: self.head_limits,
                keep: between.keep && !self.up.is_broken() && !self.up.waits(),
                sent: self.up.is_sent(),
                stop: between.stop,
            };
            match self.home.poll(cx, (between.front, back), self.watch.as_deref_mut(), &around)? {
                Poll::Ready(Said::Continue) => self.up.go_on(),
                Poll::Ready(Said::Nothing) if up.is_ready() || !self.home.keeps() => {
                    return Poll::Ready(Ok(()));
                }
                _ => break,
            }
        }
        // Once the answer began, its own deadlines count.
        let up = if self.home.is_told() && self.up.is_sent() { None } else { self.up.due(between.limits) };
        let due = [up, self.home.due(between.limits)];
        let Some((due, late)) = due.into_iter().flatten().min_by_key(|(due, _)| *due) else {
            return Poll::Pending;
        };
        ready!(between.alarm.poll(cx, due));
        Poll::Ready(Err(late))
    }

    /// May another connection be tried after this failure? A kept one that died before it said anything did not
    /// act on the request, or acting twice does no harm; and all of the request is still here.
    pub(super) fn may_retry(&self, failure: &Failure, link: &Link) -> bool {
        let died = matches!(failure, Failure::Silent | Failure::Upstream(_));
        let whole = !self.home.is_heard() && link.wire.input.is_empty() && !self.up.is_taken();
        died && whole && !link.fresh && (self.prepared.is_idempotent() || !link.wire.output.is_begun())
    }
}
