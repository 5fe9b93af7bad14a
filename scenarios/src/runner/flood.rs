//! A flood: baseline, the decoy arm with its recovery, the victim arm with its recovery.
//!
//! It makes no cell. Both arms take the same generator, rate and sources; only the difference between their
//! rows is the architecture's. What the generator counts as completed is compared with what the flooded node
//! counts.

use std::{sync::Arc, time::Duration};

use testbed::{
    foothold::{Arm, FloodBounds, FloodKind, FloodTally, Footholds},
    vocabulary::Phase,
};

use super::{
    RunError,
    assault::Assault,
    honest::Worked,
    step::{self, Stage, Standing},
    validity,
};
use crate::{
    catalog::{Extent, Scenario, Technique},
    event::{Event, FloodInterval, Performance, ValidityFlag},
    latency::{Tally, recovery_ms},
};

/// Connections per second: a listener's queue (4,096) is never full of honest users' luck alone.
const CONNECT_RATE: u32 = 3_000;
/// Full handshakes per second: about half a core on each side.
const HANDSHAKE_RATE: u32 = 600;
/// Attempts in flight: far below the descriptors of a default machine (1,024 soft).
const IN_FLIGHT: usize = 128;
/// No flood lasts longer, whatever a file says.
const LONGEST: Duration = Duration::from_mins(1);

pub(super) async fn run(
    stage: &mut Stage<'_>,
    scenario: &Scenario,
    standing: &mut Standing,
) -> Result<(), RunError> {
    let kind = match scenario.technique {
        Technique::FloodHandshake => FloodKind::Handshake,
        _ => FloodKind::Connect,
    };
    if kind == FloodKind::Handshake && !standing.footholds.arms().is_some_and(|arms| arms.shakes_hands) {
        let text = format!("{} on {}: no front there shakes hands", scenario.id, standing.place.architecture);
        stage.emitter.send(Event::Note { text });
        return Ok(());
    }
    let baseline = stage.phase(standing, Phase::Baseline, 0, None).await?;
    let mut worked = Vec::new();
    for (arm, stream) in [(Arm::Decoy, 1), (Arm::Victim, 4)] {
        let (attacked, ended_ms) = flood(stage, standing, arm, kind, stream).await?;
        let recovery = stage.phase(standing, Phase::Recovery, stream + 1, None).await?;
        rows(stage, standing, arm, &baseline, [&attacked, &recovery], ended_ms)?;
        worked.extend([attacked, recovery]);
    }
    worked.push(baseline);
    standing.ledger.fabric.settle().await;
    for event in validity::performance(&worked, standing.ledger.fabric.stalls(), &standing.place)? {
        stage.emitter.send(event);
    }
    let taken = standing.ledger.captured().take();
    let captured =
        taken.flows.iter().flat_map(|flow| &flow.chunks).map(|chunk| chunk.bytes.len() as u64).sum();
    for event in validity::exposure(&standing.ledger, &taken.losses, captured, &standing.place) {
        stage.emitter.send(event);
    }
    Ok(())
}

/// Floods one arm while honest users go on.
async fn flood(
    stage: &mut Stage<'_>,
    standing: &mut Standing,
    arm: Arm,
    kind: FloodKind,
    stream: u64,
) -> Result<(Worked, u64), RunError> {
    let tally = Arc::new(FloodTally::default());
    let duration = match standing.phases.attack {
        Extent::Lasting(length) => length.min(LONGEST),
        Extent::Requests(_) => Duration::from_secs(1),
    };
    let rate = if kind == FloodKind::Connect { CONNECT_RATE } else { HANDSHAKE_RATE };
    let bounds = FloodBounds { rate, in_flight: IN_FLIGHT, duration };
    let counting = tally.clone();
    let grant = move |footholds: &Footholds, stop: &tokio_util::sync::CancellationToken| {
        footholds.grant_flood(arm, kind, bounds, counting, stop)
    };
    let technique = step::description(stage.scenario().technique)?;
    let before = visits(standing, arm);
    let stop = standing.tokens.attack.clone();
    let mut assault = Some(Assault::start(&standing.footholds, technique, grant, stop).await?);
    let worked = stage.phase(standing, Phase::Attack, stream, assault.as_mut()).await?;
    if let Some(assault) = assault {
        let stopped_early = standing.tokens.attack.is_cancelled();
        if stopped_early {
            step::withdraw(stage, standing, assault).await?;
        } else {
            // Its time is over by itself: attempts in flight end and are counted.
            assault.finish().await?;
        }
    }
    let ended_ms = stage.emitter.now_ms();
    standing.ledger.fabric.settle().await;
    report(stage, standing, arm, kind, &tally, before);
    Ok((worked, ended_ms))
}

/// What the flooded node itself counted of the flood: connections, handshakes.
fn visits(standing: &Standing, arm: Arm) -> (u64, u64) {
    let Some(arms) = standing.footholds.arms() else { return (0, 0) };
    let label = match arm {
        Arm::Victim => &arms.victim_label,
        Arm::Decoy => &arms.decoy_label,
    };
    let visits = standing.ledger.node(label).map(|node| node.tally().visits(Some(arms.party)));
    visits.map_or((0, 0), |visits| (visits.accepted, visits.handshakes))
}

fn report(
    stage: &mut Stage<'_>,
    standing: &Standing,
    arm: Arm,
    kind: FloodKind,
    tally: &FloodTally,
    before: (u64, u64),
) {
    let (started, completed, failed) = tally.read();
    let after = visits(standing, arm);
    let counted = match kind {
        FloodKind::Connect => after.0 - before.0,
        FloodKind::Handshake => after.1 - before.1,
    };
    let arm = word(arm).to_owned();
    let place = &standing.place;
    if counted != completed && !standing.tokens.attack.is_cancelled() {
        stage.emitter.send(Event::Invalid {
            flag: ValidityFlag::Performance,
            place: format!("{} on {}", place.scenario, place.architecture),
            reason: format!("the flood completed {completed} attempts, its {arm} counted {counted}"),
        });
    }
    stage.emitter.send(Event::Flood(FloodInterval {
        architecture: place.architecture.clone(),
        scenario: place.scenario.clone(),
        arm,
        kind: match kind {
            FloodKind::Connect => "connect".to_owned(),
            FloodKind::Handshake => "handshake".to_owned(),
        },
        started,
        completed,
        failed,
        counted,
    }));
}

/// The rows of one arm; the recovery row says how long goodput took to come back.
fn rows(
    stage: &mut Stage<'_>,
    standing: &Standing,
    arm: Arm,
    baseline: &Worked,
    after: [&Worked; 2],
    ended_ms: u64,
) -> Result<(), RunError> {
    let [under_attack, recovery] = after;
    let per_second = Tally::of(&baseline.intervals)?.completed as f64 / baseline.seconds;
    let came_back = recovery_ms(per_second, ended_ms, &recovery.intervals);
    for worked in [baseline, under_attack, recovery] {
        for row in step::rows(worked, &standing.place, word(arm))? {
            let last = worked.phase == Phase::Recovery && row.operation == "all";
            let recovery_ms = came_back.filter(|_| last);
            stage.emitter.send(Event::Performance(Performance { recovery_ms, ..row }));
        }
    }
    Ok(())
}

fn word(arm: Arm) -> &'static str {
    match arm {
        Arm::Victim => "victim",
        Arm::Decoy => "decoy",
    }
}
