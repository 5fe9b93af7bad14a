//! Active health checks: a connection and its handshake to every place at an interval, by one thread of a node.
//!
//! It spawns nothing: dropping the future, or its stop, ends every probe. It sends nothing of its own through a
//! place, so a place that takes connections and then does nothing passes.

use std::{future::poll_fn, io, pin::Pin, task::Poll, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Group, health::Active};
use crate::{caller::Caller, limits::Limits, transport::Dial};

/// What a clock can do at all.
const SHORTEST: Duration = Duration::from_millis(1);

type Probes<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Probes the places of `groups` until `stop`, those that ask for it. Every thread of a node may call it: a
/// group is probed by the first.
pub async fn watch<'a, D: Dial>(
    groups: impl IntoIterator<Item = &'a Group<D>>,
    limits: &Limits,
    stop: &CancellationToken,
) {
    let (mut rights, mut all): (Vec<_>, Vec<Probes<'_>>) = (Vec::new(), Vec::new());
    for group in groups {
        let Some(active) = group.roster.settings.active else { continue };
        let Some(right) = group.roster.watch() else { continue };
        rights.push(right);
        for place in 0..group.backends.len() {
            all.push(Box::pin(group.probe_often(place, active, limits)));
        }
    }
    if all.is_empty() {
        return;
    }
    let probing = poll_fn(|cx| {
        for probes in &mut all {
            // None of them ever ends.
            let _: Poll<()> = probes.as_mut().poll(cx);
        }
        Poll::<()>::Pending
    });
    tokio::select! { () = stop.cancelled() => {} () = probing => {} }
}

impl<D: Dial> Group<D> {
    async fn probe_often(&self, place: usize, active: Active, limits: &Limits) {
        let mut beat = interval(active.interval.max(SHORTEST));
        // A probe that took longer than the interval is followed by one, not by all that were missed.
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            let outcome = self.probe(place, limits).await;
            self.roster.probe(place, &outcome);
        }
    }

    async fn probe(&self, place: usize, limits: &Limits) -> io::Result<()> {
        let mut stream = self.connect(place, &Caller::default(), limits).await?;
        // It has answered; how it takes the goodbye is no matter.
        let _goodbye = timeout(limits.handshake, stream.shutdown()).await;
        Ok(())
    }
}
