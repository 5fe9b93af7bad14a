//! What makes a flag of the run false: strangers, lost captures, honest work that does not add up.

use testbed::{capture::Losses, ledger::Ledger};

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

/// Exposure: nobody from outside, nothing lost.
pub(super) fn exposure(ledger: &Ledger, losses: &Losses, captured: u64, place: &Place) -> Vec<Event> {
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
    // Three counts made apart: on the victims' threads, by the matcher, by the capture.
    let (tapped, matched) = (ledger.fabric.tapped(), ledger.found().bytes);
    if tapped != matched || captured + dropped != tapped {
        reasons.push(format!(
            "{tapped} bytes crossed, {matched} were matched, {captured} captured and {dropped} dropped"
        ));
    }
    reasons.into_iter().map(|reason| invalid(ValidityFlag::Exposure, place, reason)).collect()
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
