//! What is counted of a flood on both sides: by its generator, and by the node it hits.
//!
//! Counts go out as differences, about once a second; their sum over an arm is what is compared at its end.
//! It starts nothing.

use std::{sync::Arc, time::Duration};

use testbed::{
    foothold::{Arm, FloodKind, FloodTally},
    launch::arms::Arms,
    ledger::Ledger,
};
use tokio::time::{Instant, sleep};

use super::{emit::Emitter, live::Place};
use crate::event::{Event, FloodInterval};

/// How often counts go out.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long the flooded node is given to accept what reached its queue before the flood was stopped: less than
/// half of the 250 ms a stop may take.
const RUN_OFF: Duration = Duration::from_millis(100);
/// How often its queue is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(1);

/// One arm of a flood.
pub(super) struct Deluge {
    arm: Arm,
    kind: FloodKind,
    arms: Arms,
    tally: Arc<FloodTally>,
    before: Option<u64>,
    told: Counts,
    told_at: Instant,
}

/// What was counted since the arm began.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) started: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    /// `None` where the node tells nobody.
    pub(super) counted: Option<u64>,
}

impl Deluge {
    /// Counts from here on.
    pub(super) fn new(arm: Arm, kind: FloodKind, arms: Arms, ledger: &Ledger) -> Self {
        let mut deluge = Self {
            arm,
            kind,
            arms,
            tally: Arc::default(),
            before: None,
            told: Counts::default(),
            told_at: Instant::now(),
        };
        deluge.before = deluge.visits(ledger);
        deluge
    }

    /// What the generator counts into.
    pub(super) fn tally(&self) -> &Arc<FloodTally> {
        &self.tally
    }

    /// What was counted so far.
    pub(super) fn counts(&self, ledger: &Ledger) -> Counts {
        // The node first: what it counts was started before.
        let counted = less(self.visits(ledger), self.before);
        let (started, completed, failed) = self.tally.read();
        Counts { started, completed, failed, counted }
    }

    /// Sends what came since the last time, if that was a second ago.
    pub(super) fn tell_each_second(&mut self, ledger: &Ledger, place: &Place, emitter: &mut Emitter) {
        if self.told_at.elapsed() >= INTERVAL {
            self.tell(ledger, place, emitter);
        }
    }

    /// Sends what came since the last time.
    pub(super) fn tell(&mut self, ledger: &Ledger, place: &Place, emitter: &mut Emitter) {
        let now = self.counts(ledger);
        emitter.send(Event::Flood(FloodInterval {
            architecture: place.architecture.clone(),
            scenario: place.scenario.clone(),
            arm: word(self.arm).to_owned(),
            kind: match self.kind {
                FloodKind::Connect => "connect".to_owned(),
                FloodKind::Handshake => "handshake".to_owned(),
            },
            started: now.started - self.told.started,
            completed: now.completed - self.told.completed,
            failed: now.failed - self.told.failed,
            counted: less(now.counted, self.told.counted),
            last_accepted_ms: self.last_accepted_ms(ledger),
        }));
        self.told = now;
        self.told_at = Instant::now();
    }

    /// Resolves when the flooded node has accepted what stood in its queue.
    pub(super) async fn run_off(&self, ledger: &Ledger) {
        let began = Instant::now();
        let standing = || ledger.fabric.registry().unaccepted(self.arms.party);
        while standing() > 0 && began.elapsed() < RUN_OFF {
            sleep(LOOK).await;
        }
        // A tap that is gone is noticed by whoever judges.
        let _ = ledger.fabric.settle().await;
    }

    /// When the flooded node accepted the newest connection of this flood that the capture keeps.
    fn last_accepted_ms(&self, ledger: &Ledger) -> Option<u64> {
        let (link, capture) = (self.link(ledger), ledger.captured());
        let newest = capture.flows().rev().find(|flow| *flow.link == *link)?;
        Some(newest.opened.as_millis() as u64)
    }

    fn link(&self, ledger: &Ledger) -> String {
        let flooder = ledger.fabric.parties().who(Some(self.arms.party));
        format!("{}>{}", flooder.label, self.label())
    }

    fn label(&self) -> &str {
        match self.arm {
            Arm::Victim => &self.arms.victim_label,
            Arm::Decoy => &self.arms.decoy_label,
        }
    }

    /// What the flooded node itself counted of this kind; a program of its own counts for itself alone.
    fn visits(&self, ledger: &Ledger) -> Option<u64> {
        let visits = ledger.node(self.label())?.tally().visits(Some(self.arms.party));
        Some(match self.kind {
            FloodKind::Connect => visits.accepted,
            // Who passes TLS on takes the connection; the handshake is counted where it ends.
            FloodKind::Handshake if !self.arms.ends_tls => visits.accepted,
            FloodKind::Handshake => visits.handshakes,
        })
    }
}

/// What came since, as far as anything is known.
fn less(now: Option<u64>, before: Option<u64>) -> Option<u64> {
    now.map(|now| now - before.unwrap_or_default())
}

/// The word of an arm, in events and rows.
pub(super) fn word(arm: Arm) -> &'static str {
    match arm {
        Arm::Victim => "victim",
        Arm::Decoy => "decoy",
    }
}
