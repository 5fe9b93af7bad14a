//! An attack of one step: the technique while it is under way, then what it brought home.
//!
//! However it ends (its own end, the end of its phase, the stop that a user asked for), its thread is joined
//! before anything is said, so that not one attack socket is left when `AttackStopped` goes out. It starts
//! nothing and judges nothing.

use attacker::loot::Loot;
use testbed::ledger::Ledger;
use tokio::time::Instant;

use super::{RunError, assault::Assault, controls::Controls, deluge::Deluge, emit::Emitter, live::Live};
use crate::event::Event;

/// An attack of one step.
#[derive(Default)]
pub(super) struct Raid {
    assault: Option<Assault>,
    deluge: Option<Deluge>,
    loot: Loot,
    over: Option<Instant>,
}

/// Where a raid's facts go.
pub(super) struct Desk<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) live: &'a mut Live,
    pub(super) controls: &'a Controls,
    pub(super) emitter: &'a mut Emitter,
}

impl Raid {
    /// A technique that was started.
    pub(super) fn of(assault: Assault) -> Self {
        Self { assault: Some(assault), ..Self::default() }
    }

    /// A flood that was started.
    pub(super) fn flooding(assault: Assault, deluge: Deluge) -> Self {
        Self { deluge: Some(deluge), ..Self::of(assault) }
    }

    /// True while its technique acts.
    pub(super) fn is_under_way(&self) -> bool {
        self.assault.is_some()
    }

    /// Sends what is new.
    pub(super) fn look(&mut self, desk: &mut Desk<'_>) {
        if let Some(assault) = &mut self.assault {
            desk.live.loot(&assault.fresh(), assault.vantage(), desk.emitter);
        }
        if let Some(deluge) = &mut self.deluge {
            deluge.tell_each_second(desk.ledger, desk.live.place(), desk.emitter);
        }
    }

    /// Waits for a technique that ends by itself; if a user asked for its end meanwhile, says when it came.
    pub(super) async fn finish(&mut self, desk: &mut Desk<'_>) -> Result<(), RunError> {
        let Some(assault) = self.assault.take() else { return Ok(()) };
        let vantage = assault.vantage();
        let (loot, last) = assault.finish().await?;
        desk.live.loot(&last, vantage, desk.emitter);
        self.loot = loot;
        if let Some(asked) = desk.controls.attack_stop_asked() {
            self.stopped(asked, desk).await;
        }
        self.over = Some(Instant::now());
        Ok(())
    }

    /// Ends the technique.
    pub(super) async fn withdraw(&mut self, desk: &mut Desk<'_>) -> Result<(), RunError> {
        let Some(assault) = self.assault.take() else { return Ok(()) };
        let asked = desk.controls.attack_stop_asked().unwrap_or_else(Instant::now);
        let vantage = assault.vantage();
        let (loot, last) = assault.end().await?;
        desk.live.loot(&last, vantage, desk.emitter);
        self.loot = loot;
        self.stopped(asked, desk).await;
        self.over = Some(Instant::now());
        Ok(())
    }

    /// When its technique was over.
    pub(super) fn over(&self) -> Option<Instant> {
        self.over
    }

    /// What it brought home, and when it was over.
    pub(super) fn outcome(self) -> (Loot, Option<Instant>) {
        (self.loot, self.over)
    }

    /// What it flooded.
    pub(super) fn deluge(self) -> Option<Deluge> {
        self.deluge
    }

    async fn stopped(&mut self, asked: Instant, desk: &mut Desk<'_>) {
        if let Some(deluge) = &mut self.deluge {
            deluge.run_off(desk.ledger).await;
            deluge.tell(desk.ledger, desk.live.place(), desk.emitter);
        }
        let place = desk.live.place().clone();
        let requested_ms = desk.emitter.ms(asked);
        desk.emitter.send(Event::AttackStopped {
            architecture: place.architecture,
            scenario: place.scenario,
            requested_ms,
        });
    }
}
