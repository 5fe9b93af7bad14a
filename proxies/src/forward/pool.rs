//! Upstream connections of one thread that wait for their next request.
//!
//! A connection gets here only after a whole answer and in silence; one that says anything, or ends, while it
//! waits is never used again. [`Pool::keep`] lets go of those that waited too long or ended, and runs beside the
//! listener; [`Pool::close`] says goodbye to the rest.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout},
};

use super::{
    counts::HttpCounts,
    wire::{Quiet, Wire},
};
use crate::serve::Tally;

/// How often waiting connections are looked after.
const LOOK: Duration = Duration::from_secs(1);
/// What connections get to end in order.
const GOODBYE: Duration = Duration::from_secs(1);

/// A group and a place in it.
pub(super) type Place = (usize, usize);

pub(super) struct Pool {
    waiting: Mutex<Waiting>,
    filled: Notify,
    per_place: usize,
    patience: Duration,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Waiting {
    places: Vec<(Place, VecDeque<Kept>)>,
    count: usize,
}

struct Kept {
    wire: Wire,
    since: Instant,
}

impl Pool {
    /// Keeps at most `per_place` connections to each place, each for at most `patience`.
    pub(super) fn new(per_place: usize, patience: Duration, tally: Arc<Tally>) -> Self {
        Self { waiting: Mutex::default(), filled: Notify::new(), per_place, patience, tally }
    }

    /// The connection to a place that was used last, if one is still good.
    pub(super) fn take(&self, place: Place) -> Option<Wire> {
        let mut waiting = self.waiting();
        let waiting = &mut *waiting;
        let kept = &mut waiting.places.iter_mut().find(|(known, _)| *known == place)?.1;
        while let Some(mut next) = kept.pop_back() {
            waiting.count -= 1;
            match next.wire.is_quiet() {
                Quiet::Yes => return Some(next.wire),
                Quiet::Talks => HttpCounts::count(&self.tally.http.unsolicited),
                Quiet::Gone => {}
            }
        }
        None
    }

    /// A connection that was answered in whole and owes nothing.
    pub(super) fn put(&self, place: Place, mut wire: Wire, now: Instant) {
        if self.per_place == 0 {
            return;
        }
        wire.input.park();
        wire.output.clear();
        let mut waiting = self.waiting();
        let at = waiting.places.iter().position(|(known, _)| *known == place).unwrap_or_else(|| {
            waiting.places.push((place, VecDeque::new()));
            waiting.places.len() - 1
        });
        let kept = &mut waiting.places[at].1;
        kept.push_back(Kept { wire, since: now });
        if kept.len() > self.per_place {
            kept.pop_front();
        } else {
            waiting.count += 1;
            if waiting.count == 1 {
                self.filled.notify_one();
            }
        }
    }

    /// Lets go of connections that waited too long or ended. Never ends; to be dropped.
    pub(super) async fn keep(&self) -> ! {
        loop {
            if self.waiting().count == 0 {
                self.filled.notified().await;
            }
            sleep(LOOK).await;
            let tired = self.tired(Instant::now());
            goodbye(tired).await;
        }
    }

    /// Says goodbye to all of them.
    pub(super) async fn close(&self) {
        let all = std::mem::take(&mut *self.waiting());
        goodbye(all.places.into_iter().flat_map(|(_, kept)| kept).map(|kept| kept.wire).collect()).await;
    }

    fn tired(&self, now: Instant) -> Vec<Wire> {
        let (mut waiting, mut tired) = (self.waiting(), Vec::new());
        let waiting = &mut *waiting;
        for (_, places) in &mut waiting.places {
            for mut kept in std::mem::take(places) {
                let expired = now.duration_since(kept.since) >= self.patience;
                match kept.wire.is_quiet() {
                    Quiet::Yes if !expired => places.push_back(kept),
                    Quiet::Yes | Quiet::Gone => tired.push(kept.wire),
                    Quiet::Talks => HttpCounts::count(&self.tally.http.unsolicited),
                }
            }
        }
        waiting.count = waiting.places.iter().map(|(_, kept)| kept.len()).sum();
        tired
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends connections in order, all at once, within [`GOODBYE`].
pub(super) async fn goodbye(mut wires: Vec<Wire>) {
    let ended = std::future::poll_fn(|cx| {
        wires.retain_mut(|wire| wire.poll_shutdown(cx).is_pending());
        if wires.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    let _in_order = timeout(GOODBYE, ended).await;
}
