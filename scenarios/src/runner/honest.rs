//! Honest work of the phases: schedules from the seed, intervals as events, rows at the end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use testbed::{
    ledger::Ledger,
    vocabulary::Phase,
    workload::{self, Bounds, Crowd, Meter, Operation, Pace, Plan, Weights, schedule},
};
use tokio_util::sync::CancellationToken;

use super::{
    RunError,
    emit::Emitter,
    pulse::{BEAT, Pulse},
};
use crate::{
    catalog::{Arrival, Extent, PhasePlan, Scenario},
    event::{Event, Interval},
    latency,
};

/// Operations in flight at most, per launch.
const IN_FLIGHT: usize = 512;
/// The longest an operation may take, and how long the last of a phase are awaited.
const PATIENCE: Duration = Duration::from_secs(10);
const STRAGGLERS: Duration = Duration::from_secs(3);
/// Logins most, for they carry passwords; a visit to the login page is rare, for it costs a login and two pages.
const WEIGHTS: Weights = Weights { login: 6, list: 6, create: 4, delete: 4, page: 1 };
/// Sessions and servers that are there before anything is measured.
const SESSIONS: usize = 2;
const SERVERS: usize = 3;
/// Phases of counted requests are for tests, where only verdicts matter: arrivals come this many times faster.
const HASTE: f64 = 5.0;

/// Honest users of one step.
pub(super) struct Honest {
    crowd: Crowd,
    plan: Plan,
    seed: u64,
}

/// What honest users did in one phase.
pub(super) struct Worked {
    pub(super) phase: Phase,
    /// What they could do.
    pub(super) operations: Vec<Operation>,
    pub(super) intervals: Vec<Interval>,
    /// Completions in tenths of a second.
    pub(super) beats: Vec<u32>,
    pub(super) began: tokio::time::Instant,
    pub(super) seconds: f64,
    pub(super) cpu: BTreeMap<String, Duration>,
    pub(super) dropped: u64,
    pub(super) in_flight: u64,
}

impl Worked {
    /// Words of the operations there were, for rows; `all` first.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> {
        ["all"].into_iter().chain(self.operations.iter().map(|operation| operation.word()))
    }

    /// What was completed before the phase was over; stragglers came too late for goodput.
    pub(super) fn in_time(&self) -> u64 {
        let beats = (self.seconds / BEAT.as_secs_f64()).round() as usize;
        self.beats.iter().take(beats).map(|beat| u64::from(*beat)).sum()
    }
}

/// A phase worked off, not counted yet.
pub(super) struct Arrived {
    operations: Vec<Operation>,
    meter: Arc<Meter>,
    beats: Vec<u32>,
    tally: workload::Tally,
    cpu: BTreeMap<String, Duration>,
    began: tokio::time::Instant,
    length: Duration,
}

/// A phase to work: where it belongs and what ends it early.
pub(super) struct Shift<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) architecture: &'a str,
    pub(super) phase: Phase,
    /// Tells schedules of one seed apart.
    pub(super) stream: u64,
    pub(super) extent: Extent,
    pub(super) stop: &'a CancellationToken,
}

impl Honest {
    /// Accounts for every phase, first sessions and servers.
    pub(super) async fn start(
        ledger: &mut Ledger,
        scenario: &Scenario,
        phases: &PhasePlan,
        seed: u64,
    ) -> Result<Self, RunError> {
        let bounds = Bounds { in_flight: IN_FLIGHT, patience: PATIENCE, stragglers: STRAGGLERS };
        let crowd = Crowd::start(ledger, bounds)?;
        ledger.add_clock(crowd.label(), crowd.thread_id());
        let counted = matches!(phases.attack, Extent::Requests(_));
        let rate = f64::from(scenario.workload.rate) * if counted { HASTE } else { 1.0 };
        let pace = match scenario.workload.arrival {
            Arrival::Poisson => Pace::Poisson(rate),
            Arrival::Constant => Pace::Constant(rate),
        };
        // Where there is no page, its share goes to the others.
        let weights = if crowd.visits_page() { WEIGHTS } else { Weights { page: 0, ..WEIGHTS } };
        let plan = Plan { pace, extent: workload::Extent::Count(0), weights };
        let extents = [phases.baseline, phases.attack, phases.recovery];
        let mut honest = Self { crowd, plan, seed };
        // A flood attacks and recovers twice.
        let rounds = if scenario.technique.is_flood() { 2 } else { 1 };
        let needed: usize = (0..rounds)
            .flat_map(|round| extents.iter().zip(round * 3..))
            .map(|(extent, stream)| workload::accounts_needed(&honest.arrivals(*extent, stream)))
            .sum();
        honest.crowd.enrol(needed + SESSIONS).await?;
        honest.crowd.warm_up(SESSIONS, SERVERS).await?;
        Ok(honest)
    }

    /// Works one phase off.
    pub(super) async fn arrive(&self, ledger: &Ledger, shift: &Shift<'_>) -> Result<Arrived, RunError> {
        let arrivals = self.arrivals(shift.extent, shift.stream);
        let meter = Arc::new(Meter::new().map_err(|error| RunError::Plan(error.to_string()))?);
        let before = ledger.cpu();
        let began = tokio::time::Instant::now();
        let pulse = Arc::new(Pulse::new(meter.clone()));
        let tally = self.crowd.work(arrivals, pulse.clone(), shift.stop.clone()).await?;
        let elapsed = began.elapsed();
        let length = match shift.extent {
            Extent::Lasting(length) if !tally.stopped => length,
            _ => elapsed,
        };
        let mut cpu = ledger.cpu();
        for (name, spent) in &mut cpu {
            *spent = spent.saturating_sub(before.get(name).copied().unwrap_or_default());
        }
        let operations = self.plan.weights.operations().collect();
        Ok(Arrived { operations, meter, beats: pulse.beats(), tally, cpu, began, length })
    }

    /// Ends their thread.
    pub(super) fn stop(self) -> Result<(), RunError> {
        Ok(self.crowd.stop()?)
    }

    fn arrivals(&self, extent: Extent, stream: u64) -> Vec<workload::Arrival> {
        let extent = match extent {
            Extent::Requests(count) => workload::Extent::Count(count as usize),
            Extent::Lasting(length) => workload::Extent::For(length),
        };
        schedule(&Plan { extent, ..self.plan }, self.seed, stream)
    }
}

/// What became of a phase, as intervals that are sent.
pub(super) fn count(shift: &Shift<'_>, arrived: Arrived, emitter: &mut Emitter) -> Worked {
    let Arrived { operations, meter, beats, tally, cpu, began, length } = arrived;
    let began_ms = emitter.ms(began);
    let intervals: Vec<Interval> = meter
        .take_intervals()
        .into_iter()
        .map(|interval| {
            let start = Duration::from_secs(interval.second);
            let until = (start + Duration::from_secs(1)).min(length);
            Interval {
                architecture: shift.architecture.to_owned(),
                scenario: shift.scenario.id.clone(),
                phase: shift.phase,
                operation: interval.operation.word().to_owned(),
                start_ms: began_ms + start.as_millis() as u64,
                length_ms: (until.saturating_sub(start).as_millis() as u64).max(1),
                offered: interval.counts.offered,
                completed: interval.counts.done,
                errors: interval.counts.failed + interval.counts.dropped,
                late: interval.counts.late,
                histogram: latency::encode(&interval.latencies),
            }
        })
        .collect();
    for interval in &intervals {
        emitter.send(Event::Interval(interval.clone()));
    }
    Worked {
        phase: shift.phase,
        operations,
        intervals,
        beats,
        began,
        seconds: length.as_secs_f64(),
        cpu,
        dropped: tally.dropped,
        in_flight: tally.in_flight,
    }
}
