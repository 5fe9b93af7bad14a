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
    foothold::Footholds,
    launch::{LaunchOptions, launch},
    ledger::Ledger,
    vocabulary::{Phase, Vantage},
};
use tokio::time::Instant;

use super::{
    Request, RunError,
    assault::Assault,
    captures::Captures,
    controls::{Controls, StepTokens},
    emit::Emitter,
    flood, gather,
    honest::{Honest, Shift, Worked, count, operations},
    judge::{self, Case},
    live::{Live, Place},
    plan::{Pair, Plan},
    validity,
};
use crate::{
    catalog::{Extent, PhasePlan, Scenario, Technique},
    event::{Cell, Event, Performance},
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
    let mut standing = stage.stand(&architecture, &scenario, phases, place).await?;
    let outcome = if scenario.technique.is_flood() {
        flood::run(&mut stage, &scenario, &mut standing).await
    } else {
        attack(&mut stage, &scenario, &mut standing).await
    };
    let Standing { ledger, honest, footholds, place, .. } = standing;
    stage.key_logs.push_str(&ledger.key_log.render());
    let stopped = honest.stop();
    drop(footholds);
    ledger.teardown()?;
    outcome?;
    stopped?;
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
            epoch: Some(self.emitter.started()),
            ..LaunchOptions::default()
        };
        let (footholds, mut ledger) = launch(architecture, options).await?;
        let Place { architecture, scenario: id } = place.clone();
        let launch_ms = ledger.launched_in.as_secs_f64() * 1e3;
        self.emitter.send(Event::Launched { architecture, scenario: id, launch_ms });
        let honest = Honest::start(&mut ledger, scenario, &phases, self.request.seed).await?;
        let live = Live::new(place.clone(), gather::readable(&ledger, scenario.vantage));
        Ok(Standing { ledger, footholds: Arc::new(footholds), honest, phases, tokens, place, live })
    }

    /// Works a phase, looking at the wires now and then.
    pub(super) async fn phase(
        &mut self,
        standing: &mut Standing,
        phase: Phase,
        stream: u64,
        assault: Option<&mut Assault>,
    ) -> Result<Worked, RunError> {
        let scenario = self.scenario().clone();
        let Place { architecture, scenario: id } = standing.place.clone();
        self.emitter.send(Event::PhaseStarted { architecture: architecture.clone(), scenario: id, phase });
        standing.ledger.fabric.set_phase(stream as u32 + 1);
        let extent = extent(&standing.phases, phase);
        let stop = &standing.tokens.step;
        let shift = Shift { scenario: &scenario, architecture: &architecture, phase, stream, extent, stop };
        let mut looks = tokio::time::interval(LOOK);
        let mut assault = assault;
        let (crowd, ledger, live) = (&standing.honest, &standing.ledger, &mut standing.live);
        let mut working = std::pin::pin!(crowd.arrive(ledger, &shift));
        let arrived = loop {
            tokio::select! {
                done = &mut working => break done?,
                _ = looks.tick() => {
                    live.look(ledger, self.emitter);
                    if let Some(assault) = assault.as_deref_mut() {
                        live.loot(&assault.fresh(), self.emitter);
                    }
                }
            }
        };
        let worked = count(&shift, arrived, self.emitter);
        standing.live.look(&standing.ledger, self.emitter);
        Ok(worked)
    }

    fn not_exercised(&mut self, scenario: &Scenario, architecture: &Architecture, why: &str) {
        for asset in &scenario.assets {
            let subject = Subject {
                architecture: architecture.name.clone(),
                scenario: scenario.id.clone(),
                vantage: scenario.vantage,
                asset: *asset,
                weakness: scenario.weakness.clone(),
            };
            let mut cell = Judgement::not_exercised(why).into_cell(subject, Vec::new());
            cell.expected = scenario.expected(&architecture.name, *asset);
            self.emitter.send(Event::Cell(cell));
        }
        self.emitter.send(Event::ScenarioEnded {
            architecture: architecture.name.clone(),
            scenario: scenario.id.clone(),
        });
    }
}

/// The rows of a phase.
pub(super) fn rows(worked: &Worked, place: &Place, arm: &str) -> Result<Vec<Performance>, RunError> {
    let cpu_us: BTreeMap<String, f64> =
        worked.cpu.iter().map(|(node, cpu)| (node.clone(), cpu.as_secs_f64() * 1e6)).collect();
    operations()
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
            let cpu_us = if operation == "all" { cpu_us.clone() } else { BTreeMap::new() };
            Ok(Tally::of(of)?.row(key, worked.seconds, &cpu_us))
        })
        .collect()
}

/// Baseline, attack, recovery; then the cells.
async fn attack(stage: &mut Stage<'_>, scenario: &Scenario, standing: &mut Standing) -> Result<(), RunError> {
    let baseline_began = standing.ledger.fabric.now();
    let baseline = stage.phase(standing, Phase::Baseline, 0, None).await?;
    let attack_began = standing.ledger.fabric.now();
    if scenario.technique == Technique::Escape {
        look_from_the_guest(stage, standing).await?;
    }
    let assault = Assault::start(
        &standing.footholds,
        description(scenario.technique)?,
        grant_at(scenario.vantage),
        standing.tokens.attack.clone(),
    )
    .await?;
    let mut assault = Some(assault);
    let attacked = stage.phase(standing, Phase::Attack, 1, assault.as_mut()).await?;
    // Everything honest users said is on the attacker's desk before its time is over.
    standing.ledger.fabric.settle().await;
    let loot = match assault {
        Some(assault) => withdraw(stage, standing, assault).await?,
        None => Loot::default(),
    };
    let attack = attack_began..standing.ledger.fabric.now();
    let recovery = stage.phase(standing, Phase::Recovery, 2, None).await?;
    standing.ledger.fabric.settle().await;
    let worked = [baseline, attacked, recovery];
    for shift in &worked {
        for row in rows(shift, &standing.place, "victim")? {
            stage.emitter.send(Event::Performance(row));
        }
    }
    for event in validity::performance(&worked, standing.ledger.fabric.stalls(), &standing.place)? {
        stage.emitter.send(event);
    }
    conclude(stage, scenario, standing, &loot, baseline_began..attack_began, attack)
}

/// Ends the technique; not one attack socket is left when this returns.
pub(super) async fn withdraw(
    stage: &mut Stage<'_>,
    standing: &mut Standing,
    assault: Assault,
) -> Result<Loot, RunError> {
    let asked = stage.controls.attack_stop_asked().unwrap_or_else(Instant::now);
    let (loot, last) = assault.end().await?;
    standing.live.loot(&last, stage.emitter);
    let Place { architecture, scenario } = standing.place.clone();
    let requested_ms = stage.emitter.ms(asked);
    stage.emitter.send(Event::AttackStopped { architecture, scenario, requested_ms });
    Ok(loot)
}

/// What the guest reaches before the break-out: the escape's own comparison.
async fn look_from_the_guest(stage: &mut Stage<'_>, standing: &mut Standing) -> Result<(), RunError> {
    let scan = technique::by_name("scan").ok_or_else(|| RunError::Plan("no technique `scan`".to_owned()))?;
    let grant = grant_at(Vantage::Guest);
    let assault =
        Assault::start(&standing.footholds, scan, grant, standing.tokens.attack.child_token()).await?;
    let (_, items) = assault.finish().await?;
    standing.live.loot(&items, stage.emitter);
    Ok(())
}

/// Facts, cells, capture, impacts.
fn conclude(
    stage: &mut Stage<'_>,
    scenario: &Scenario,
    standing: &Standing,
    loot: &Loot,
    baseline: Range<Duration>,
    attack: Range<Duration>,
) -> Result<(), RunError> {
    let ledger = &standing.ledger;
    let conversations = gather::conversations(ledger, &gather::readable(ledger, scenario.vantage));
    let cells: Vec<Cell> = Snapshot::of(stage.emitter.events()).cells;
    let controls = stage.plan.controls(stage.pair);
    let judged = Case {
        ledger,
        scenario,
        loot,
        conversations: &conversations,
        baseline,
        attack,
        controls: &controls,
        cells: &cells,
    }
    .cells();
    let comments = judge::comments(&judged);
    let taken = ledger.captured().take();
    let captured =
        taken.flows.iter().flat_map(|flow| &flow.chunks).map(|chunk| chunk.bytes.len() as u64).sum();
    for event in validity::exposure(ledger, &taken.losses, captured, &standing.place) {
        stage.emitter.send(event);
    }
    let frames = stage.captures.append(ledger, &taken, &comments, &ledger.key_log)?;
    for cell in judge::number(judged, ledger, &frames) {
        stage.emitter.send(Event::Cell(cell));
    }
    for impact in judge::impacts(ledger, scenario, loot) {
        stage.emitter.send(Event::Impact(impact));
    }
    Ok(())
}

/// The attacker's technique for what a scenario file names.
pub(super) fn description(technique: Technique) -> Result<&'static Description, RunError> {
    let name = match technique {
        Technique::Sniff => "sniff-and-replay",
        Technique::InPath => "impostor",
        Technique::Reach => "scan-clear",
        Technique::Escape => "escape",
        Technique::FloodConnect => "connect-flood",
        Technique::FloodHandshake => "handshake-flood",
    };
    technique::by_name(name).ok_or_else(|| RunError::Plan(format!("no technique `{name}`")))
}

fn grant_at(
    vantage: Vantage,
) -> impl FnOnce(
    &Footholds,
    &tokio_util::sync::CancellationToken,
) -> Result<testbed::foothold::Foothold, testbed::foothold::GrantError>
+ Send
+ 'static {
    move |footholds, stop| footholds.grant(vantage, stop)
}

fn extent(phases: &PhasePlan, phase: Phase) -> Extent {
    match phase {
        Phase::Baseline => phases.baseline,
        Phase::Attack => phases.attack,
        Phase::Recovery => phases.recovery,
    }
}
