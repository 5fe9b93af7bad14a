//! What was overheard, as loot: every message of a segment or of one flow, with its provenance.
//!
//! The attacker's own calls are not loot and are left out.

use std::time::Duration;

use testbed::foothold::Sniffed;

use crate::{
    call,
    loot::{Haul, Item, Provenance, Secret, Step},
    parse::{conversation::Heard, reassemble::Flows, secrets::findings},
};

/// The secrets in something heard.
pub(super) fn secrets(heard: &Heard, step: Step, flow: Option<u64>, at: Option<Duration>) -> Vec<Item> {
    findings(heard)
        .into_iter()
        .map(|found| {
            let provenance = Provenance { step, flow, at, where_found: found.place };
            Item::Secret(Secret { kind: found.kind, value: found.value, user: found.user, provenance })
        })
        .collect()
}

/// Listens to a whole segment.
pub(super) struct Ears {
    step: Step,
    flows: Flows,
}

impl Ears {
    pub(super) fn new(step: Step) -> Self {
        Self { step, flows: Flows::default() }
    }

    /// Takes the secrets of a chunk and returns what was heard in it.
    pub(super) fn hear(&mut self, chunk: &Sniffed, haul: &mut Haul) -> Vec<Heard> {
        let heard = foreign(self.flows.hear(chunk));
        for one in &heard {
            self.take(one, chunk.flow.id, chunk.at, haul);
        }
        heard
    }

    /// Takes what is left in unfinished flows.
    pub(super) fn finish(mut self, haul: &mut Haul) {
        for (flow, at, heard) in self.flows.finish() {
            if !own(&heard) {
                self.take(&heard, flow, at, haul);
            }
        }
        haul.set_flows(self.flows.counts());
    }

    fn take(&self, heard: &Heard, flow: u64, at: Duration, haul: &mut Haul) {
        for item in secrets(heard, self.step, Some(flow), Some(at)) {
            haul.take(item);
        }
    }
}

fn foreign(heard: Vec<Heard>) -> Vec<Heard> {
    heard.into_iter().filter(|heard| !own(heard)).collect()
}

fn own(heard: &Heard) -> bool {
    match heard {
        Heard::Request(request) => call::is_own(&request.head),
        Heard::Response(_, request) => request.as_ref().is_some_and(|request| call::is_own(&request.head)),
        // Calls of the attacker's own are requests.
        Heard::Packet(_) => false,
    }
}
