//! One scenario on one architecture: launch, baseline, attack, recovery, judgement, teardown.
//!
//! The step's threads (nodes, honest users, attacker) are joined before it returns, whatever happened.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use attacker::{
    loot::Loot,
    technique::{self, Description},
};
use testbed::{
    architecture::Architecture,
    custody::Bounds,
    foothold::{Footholds, hosts::taken},
    launch::{LaunchError, LaunchOptions, launch},
    ledger::Ledger,
    vocabulary::{Asset, Phase, Vantage},
};
use tokio_util::sync::CancellationToken;

use super::{
    Request, RunError,
    assault::Assault,
    captures::Captures,
    controls::{Controls, StepTokens},
    emit::Emitter,
    flood, gather,
    honest::{Honest, Shift, Worked, count},
    judge::{self, Case},
    live::{Live, Place},
    looks::{Looks, Watch},
    memory::Memory,
    plan::{Pair, Plan},
    raid::{Desk, Raid},
    validity::{self, Strain},
};
use crate::{
    catalog::{Extent, PhasePlan, Scenario, Technique},
    event::{Cell, Event, Performance, Verdict},
    host::Ticks,
    latency::{RowKey, Tally},
    snapshot::Snapshot,
    verdict::{Judgement, Subject},
};

/// How often a running phase is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What a step works with.
pub(super) struct Stage<'a> {
    pub(super) request: &'a Request,
    pub(super) plan: &'a Plan,
    pub(super) pair: Pair,
    pub(super) controls: &'a Controls,
    pub(super) emitter: &'a mut Emitter,
    pub(super) captures: &'a mut Captures,
    pub(super) key_logs: &'a mut String,
}

/// A launched step.
pub(super) struct Standing {
    pub(super) ledger: Ledger,
    pub(super) footholds: Arc<Footholds>,
    pub(super) honest: Honest,
    pub(super) phases: PhasePlan,
    pub(super) tokens: StepTokens,
    pub(super) place: Place,
    pub(super) live: Live,
    /// What memory of programs of their own showed.
    looks: Looks,
    began: Ticks,
}

impl Standing {
    /// What may have shaped its figures from outside, so far.
    pub(super) fn strain(&self) -> Strain {
        Strain { stalls: self.ledger.fabric.stalls(), stolen: Ticks::now().stolen_since(self.began) }
    }
}

/// Runs a pair to its end.
pub(super) async fn run(mut stage: Stage<'_>) -> Result<(), RunError> {
    let scenario = stage.scenario().clone();
    let architecture = stage.plan.architectures[stage.pair.architecture].clone();
    let place = Place { architecture: architecture.name.clone(), scenario: scenario.id.clone() };
    let Some(phases) = scenario.phases(stage.request.profile) else { return Ok(()) };
    let architecture = match &scenario.weakness {
        None => architecture,
        Some(weakness) => match architecture.with_weakness(weakness) {
            Ok(weak) => weak,
            Err(missing) => {
                stage.not_exercised(&scenario, &architecture, &missing.to_string());
                return Ok(());
            }
        },
    };
    if let Err(nowhere) = taken(&architecture, scenario.vantage) {
        stage.not_exercised(&scenario, &architecture, &nowhere.to_string());
        return Ok(());
    }
    let mut standing = match stage.stand(&architecture, &scenario, phases, place).await {
        Err(RunError::Launch(LaunchError::Engine(error))) if error.is_unable() => {
            // What another program cannot do deviates from nothing, and says it in plain words.
            stage.unasked(&scenario, &architecture, &error.to_string(), |_| None);
            stage.ended(&scenario, &architecture);
            return Ok(());
        }
        standing => standing?,
    };
    let outcome = if let Some(why) = standing.footholds.unable(scenario.vantage) {
        // What this machine cannot show deviates from nothing.
        stage.unasked(&scenario, &architecture, &why, |_| None);
        Ok(())
    } else if scenario.technique.is_flood() {
        flood::run(&mut stage, &scenario, &mut standing).await
    } else {
        attack(&mut stage, &scenario, &mut standing).await
    };
    let Standing { ledger, honest, footholds, place, .. } = standing;
    stage.key_logs.push_str(&ledger.key_log.render());
    let stopped = honest.stop();
    drop(footholds);
    let torn_down = ledger.teardown();
    // The first failure is the one that tells.
    outcome?;
    stopped?;
    torn_down?;
    let Place { architecture, scenario } = place;
    stage.emitter.send(Event::ScenarioEnded { architecture, scenario });
    Ok(())
}

impl Stage<'_> {
    pub(super) fn scenario(&self) -> &Scenario {
        &self.plan.scenarios[self.pair.scenario]
    }

    async fn stand(
        &mut self,
        architecture: &Architecture,
        scenario: &Scenario,
        phases: PhasePlan,
        place: Place,
    ) -> Result<Standing, RunError> {
        let tokens = self.controls.new_step();
        let options = LaunchOptions {
            seed: self.request.seed,
            realisation: self.request.realisation,
            bystander: scenario.technique.is_flood(),
            ballast: self.request.ballast,
            custody: (scenario.technique == Technique::SearchMemory).then(Bounds::default),
            helper: self.request.helper.clone(),
            key_mode: self.request.key_mode,
            epoch: Some(self.emitter.started()),
            ..LaunchOptions::default()
        };
        let (footholds, mut ledger) = launch(architecture, options).await?;
        let Place { architecture, scenario: id } = place.clone();
        let launch_ms = ledger.launched_in.as_secs_f64() * 1e3;
        self.emitter.send(Event::Launched { architecture, scenario: id, launch_ms });
        let honest = Honest::start(&mut ledger, scenario, &phases, self.request.seed).await?;
        let live = Live::new(place.clone(), gather::readable(&ledger, scenario.vantage));
        let (footholds, began) = (Arc::new(footholds), Ticks::now());
        let looks = Looks::default();
        Ok(Standing { ledger, footholds, honest, phases, tokens, place, live, looks, began })
    }

    /// Works a phase, looking at the wires now and then.
    pub(super) async fn phase(
        &mut self,
        standing: &mut Standing,
        phase: Phase,
        stream: u64,
        raid: &mut Raid,
    ) -> Result<Worked, RunError> {
        let scenario = self.scenario().clone();
        let Place { architecture, scenario: id } = standing.place.clone();
        self.emitter.send(Event::PhaseStarted { architecture: architecture.clone(), scenario: id, phase });
        standing.ledger.fabric.set_phase(stream as u32 + 1);
        let extent = extent(&standing.phases, phase);
        let stop = &standing.tokens.step;
        let shift = Shift { scenario: &scenario, architecture: &architecture, phase, stream, extent, stop };
        let mut looks = tokio::time::interval(LOOK);
        let called_off = &standing.tokens.attack;
        let (crowd, ledger) = (&standing.honest, &standing.ledger);
        let mut desk =
            Desk { ledger, live: &mut standing.live, controls: self.controls, emitter: &mut *self.emitter };
        // A phase is not over before every service's login was put to the question, however few users there were.
        let renewing = stop.run_until_cancelled(ledger.renew_logins());
        let mut working = std::pin::pin!(async { tokio::join!(renewing, crowd.arrive(ledger, &shift)).1 });
        let arrived = loop {
            tokio::select! {
                done = &mut working => break done?,
                // Honest users go on.
                () = called_off.cancelled(), if raid.is_under_way() => raid.withdraw(&mut desk).await?,
                _ = looks.tick() => {
                    desk.live.look(ledger, desk.emitter);
                    raid.look(&mut desk);
                }
            }
        };
        let worked = count(&shift, arrived, self.emitter);
        standing.live.look(&standing.ledger, self.emitter);
        Ok(worked)
    }

    /// Where a raid's facts go in this step.
    pub(super) fn desk<'d>(&'d mut self, standing: &'d mut Standing) -> Desk<'d> {
        Desk {
            ledger: &standing.ledger,
            live: &mut standing.live,
            controls: self.controls,
            emitter: &mut *self.emitter,
        }
    }

    fn not_exercised(&mut self, scenario: &Scenario, architecture: &Architecture, why: &str) {
        self.unasked(scenario, architecture, why, |asset| scenario.expected(&architecture.name, asset));
        self.ended(scenario, architecture);
    }

    fn ended(&mut self, scenario: &Scenario, architecture: &Architecture) {
        self.emitter.send(Event::ScenarioEnded {
            architecture: architecture.name.clone(),
            scenario: scenario.id.clone(),
        });
    }

    /// A cell for every asset, without having asked.
    fn unasked(
        &mut self,
        scenario: &Scenario,
        architecture: &Architecture,
        why: &str,
        expected: impl Fn(Asset) -> Option<Verdict>,
    ) {
        for asset in &scenario.assets {
            let subject = Subject {
                architecture: architecture.name.clone(),
                scenario: scenario.id.clone(),
                vantage: scenario.vantage,
                asset: *asset,
                weakness: scenario.weakness.clone(),
            };
            let mut cell = Judgement::not_exercised(why).into_cell(subject, Vec::new());
            cell.expected = expected(*asset);
            self.emitter.send(Event::Cell(cell));
        }
    }
}

/// The rows of a phase.
pub(super) fn rows(worked: &Worked, place: &Place, arm: &str) -> Result<Vec<Performance>, RunError> {
    let cpu_us: BTreeMap<String, f64> =
        worked.cpu.iter().map(|(node, cpu)| (node.clone(), cpu.as_secs_f64() * 1e6)).collect();
    worked
        .words()
        .map(|operation| {
            let of = worked
                .intervals
                .iter()
                .filter(|interval| operation == "all" || interval.operation == operation);
            let key = RowKey {
                architecture: place.architecture.clone(),
                scenario: place.scenario.clone(),
                arm: arm.to_owned(),
                phase: worked.phase,
                operation: operation.to_owned(),
            };
            let all = operation == "all";
            let cpu_us = if all { cpu_us.clone() } else { BTreeMap::new() };
            let row = Tally::of(of)?.row(key, worked.seconds, &cpu_us);
            Ok(Performance { in_time: all.then_some(worked.in_time()), ..row })
        })
        .collect()
}

/// Baseline, attack, recovery; then the cells.
async fn attack(stage: &mut Stage<'_>, scenario: &Scenario, standing: &mut Standing) -> Result<(), RunError> {
    let baseline_began = standing.ledger.fabric.now();
    let baseline = stage.phase(standing, Phase::Baseline, 0, &mut Raid::default()).await?;
    let attack_began = standing.ledger.fabric.now();
    if scenario.technique == Technique::Escape {
        let mut raid = set_out(stage, standing, "scan", Vantage::Guest).await?;
        raid.finish(&mut stage.desk(standing)).await?;
    }
    let technique = technique_name(scenario.technique);
    let mut raid = set_out(stage, standing, technique, scenario.vantage).await?;
    let mut watch = match scenario.technique {
        Technique::SearchMemory => Watch::start(&standing.ledger, scenario.vantage)?,
        _ => Watch::default(),
    };
    let attacked = stage.phase(standing, Phase::Attack, 1, &mut raid).await?;
    standing.looks = watch.finish();
    // Everything honest users said is on the attacker's desk before its time is over.
    standing.ledger.fabric.settle().await?;
    if scenario.technique.ends_by_itself() {
        raid.finish(&mut stage.desk(standing)).await?;
    }
    raid.withdraw(&mut stage.desk(standing)).await?;
    let (loot, over) = raid.outcome();
    let attack_ended =
        over.map_or_else(|| standing.ledger.fabric.now(), |over| over - standing.ledger.fabric.started());
    let owners =
        if scenario.technique.tries_as_owners() { as_owners(standing, technique).await? } else { None };
    let home = Home { loot, owners };
    let recovery = stage.phase(standing, Phase::Recovery, 2, &mut Raid::default()).await?;
    let settled = validity::settled(&standing.ledger).await?;
    let worked = [baseline, attacked, recovery];
    for shift in &worked {
        for row in rows(shift, &standing.place, "victim")? {
            stage.emitter.send(Event::Performance(row));
        }
    }
    for event in validity::performance(&worked, &standing.strain(), &standing.place)? {
        stage.emitter.send(event);
    }
    let times = [baseline_began..attack_began, attack_began..attack_ended];
    conclude(stage, scenario, standing, &home, times, settled)
}

/// What came home.
struct Home {
    loot: Loot,
    /// The same technique with the rights of the owners of what it tried.
    owners: Option<Loot>,
}

/// The positive control: the same technique once more, with the rights of the owners. It is no attack, and shown
/// nowhere but in the cells it supports.
async fn as_owners(standing: &Standing, technique: &str) -> Result<Option<Loot>, RunError> {
    let stop = standing.tokens.attack.clone();
    if stop.is_cancelled() {
        return Ok(None);
    }
    let grant = |footholds: &Footholds, stop: &CancellationToken| footholds.grant_as_owners(stop);
    let vantage = Vantage::ApiHostNeighbour;
    let control = Assault::start(&standing.footholds, description(technique)?, vantage, grant, stop).await?;
    Ok(Some(control.finish().await?.0))
}

/// Starts a technique; one that was called off before it began does not begin.
async fn set_out(
    stage: &mut Stage<'_>,
    standing: &Standing,
    technique: &str,
    vantage: Vantage,
) -> Result<Raid, RunError> {
    if standing.tokens.attack.is_cancelled() {
        let Place { architecture, scenario } = &standing.place;
        let text = format!("{scenario} on {architecture}: `{technique}` was called off before it began");
        stage.emitter.send(Event::Note { text });
        return Ok(Raid::default());
    }
    let stop = standing.tokens.attack.clone();
    let grant = move |footholds: &Footholds, stop: &CancellationToken| footholds.grant(vantage, stop);
    let (footholds, technique) = (&standing.footholds, description(technique)?);
    Ok(Raid::of(Assault::start(footholds, technique, vantage, grant, stop).await?))
}

/// Facts, cells, capture, impacts.
fn conclude(
    stage: &mut Stage<'_>,
    scenario: &Scenario,
    standing: &mut Standing,
    home: &Home,
    [baseline, attack]: [Range<Duration>; 2],
    settled: u64,
) -> Result<(), RunError> {
    let ledger = &standing.ledger;
    let segments = gather::readable(ledger, scenario.vantage);
    let conversations = gather::conversations(ledger, &segments);
    let onward = gather::onward(ledger, &segments, attack.end);
    let memory = Memory::search(ledger, scenario.vantage, std::mem::take(&mut standing.looks));
    let cells: Vec<Cell> = Snapshot::of(stage.emitter.events()).cells;
    let controls = stage.plan.controls(stage.pair);
    let judged = Case {
        ledger,
        scenario,
        loot: &home.loot,
        owners: home.owners.as_ref(),
        segments: &segments,
        conversations: &conversations,
        onward: &onward,
        memory: &memory,
        baseline,
        attack,
        controls: &controls,
        cells: &cells,
        cut_short: stage.controls.attack_stop_asked().is_some(),
    }
    .cells();
    let comments = judge::comments(&judged);
    let taken = ledger.captured().take();
    for event in validity::exposure(ledger, settled, &taken, &standing.place) {
        stage.emitter.send(event);
    }
    let frames = stage.captures.append(ledger, &taken, &comments, &ledger.key_log)?;
    for cell in judge::number(judged, ledger, &frames) {
        stage.emitter.send(Event::Cell(cell));
    }
    for impact in judge::impacts(ledger, scenario, &home.loot) {
        stage.emitter.send(Event::Impact(impact));
    }
    Ok(())
}

/// The name of the attacker's technique for what a scenario file names.
pub(super) fn technique_name(technique: Technique) -> &'static str {
    match technique {
        Technique::Sniff => "sniff-and-replay",
        Technique::InPath => "impostor",
        Technique::Reach => "scan-clear",
        Technique::Escape => "escape",
        Technique::SearchMemory => "search-memory",
        Technique::NeighbourConnect => "neighbour-connect",
        Technique::NeighbourKey => "neighbour-key",
        Technique::FloodConnect => "connect-flood",
        Technique::FloodHandshake => "handshake-flood",
    }
}

/// A technique by its name.
pub(super) fn description(name: &str) -> Result<&'static Description, RunError> {
    technique::by_name(name).ok_or_else(|| RunError::Plan(format!("no technique `{name}`")))
}

fn extent(phases: &PhasePlan, phase: Phase) -> Extent {
    match phase {
        Phase::Baseline => phases.baseline,
        Phase::Attack => phases.attack,
        Phase::Recovery => phases.recovery,
    }
}
