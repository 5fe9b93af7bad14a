//! Flood a front with connections or handshakes (T1499.001, T1499.002).
//!
//! Open loop: attempts start on schedule whether or not earlier ones came back, up to the licence's bounds;
//! an attempt that finds too many in flight is skipped, never caught up. Counts nothing: the licence does.
//! One task an attempt, in a set that is aborted on stop; when the licence's time is over, attempts in
//! flight get a moment to finish.

use std::time::Duration;

use testbed::foothold::{Flood as Licence, FloodBounds, FloodKind, Foothold, NotGranted};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use crate::{
    attack_ids::{OS_EXHAUSTION, SERVICE_EXHAUSTION},
    loot::{Haul, LootSink, Step},
    technique::{Description, Family, Need, Running, Technique},
};

/// The flood of bare connections.
pub const CONNECT_DESCRIPTION: Description = Description {
    name: "connect-flood",
    attack_id: OS_EXHAUSTION,
    further_ids: &[],
    family: Family::Flood,
    summary: "open connections as fast as the licence allows",
    needs: &[Need::Flood],
    prepare: |sink| Box::new(Flood::new(sink, FloodKind::Connect)),
};

/// The flood of full handshakes.
pub const HANDSHAKE_DESCRIPTION: Description = Description {
    name: "handshake-flood",
    attack_id: SERVICE_EXHAUSTION,
    further_ids: &[],
    family: Family::Flood,
    summary: "make full TLS handshakes as fast as the licence allows",
    needs: &[Need::Flood],
    prepare: |sink| Box::new(Flood::new(sink, FloodKind::Handshake)),
};

/// How often due attempts are started; finer than any rate needs.
const TICK: Duration = Duration::from_millis(1);
/// How long attempts in flight may take once the licence's time is over.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The technique.
pub struct Flood {
    sink: LootSink,
    kind: FloodKind,
}

impl Flood {
    /// A flood of one kind; it needs a licence for that kind.
    pub fn new(sink: LootSink, kind: FloodKind) -> Self {
        Self { sink, kind }
    }

    fn step(&self) -> Step {
        let Description { name, attack_id, .. } = match self.kind {
            FloodKind::Connect => CONNECT_DESCRIPTION,
            FloodKind::Handshake => HANDSHAKE_DESCRIPTION,
        };
        Step { technique: name, attack_id }
    }
}

impl Technique for Flood {
    fn run(self: Box<Self>, foothold: Foothold) -> Running {
        Box::pin(async move {
            let step = self.step();
            let mut haul = Haul::new(self.sink);
            let Some(licence) = haul.granted(step, foothold.flood()) else { return haul.into_loot() };
            if licence.kind() != self.kind {
                let refused = NotGranted { vantage: foothold.vantage(), capability: "flood of this kind" };
                haul.note_not_granted(step, refused);
                return haul.into_loot();
            }
            let mut attempts = JoinSet::new();
            let flood = async {
                start_all(&licence, &mut attempts).await;
                // What has not finished by then is cut, and stays uncounted.
                let _ = timeout(LAST_MOMENT, async { while reap(attempts.join_next().await) {} }).await;
            };
            foothold.stop().run_until_cancelled(flood).await;
            attempts.shutdown().await;
            haul.into_loot()
        })
    }
}

/// Starts every attempt the licence allows, on schedule.
async fn start_all(licence: &Licence, attempts: &mut JoinSet<()>) {
    let bounds = licence.bounds();
    let begun = Instant::now();
    let mut scheduled = 0;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while attempts.try_join_next().is_some_and(|ended| reap(Some(ended))) {}
        let elapsed = begun.elapsed().min(bounds.duration);
        let due = due(&bounds, elapsed);
        let room = bounds.in_flight.saturating_sub(attempts.len());
        for _ in 0..room.min(usize::try_from(due - scheduled).unwrap_or(usize::MAX)) {
            let licence = licence.clone();
            // Dropping the connection resets it; a failed attempt is counted by the licence.
            attempts.spawn(async move { drop(licence.attempt().await) });
        }
        scheduled = due;
        if elapsed == bounds.duration {
            return;
        }
    }
}

/// Attempts due after this long.
fn due(bounds: &FloodBounds, elapsed: Duration) -> u64 {
    let due = elapsed.as_nanos() * u128::from(bounds.rate) / Duration::from_secs(1).as_nanos();
    u64::try_from(due).unwrap_or(u64::MAX)
}

/// True while there was something to take off the set; a panic of an attempt goes on here.
fn reap(ended: Option<Result<(), tokio::task::JoinError>>) -> bool {
    ended.map(|ended| ended.unwrap_or_else(super::rethrow)).is_some()
}
