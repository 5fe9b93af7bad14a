//! Folds a run's events into a snapshot on a thread of its own; readers get the newest one only.
//!
//! The engine never waits for a screen: events are taken at once, snapshots are published at most
//! [`PER_SECOND`] times a second into a slot of one. The thread ends when the engine hangs up.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use scenarios::{event::Stamped, snapshot::Snapshot};
use tokio::{sync::watch, time::Instant};

use crate::exit::Failure;

/// The fastest a screen changes.
pub const PER_SECOND: u32 = 15;
/// Length of one frame.
pub const FRAME: Duration = Duration::from_millis(1000 / PER_SECOND as u64);
/// How long the thread sleeps when nothing happens and nothing waits to be published.
const IDLE: Duration = Duration::from_hours(1);

/// The newest snapshot of a run. A clone sees the same run.
#[derive(Clone)]
pub struct Feed {
    slot: watch::Receiver<Arc<Snapshot>>,
    last: Arc<Snapshot>,
}

impl Feed {
    /// Starts folding.
    pub fn start(events: Receiver<Stamped>) -> Result<Self, Failure> {
        let last = Arc::new(Snapshot::default());
        let (publish, slot) = watch::channel(last.clone());
        thread::Builder::new()
            .name("feed".into())
            .spawn(move || fold(&events, &publish))
            .map_err(|error| Failure::runtime(format!("cannot start the feed thread: {error}")))?;
        Ok(Self { slot, last })
    }

    /// The newest snapshot, if it is another one than last time.
    pub fn newer(&mut self) -> Option<Arc<Snapshot>> {
        let newest = self.slot.borrow_and_update().clone();
        let newer = !Arc::ptr_eq(&newest, &self.last);
        self.last = newest;
        newer.then(|| self.last.clone())
    }

    /// Waits until nothing newer can come, `longest` at most.
    pub fn wait_closed(&self, longest: Duration) {
        let until = Instant::now() + longest;
        while !self.closed() && Instant::now() < until {
            thread::sleep(FRAME);
        }
    }

    /// True when nothing newer can come: ask before [`Feed::newer`], so that the last one is not missed.
    pub fn closed(&self) -> bool {
        self.slot.has_changed().is_err()
    }
}

fn fold(events: &Receiver<Stamped>, publish: &watch::Sender<Arc<Snapshot>>) {
    let mut snapshot = Snapshot::default();
    let mut published: Option<Instant> = None;
    let mut dirty = false;
    loop {
        let rest = published.map_or(Duration::ZERO, |at| FRAME.saturating_sub(at.elapsed()));
        match events.recv_timeout(if dirty { rest } else { IDLE }) {
            Ok(event) => {
                snapshot.apply(&event);
                dirty = true;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if dirty && published.is_none_or(|at| at.elapsed() >= FRAME) {
            publish.send_replace(Arc::new(snapshot.clone()));
            published = Some(Instant::now());
            dirty = false;
        }
    }
    publish.send_replace(Arc::new(snapshot));
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use scenarios::event::Event;

    use super::*;

    #[test]
    fn the_last_fact_arrives_however_many_were_skipped() {
        let (send, events) = mpsc::channel();
        let mut feed = Feed::start(events).unwrap();
        for at_ms in 0..1000 {
            send.send(Stamped { at_ms, event: Event::Note { text: at_ms.to_string() } }).unwrap();
        }
        send.send(Stamped { at_ms: 1000, event: Event::RunEnded { exit_code: 3, interrupted: false } })
            .unwrap();
        drop(send);
        while !feed.closed() {
            thread::yield_now();
        }
        assert_eq!(feed.newer().unwrap().ended, Some(3));
        assert!(feed.newer().is_none(), "nothing changed since");
    }
}
