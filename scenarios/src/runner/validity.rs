//! What makes a flag of the run false: strangers, lost captures, honest work that does not add up.

use std::io;

use testbed::{capture::Taken, ledger::Ledger};

use super::{honest::Worked, live::Place};
use crate::{
    event::{Event, ValidityFlag},
    latency::{LatencyError, Tally},
};

/// Share of late arrivals above which figures are the generator's, not the architecture's.
const LATE_SHARE: f64 = 0.05;
/// Share of stolen processor time above which figures are the neighbours'.
const STOLEN_SHARE: f64 = 0.05;
/// Ring stalls of a step above which the taps shaped the figures.
const STALLS: u64 = 100;

/// Waits until everything that crossed was matched and captured, and says how many bytes that were at least.
pub(super) async fn settled(ledger: &Ledger) -> io::Result<u64> {
    let crossed = ledger.fabric.tapped();
    ledger.fabric.settle().await?;
    Ok(crossed)
}

/// Exposure: nobody from outside, nothing lost of what had crossed when the wires were `settled`.
pub(super) fn exposure(ledger: &Ledger, settled: u64, taken: &Taken, place: &Place) -> Vec<Event> {
    let losses = &taken.losses;
    let mut reasons: Vec<String> =
        ledger.fabric.registry().violations().iter().map(|violation| format!("{violation:?}")).collect();
    if losses.late_evidence > 0 {
        reasons.push(format!(
            "{} flows turned out to be evidence after they were dropped",
            losses.late_evidence
        ));
    }
    if losses.strays > 0 {
        reasons.push(format!("{} chunks belonged to no captured flow", losses.strays));
    }
    let dropped: u64 = losses.dropped.values().map(|dropped| dropped.bytes).sum();
    let chunks = taken.flows.iter().flat_map(|flow| &flow.chunks);
    let captured: u64 = chunks.map(|chunk| chunk.bytes.len() as u64).sum();
    let counted = Counted { settled, matched: ledger.found().bytes, captured, dropped };
    reasons.extend(counted.loss(ledger.fabric.tapped()));
    reasons.into_iter().map(|reason| invalid(ValidityFlag::Exposure, place, reason)).collect()
}

/// Counts made apart: on the victims' threads, by the matcher, by the capture.
struct Counted {
    settled: u64,
    matched: u64,
    captured: u64,
    dropped: u64,
}

impl Counted {
    /// What is missing. Services talk among themselves while this is looked at: what crossed since the wires were
    /// settled, up to the `crossed` of now, may be counted or not.
    fn loss(&self, crossed: u64) -> Option<String> {
        let Self { settled, matched, captured, dropped } = self;
        let whole = *settled..=crossed;
        let lost = !whole.contains(matched) || !whole.contains(&(captured + dropped));
        lost.then(|| {
            format!(
                "{settled} bytes crossed, {matched} were matched, {captured} captured and {dropped} dropped"
            )
        })
    }
}

/// What may have shaped the figures of a step from outside.
pub(super) struct Strain {
    /// Times nodes waited for the taps.
    pub(super) stalls: u64,
    /// Share of processor time that went to other machines.
    pub(super) stolen: f64,
}

/// Performance: offered = done + failed + in flight, a generator on time, taps out of the way.
pub(super) fn performance(
    worked: &[Worked],
    strain: &Strain,
    place: &Place,
) -> Result<Vec<Event>, LatencyError> {
    let mut reasons = Vec::new();
    for shift in worked {
        let tally = Tally::of(&shift.intervals)?;
        if let Some(discrepancy) = tally.discrepancy() {
            reasons.push(format!("{}: {discrepancy}", shift.phase));
        }
        if shift.in_flight > 0 {
            reasons.push(format!("{}: {} operations never ended", shift.phase, shift.in_flight));
        }
        if shift.dropped > 0 {
            reasons.push(format!("{}: {} arrivals were never sent", shift.phase, shift.dropped));
        }
        if tally.late as f64 > LATE_SHARE * tally.offered as f64 {
            reasons.push(format!(
                "{}: {} of {} arrivals were sent late",
                shift.phase, tally.late, tally.offered
            ));
        }
    }
    if strain.stolen > STOLEN_SHARE {
        reasons.push(format!("the hypervisor took {:.0} % of the processors", strain.stolen * 100.0));
    }
    if strain.stalls > STALLS {
        reasons.push(format!("nodes waited {} times for the taps", strain.stalls));
    }
    Ok(reasons.into_iter().map(|reason| invalid(ValidityFlag::Performance, place, reason)).collect())
}

fn invalid(flag: ValidityFlag, place: &Place, reason: String) -> Event {
    Event::Invalid { flag, place: format!("{} on {}", place.scenario, place.architecture), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_while_one_looks_is_no_loss_and_what_had_crossed_before_is() {
        let counted = |matched, captured, dropped| Counted { settled: 100, matched, captured, dropped };
        for (counted, crossed) in [
            (counted(100, 100, 0), 100),
            (counted(100, 60, 40), 100),
            (counted(100, 100, 0), 120),
            (counted(120, 110, 0), 120),
        ] {
            assert_eq!(counted.loss(crossed), None);
        }
        let short = "100 bytes crossed, 99 were matched, 100 captured and 0 dropped";
        assert_eq!(counted(99, 100, 0).loss(120).as_deref(), Some(short));
        assert!(counted(100, 60, 39).loss(120).is_some());
        assert!(counted(121, 100, 0).loss(120).is_some(), "nobody sees what never crossed");
    }
}
