//! A flood: baseline, the decoy arm with its recovery, the victim arm with its recovery.
//!
//! It makes no cell. Both arms take the same generator, rate and sources; only the difference between their
//! rows is the architecture's. What the generator counts as completed is compared with what the flooded node
//! counts.

use std::time::Duration;

use testbed::{
    foothold::{Arm, FloodBounds, FloodKind, Footholds},
    launch::arms::Arms,
    vocabulary::{Phase, Vantage},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    RunError,
    assault::Assault,
    deluge::{Deluge, word},
    honest::Worked,
    pulse::back_after,
    raid::Raid,
    step::{self, Stage, Standing},
    validity,
};
use crate::{
    catalog::{Extent, Scenario, Technique},
    event::{Event, Performance, ValidityFlag},
    latency::Tally,
};

/// Connections per second: a listener's queue (4,096) is never full of honest users' luck alone.
const CONNECT_RATE: u32 = 3_000;
/// Full handshakes per second: about half a core on each side.
const HANDSHAKE_RATE: u32 = 600;
/// Attempts in flight: far below the descriptors of a default machine (1,024 soft).
const IN_FLIGHT: usize = 128;
/// Descriptors a flood may take: both ends of every attempt and of the upstream connection it causes, beside
/// everything else that is open.
pub const DESCRIPTORS: u64 = 4 * IN_FLIGHT as u64 + 256;
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
    let Some(arms) = standing.footholds.arms().cloned() else { return Ok(()) };
    if kind == FloodKind::Handshake && !arms.shakes_hands {
        let text = format!("{} on {}: no front there shakes hands", scenario.id, standing.place.architecture);
        stage.emitter.send(Event::Note { text });
        return Ok(());
    }
    if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current
        && limit < DESCRIPTORS
    {
        let reason = format!("a flood needs {DESCRIPTORS} descriptors, this process may open {limit}");
        stage.emitter.send(invalid(standing, reason));
        return Ok(());
    }
    let baseline = stage.phase(standing, Phase::Baseline, 0, &mut Raid::default()).await?;
    let mut worked = Vec::new();
    for (arm, stream) in [(Arm::Decoy, 1), (Arm::Victim, 4)] {
        if standing.tokens.attack.is_cancelled() {
            // Rows of a flood that was called off would be an attack's in name only.
            stage.emitter.send(invalid(standing, format!("the flood of the {} was called off", word(arm))));
            continue;
        }
        let (attacked, ended) = flood(stage, standing, &arms, (arm, kind), stream).await?;
        let recovery = stage.phase(standing, Phase::Recovery, stream + 1, &mut Raid::default()).await?;
        rows(stage, standing, arm, &baseline, [&attacked, &recovery], ended)?;
        worked.extend([attacked, recovery]);
    }
    worked.push(baseline);
    let settled = validity::settled(&standing.ledger).await?;
    for event in validity::performance(&worked, &standing.strain(), &standing.place)? {
        stage.emitter.send(event);
    }
    let taken = standing.ledger.captured().take();
    for event in validity::exposure(&standing.ledger, settled, &taken, &standing.place) {
        stage.emitter.send(event);
    }
    Ok(())
}

/// Floods one arm while honest users go on.
async fn flood(
    stage: &mut Stage<'_>,
    standing: &mut Standing,
    arms: &Arms,
    (arm, kind): (Arm, FloodKind),
    stream: u64,
) -> Result<(Worked, Instant), RunError> {
    let duration = match standing.phases.attack {
        Extent::Lasting(length) => length.min(LONGEST),
        Extent::Requests(_) => Duration::from_secs(1),
    };
    let rate = if kind == FloodKind::Connect { CONNECT_RATE } else { HANDSHAKE_RATE };
    let bounds = FloodBounds { rate, in_flight: IN_FLIGHT, duration };
    let deluge = Deluge::new(arm, kind, arms.clone(), &standing.ledger);
    let counting = deluge.tally().clone();
    let grant = move |footholds: &Footholds, stop: &CancellationToken| {
        footholds.grant_flood(arm, kind, bounds, counting, stop)
    };
    let technique = step::description(step::technique_name(stage.scenario().technique))?;
    let (footholds, stop) = (&standing.footholds, standing.tokens.attack.clone());
    let assault = Assault::start(footholds, technique, Vantage::PublicSniffer, grant, stop).await?;
    let mut raid = Raid::flooding(assault, deluge);
    let worked = stage.phase(standing, Phase::Attack, stream, &mut raid).await?;
    // Its time is over by itself: attempts in flight end and are counted.
    raid.finish(&mut stage.desk(standing)).await?;
    standing.ledger.fabric.settle().await?;
    let ended = raid.over().unwrap_or_else(Instant::now);
    let Some(mut deluge) = raid.deluge() else { return Ok((worked, ended)) };
    deluge.tell(&standing.ledger, &standing.place, stage.emitter);
    compare(stage, standing, &deluge, word(arm));
    Ok((worked, ended))
}

/// Both sides of a flood must have counted the same.
fn compare(stage: &mut Stage<'_>, standing: &Standing, deluge: &Deluge, arm: &str) {
    let total = deluge.counts(&standing.ledger);
    if standing.tokens.attack.is_cancelled() {
        stage.emitter.send(invalid(standing, format!("the flood of the {arm} was cut short")));
    } else if let Some(counted) = total.counted.filter(|counted| *counted != total.completed) {
        let completed = total.completed;
        let reason = format!("the flood completed {completed} attempts, its {arm} counted {counted}");
        stage.emitter.send(invalid(standing, reason));
    }
}

fn invalid(standing: &Standing, reason: String) -> Event {
    let place = format!("{} on {}", standing.place.scenario, standing.place.architecture);
    Event::Invalid { flag: ValidityFlag::Performance, place, reason }
}

/// The rows of one arm; the recovery row says how long goodput took to come back.
fn rows(
    stage: &mut Stage<'_>,
    standing: &Standing,
    arm: Arm,
    baseline: &Worked,
    after: [&Worked; 2],
    ended: Instant,
) -> Result<(), RunError> {
    let [under_attack, recovery] = after;
    let per_second = Tally::of(&baseline.intervals)?.completed as f64 / baseline.seconds;
    // Nothing was asked between the end of the flood and the first arrival of the recovery: it counts as
    // outage, so the figure is an upper bound.
    let gap = recovery.began.saturating_duration_since(ended);
    let came_back = back_after(&recovery.beats, per_second).map(|after| (gap + after).as_millis() as u64);
    for worked in [baseline, under_attack, recovery] {
        for row in step::rows(worked, &standing.place, word(arm))? {
            let last = worked.phase == Phase::Recovery && row.operation == "all";
            let recovery_ms = came_back.filter(|_| last);
            stage.emitter.send(Event::Performance(Performance { recovery_ms, ..row }));
        }
    }
    Ok(())
}
