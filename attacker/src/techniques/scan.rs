//! Ask every target a position can name whether it talks to strangers (T1046).
//!
//! A full protocol exchange, never a bare connect: first HTTP in clear, then, where that was not answered
//! as HTTP, HTTP over TLS without verifying anything. A few targets are asked at the same time; the tasks
//! belong to a set that ends with the scan, or with its stop.

use testbed::foothold::{Answer, AttackerTls, Foothold, Reach, Target};
use tokio::task::JoinSet;

use crate::{
    attack_ids::SERVICE_DISCOVERY,
    call::{self, Call},
    loot::{Attempt, Channel, Haul, Item, LootSink, Provenance, Step},
    technique::{Description, Family, Need, Running, Technique},
};

/// The scan that takes TLS for an answer too.
pub const DESCRIPTION: Description = Description {
    name: "scan",
    attack_id: SERVICE_DISCOVERY,
    further_ids: &[],
    family: Family::Escape,
    summary: "ask every target, in clear and over TLS, whether it serves strangers",
    needs: &[Need::Reach, Need::Tls],
    prepare: |sink| Box::new(Scan::new(sink, Accepts::Any)),
};

/// The scan for clear ports alone.
pub const CLEAR_DESCRIPTION: Description = Description {
    name: "scan-clear",
    attack_id: SERVICE_DISCOVERY,
    further_ids: &[],
    family: Family::Escape,
    summary: "ask every target in clear whether it serves strangers",
    needs: &[Need::Reach],
    prepare: |sink| Box::new(Scan::new(sink, Accepts::ClearOnly)),
};

/// Targets asked at the same time.
const AT_ONCE: usize = 8;

/// What counts as served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// In clear, or over TLS.
    Any,
    /// In clear; TLS is not tried.
    ClearOnly,
}

/// The technique.
pub struct Scan {
    sink: LootSink,
    accepts: Accepts,
}

impl Scan {
    /// Shows its attempts to a sink as they are answered.
    pub fn new(sink: LootSink, accepts: Accepts) -> Self {
        Self { sink, accepts }
    }
}

impl Technique for Scan {
    fn run(self: Box<Self>, foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let technique = match self.accepts {
                Accepts::Any => DESCRIPTION.name,
                Accepts::ClearOnly => CLEAR_DESCRIPTION.name,
            };
            let sweep = sweep(technique, &foothold, self.accepts, &mut haul);
            foothold.stop().run_until_cancelled(sweep).await;
            haul.into_loot()
        })
    }
}

/// Asks every target, and returns those that served in clear, in the position's order.
pub(super) async fn sweep(
    technique: &'static str,
    foothold: &Foothold,
    accepts: Accepts,
    haul: &mut Haul,
) -> Vec<Target> {
    let step = Step { technique, attack_id: SERVICE_DISCOVERY };
    let Some(reach) = haul.granted(step, foothold.reach()) else { return Vec::new() };
    let tls = match accepts {
        Accepts::ClearOnly => None,
        Accepts::Any => haul.granted(step, foothold.tls()),
    };
    let targets = reach.targets();
    let mut waiting = targets.iter().cloned();
    let mut asking = JoinSet::new();
    let mut clear = Vec::new();
    loop {
        while asking.len() < AT_ONCE {
            let Some(target) = waiting.next() else { break };
            asking.spawn(ask(step, reach.clone(), tls.clone(), target));
        }
        let Some(asked) = asking.join_next().await else { break };
        for attempt in asked.unwrap_or_else(super::rethrow) {
            if attempt.served && attempt.channel == Channel::Clear {
                clear.push(attempt.target);
            }
            haul.take(Item::Attempt(attempt));
        }
    }
    targets.into_iter().filter(|target| clear.contains(&target.id)).collect()
}

async fn ask(step: Step, reach: Reach, tls: Option<AttackerTls>, target: Target) -> Vec<Attempt> {
    let in_clear = attempt(step, &reach, None, &target).await;
    let try_tls = match in_clear.answer {
        Answer::Alert(_) | Answer::Bytes(_) | Answer::Closed | Answer::Silence | Answer::Error(_) => tls,
        Answer::Http(_) | Answer::NoRoute | Answer::Refused | Answer::Denied(_) => None,
    };
    let mut attempts = vec![in_clear];
    if let Some(tls) = try_tls {
        attempts.push(attempt(step, &reach, Some(&tls), &target).await);
    }
    attempts
}

async fn attempt(step: Step, reach: &Reach, tls: Option<&AttackerTls>, target: &Target) -> Attempt {
    let channel = if tls.is_some() { Channel::Tls } else { Channel::Clear };
    let call = Call { method: "GET", path: "/", token: None };
    let reply = call::call(reach, tls, target, call).await;
    Attempt {
        target: target.id,
        label: target.label.clone(),
        attempt: call.line(channel),
        channel,
        served: reply.served(),
        answer: reply.answer,
        provenance: Provenance { step, flow: None, at: None, where_found: call.line(channel) },
    }
}
