//! Many flows at once: chunks of a segment, sorted back into the conversations they belong to.
//!
//! The number of flows is bounded; the one silent for longest makes room for a new one. A flow may begin
//! anywhere: see [`super::reader`].

use std::{collections::HashMap, time::Duration};

use testbed::{foothold::Sniffed, vocabulary::Direction};

use super::conversation::{Conversation, Heard, Speech};
use crate::loot::FlowCounts;

/// Flows followed at the same time.
const MAX_FLOWS: usize = 1024;

/// Every flow of a segment that is being followed.
#[derive(Debug, Default)]
pub struct Flows {
    open: HashMap<u64, Flow>,
    counts: FlowCounts,
}

#[derive(Debug, Default)]
struct Flow {
    conversation: Conversation,
    heard_at: Duration,
    counted: bool,
}

impl Flows {
    /// What a chunk completes.
    pub fn hear(&mut self, chunk: &Sniffed) -> Vec<Heard> {
        let id = chunk.flow.id;
        if chunk.end && !self.open.contains_key(&id) {
            return Vec::new();
        }
        let mut heard = self.hear_bytes(id, chunk.direction, chunk.at, &chunk.bytes);
        if chunk.end
            && let Some(mut flow) = self.open.remove(&id)
        {
            heard.extend(flow.conversation.finish());
        }
        heard
    }

    /// What the next bytes of one direction of a flow complete.
    pub fn hear_bytes(&mut self, id: u64, direction: Direction, at: Duration, bytes: &[u8]) -> Vec<Heard> {
        if self.open.len() >= MAX_FLOWS && !self.open.contains_key(&id) {
            self.forget_the_most_silent();
        }
        let flow = self.open.entry(id).or_default();
        flow.heard_at = at;
        let heard = flow.conversation.hear(direction, bytes);
        flow.count(&mut self.counts);
        heard
    }

    /// Nothing more will be heard: what is under way in each flow, with the flow and when it last spoke.
    pub fn finish(&mut self) -> Vec<(u64, Duration, Heard)> {
        let mut open: Vec<(u64, Flow)> = self.open.drain().collect();
        open.sort_by_key(|(id, _)| *id);
        let rest = |(id, mut flow): (u64, Flow)| {
            let at = flow.heard_at;
            flow.conversation.finish().into_iter().map(move |heard| (id, at, heard)).collect::<Vec<_>>()
        };
        open.into_iter().flat_map(rest).collect()
    }

    /// Flows heard so far, by what they speak.
    pub fn counts(&self) -> FlowCounts {
        self.counts
    }

    fn forget_the_most_silent(&mut self) {
        let silent = self.open.iter().min_by_key(|(id, flow)| (flow.heard_at, **id)).map(|(id, _)| *id);
        if let Some(id) = silent {
            self.open.remove(&id);
        }
    }
}

impl Flow {
    fn count(&mut self, counts: &mut FlowCounts) {
        if self.counted {
            return;
        }
        match self.conversation.speech() {
            Speech::Unknown => return,
            Speech::Tls => counts.tls += 1,
            Speech::Clear | Speech::Switched => counts.clear += 1,
        }
        self.counted = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use testbed::foothold::{FlowView, Target, TargetId};

    use super::*;

    fn chunk(flow: u64, bytes: &'static [u8]) -> Sniffed {
        let to = Target {
            id: TargetId::for_test(1),
            label: "api-1/identity".into(),
            server_name: "identity.test".into(),
        };
        Sniffed {
            flow: Arc::new(FlowView { id: flow, from: "client".into(), to }),
            direction: Direction::ToAcceptor,
            at: Duration::from_millis(flow),
            bytes: Bytes::from_static(bytes),
            end: bytes.is_empty(),
        }
    }

    #[test]
    fn interleaved_flows_are_told_apart_and_counted_once() {
        let mut flows = Flows::default();
        assert_eq!(flows.hear(&chunk(1, b"GET /one")).len(), 0);
        assert_eq!(flows.hear(&chunk(2, b"GET /two HTTP/1.1\r\n\r\n")).len(), 1);
        assert_eq!(flows.hear(&chunk(3, b"\x16\x03\x01")).len(), 0);
        assert_eq!(flows.hear(&chunk(1, b" HTTP/1.1\r\n\r\n")).len(), 1);
        assert_eq!(flows.counts(), FlowCounts { clear: 2, tls: 1 });
    }

    #[test]
    fn the_end_of_a_flow_yields_what_was_under_way_and_forgets_it() {
        let mut flows = Flows::default();
        flows.hear(&chunk(1, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"));
        assert_eq!(flows.hear(&chunk(1, b"")).len(), 1);
        assert!(flows.open.is_empty());
        assert_eq!(flows.hear(&chunk(1, b"")).len(), 0);
        assert!(flows.open.is_empty());
    }

    #[test]
    fn the_most_silent_flow_makes_room() {
        let mut flows = Flows::default();
        for id in 0..=MAX_FLOWS as u64 {
            flows.hear(&chunk(id, b"GET /"));
        }
        assert_eq!(flows.open.len(), MAX_FLOWS);
        assert!(!flows.open.contains_key(&0) && flows.open.contains_key(&(MAX_FLOWS as u64)));
    }

    #[test]
    fn finishing_yields_the_rest_of_every_flow_in_order() {
        let mut flows = Flows::default();
        flows.hear(&chunk(9, b"POST /nine HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"));
        flows.hear(&chunk(4, b"POST /four HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"));
        let ids: Vec<u64> = flows.finish().into_iter().map(|(id, ..)| id).collect();
        assert_eq!(ids, [4, 9]);
    }
}
