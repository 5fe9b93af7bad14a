//! The flood keeps to its licence: rate, attempts in flight, time, kind, stop.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use attacker::loot::Item;
use support::{foothold, run};
use testbed::foothold::{Arm, Flood, FloodBackend, FloodBounds, FloodConnection, FloodKind, FloodTally};
use tokio::time::{Instant, sleep};

/// A front that takes a while to answer and counts who is at the door.
#[derive(Default)]
struct Front {
    takes: Duration,
    inside: AtomicUsize,
    most: AtomicUsize,
}

/// Somebody at the door, until dropped.
struct Guest<'a>(&'a Front);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

impl FloodBackend for Front {
    fn attempt(
        &self,
        _arm: Arm,
        _kind: FloodKind,
    ) -> Pin<Box<dyn Future<Output = io::Result<FloodConnection>> + Send + '_>> {
        Box::pin(async move {
            let inside = self.inside.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(inside, Ordering::Relaxed);
            let _guest = Guest(self);
            sleep(self.takes).await;
            Ok(FloodConnection { stream: Box::new(tokio::io::duplex(1).0) })
        })
    }
}

struct Outcome {
    front: Arc<Front>,
    tally: (u64, u64, u64),
    lasted: Duration,
    noted: usize,
}

/// Runs the connect flood, stopped from outside after `stop_after`.
async fn flood(takes: Duration, bounds: FloodBounds, kind: FloodKind, stop_after: Duration) -> Outcome {
    let front = Arc::new(Front { takes, ..Front::default() });
    let tally = Arc::new(FloodTally::default());
    let backend = Arc::clone(&front) as Arc<dyn FloodBackend>;
    let licence = Flood::new(backend, bounds, Arm::Victim, kind, Arc::clone(&tally));
    let (foothold, stop) = foothold();
    let begun = Instant::now();
    let attack = async {
        let loot = run("connect-flood", foothold.with_flood(licence)).await;
        (begun.elapsed(), loot.items.iter().filter(|item| matches!(item, Item::NotGranted(..))).count())
    };
    let watch = async {
        sleep(stop_after).await;
        stop.cancel();
    };
    let ((lasted, noted), ()) = tokio::join!(attack, watch);
    Outcome { front, tally: tally.read(), lasted, noted }
}

fn bounds(rate: u32, in_flight: usize) -> FloodBounds {
    FloodBounds { rate, in_flight, duration: Duration::from_secs(2) }
}

const FAST: Duration = Duration::from_millis(1);
const NEVER: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn every_attempt_of_the_licence_is_made_and_nobody_stays() {
    let it = flood(FAST, bounds(500, 64), FloodKind::Connect, NEVER).await;
    assert_eq!(it.tally, (1000, 1000, 0), "500 a second for 2 s");
    assert_eq!(it.front.inside.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_in_flight_than_allowed_and_skipped_ones_are_not_caught_up() {
    let it = flood(Duration::from_millis(100), bounds(1000, 5), FloodKind::Connect, NEVER).await;
    assert_eq!(it.front.most.load(Ordering::Relaxed), 5);
    // 5 places, each free again after 100 ms and at most one 1 ms tick, over 2 s.
    assert!((95..=100).contains(&it.tally.0), "{:?}", it.tally);
}

#[tokio::test(start_paused = true)]
async fn the_stop_ends_it_with_attempts_in_flight() {
    let stopped = Duration::from_millis(500);
    let it = flood(NEVER, bounds(100, 64), FloodKind::Connect, stopped).await;
    assert_eq!(it.lasted, stopped);
    let (started, completed, failed) = it.tally;
    assert!(started > 0 && completed + failed == 0, "{:?}", it.tally);
    assert_eq!(it.front.inside.load(Ordering::Relaxed), 0, "nobody is left at the door");
}

#[tokio::test(start_paused = true)]
async fn attempts_that_hang_do_not_outlive_the_licence_by_more_than_a_moment() {
    let it = flood(NEVER, bounds(100, 64), FloodKind::Connect, NEVER).await;
    assert!(it.front.inside.load(Ordering::Relaxed) == 0 && it.tally.1 == 0);
}

#[tokio::test(start_paused = true)]
async fn a_licence_for_another_kind_is_no_licence() {
    let it = flood(FAST, bounds(500, 64), FloodKind::Handshake, NEVER).await;
    assert_eq!((it.tally, it.noted), ((0, 0, 0), 1));
}
