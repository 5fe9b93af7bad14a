//! Flows of one scenario, in memory, until they are judged and written.
//!
//! A flow is kept whole or not at all: a dropped one loses its bytes at once, and what crosses later is only
//! counted (its id and link are remembered for that, some 40 bytes outside the budget). Owned by the capture
//! thread; it has no clock and starts nothing.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    mem,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

use super::{
    flow::{Chunk, Ending, FlowRecord},
    keep::KeepPolicy,
};
use crate::vocabulary::Direction;

/// What keeping a record costs beside its bytes, so that a flood of empty flows counts. Estimates on the safe side:
/// the record and about as much again in the maps of store and policy, half-full map nodes, and a list of chunks
/// that has just doubled.
const RECORD_COST: u64 = 4 * mem::size_of::<FlowRecord>() as u64;
const CHUNK_COST: u64 = 2 * mem::size_of::<Chunk>() as u64;

/// Collects what the taps saw.
#[derive(Debug)]
pub struct FlowStore {
    policy: KeepPolicy,
    kept: BTreeMap<u64, FlowRecord>,
    // Where the bytes of a dropped flow are counted from then on.
    dropped: HashMap<u64, Arc<str>>,
    evidence: HashSet<u64>,
    losses: Losses,
}

/// What of one leg was not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Whole flows.
    pub flows: u64,
    /// Their bytes, both ways, those that crossed after the drop included.
    pub bytes: u64,
}

/// What the store could not keep, since it was created, cleared or taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Dropped flows by link.
    pub dropped: BTreeMap<Arc<str>, Dropped>,
    /// Flows that turned out to carry evidence after they had been dropped. Not zero: the capture is incomplete.
    pub late_evidence: u64,
    /// Chunks and endings of flows that were never opened, or were taken before.
    pub strays: u64,
}

/// One scenario's flows, out of the store.
#[derive(Debug, Default)]
pub struct Taken {
    /// The kept flows, by id.
    pub flows: Vec<FlowRecord>,
    /// What is missing from them.
    pub losses: Losses,
}

impl FlowStore {
    /// A store that starts to drop flows above `budget` bytes of memory.
    pub fn new(budget: u64) -> Self {
        Self {
            policy: KeepPolicy::new(budget),
            kept: BTreeMap::new(),
            dropped: HashMap::new(),
            evidence: HashSet::new(),
            losses: Losses::default(),
        }
    }

    /// A flow was opened: its record as it stands, usually without chunks. Ids are never used twice.
    pub fn open(&mut self, flow: FlowRecord) {
        let cost = RECORD_COST + flow.chunks.iter().map(chunk_cost).sum::<u64>();
        self.policy.opened(flow.id, (flow.link.clone(), flow.phase), flow.opened, cost);
        if self.evidence.contains(&flow.id) {
            self.policy.protect(flow.id);
        }
        if flow.ended.is_some() {
            self.policy.ended(flow.id);
        }
        self.kept.insert(flow.id, flow);
        self.shrink();
    }

    /// Bytes crossed. Empty bytes: the side sending this way finished. Hand over bytes that own no more memory than
    /// they show (not a slice of a large read buffer), or the budget does not hold.
    pub fn push(&mut self, id: u64, direction: Direction, at: Duration, bytes: Bytes) {
        if let Some(flow) = self.kept.get_mut(&id) {
            let chunk = Chunk { at, direction, bytes };
            self.policy.grew(id, chunk_cost(&chunk));
            flow.chunks.push(chunk);
            self.shrink();
        } else if let Some(link) = self.dropped.get(&id) {
            self.losses.dropped.entry(link.clone()).or_default().bytes += bytes.len() as u64;
        } else {
            self.losses.strays += 1;
        }
    }

    /// A flow ended. Chunks that are still on their way may follow; they crossed before.
    pub fn end(&mut self, id: u64, at: Duration, how: Ending) {
        if let Some(flow) = self.kept.get_mut(&id) {
            flow.ended = Some((at, how));
            self.policy.ended(id);
            self.shrink();
        } else if !self.dropped.contains_key(&id) {
            self.losses.strays += 1;
        }
    }

    /// A flow carries evidence and must stay; the mark may arrive before the flow does. `false`: it came too late,
    /// the flow is dropped already (and counted as [`Losses::late_evidence`]).
    pub fn mark_evidence(&mut self, id: u64) -> bool {
        let first = self.evidence.insert(id);
        if self.dropped.contains_key(&id) {
            self.losses.late_evidence += u64::from(first);
            return false;
        }
        self.policy.protect(id);
        true
    }

    /// The kept flows, by id, chunks in true order.
    pub fn flows(&self) -> impl DoubleEndedIterator<Item = &FlowRecord> {
        self.kept.values()
    }

    /// One kept flow.
    pub fn flow(&self, id: u64) -> Option<&FlowRecord> {
        self.kept.get(&id)
    }

    /// What was not kept so far.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Memory the kept flows take, in bytes; above the budget only if every flow left is one that must stay.
    pub fn held(&self) -> u64 {
        self.policy.held()
    }

    /// Hands out everything and starts anew, with all counters at zero.
    pub fn take(&mut self) -> Taken {
        self.policy.reset();
        self.dropped.clear();
        self.evidence.clear();
        Taken {
            flows: mem::take(&mut self.kept).into_values().collect(),
            losses: mem::take(&mut self.losses),
        }
    }

    /// Forgets everything and starts anew.
    pub fn clear(&mut self) {
        drop(self.take());
    }

    fn shrink(&mut self) {
        while let Some(id) = self.policy.drop_next() {
            if let Some(flow) = self.kept.remove(&id) {
                let dropped = self.losses.dropped.entry(flow.link.clone()).or_default();
                dropped.flows += 1;
                dropped.bytes += flow.chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum::<u64>();
                self.dropped.insert(id, flow.link);
            }
        }
    }
}

fn chunk_cost(chunk: &Chunk) -> u64 {
    CHUNK_COST + chunk.bytes.len() as u64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;
    use crate::capture::ALWAYS_KEPT;

    const LINK: &str = "users/browser>edge/proxy";

    fn flow(id: u64) -> FlowRecord {
        FlowRecord {
            id,
            link: LINK.into(),
            segment: 0,
            dialer: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_000),
            acceptor: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 443),
            phase: 0,
            opened: Duration::from_millis(id),
            chunks: vec![],
            ended: None,
        }
    }

    /// A store in which only flows 0..8 are protected and which has room for two more kilobytes.
    fn full_store() -> FlowStore {
        let first = u64::from(ALWAYS_KEPT);
        let mut store = FlowStore::new((first + 1) * RECORD_COST + 2000);
        for id in 0..first {
            store.open(flow(id));
        }
        store
    }

    #[test]
    fn chunks_come_back_in_the_order_they_crossed() {
        let mut store = FlowStore::new(1 << 20);
        store.open(flow(7));
        store.push(7, Direction::ToAcceptor, Duration::from_millis(8), Bytes::from_static(b"ask"));
        store.push(7, Direction::ToDialer, Duration::from_millis(9), Bytes::from_static(b"answer"));
        store.end(7, Duration::from_millis(10), Ending::Fin);

        let Taken { flows, losses } = store.take();
        let said: Vec<_> = flows[0].chunks.iter().map(|c| (c.direction, &c.bytes[..])).collect();
        assert_eq!(said, [(Direction::ToAcceptor, &b"ask"[..]), (Direction::ToDialer, b"answer")]);
        assert_eq!(flows[0].ended, Some((Duration::from_millis(10), Ending::Fin)));
        assert_eq!(losses, Losses::default());
        assert_eq!((store.flows().count(), store.held()), (0, 0));
    }

    #[test]
    fn a_flow_too_big_for_the_budget_goes_whole_and_every_byte_of_it_is_counted() {
        let mut store = full_store();
        store.open(flow(8));
        store.push(8, Direction::ToDialer, Duration::ZERO, Bytes::from(vec![0; 1500]));
        assert!(store.flow(8).is_some());
        store.push(8, Direction::ToDialer, Duration::ZERO, Bytes::from(vec![0; 1500]));
        assert!(store.flow(8).is_none());
        store.push(8, Direction::ToAcceptor, Duration::ZERO, Bytes::from_static(b"more"));
        store.end(8, Duration::ZERO, Ending::Fin);

        assert_eq!(store.losses().dropped[LINK], Dropped { flows: 1, bytes: 3004 });
        assert_eq!(store.losses().strays, 0);
        assert_eq!(store.flows().count(), 8);
    }

    #[test]
    fn evidence_marked_before_the_flow_is_known_still_protects_it() {
        let mut store = full_store();
        assert!(store.mark_evidence(8));
        store.open(flow(8));
        store.push(8, Direction::ToDialer, Duration::ZERO, Bytes::from(vec![0; 5000]));
        assert!(store.flow(8).is_some());
        assert!(store.held() > 5000);
        assert_eq!(store.losses(), &Losses::default());
    }

    #[test]
    fn evidence_in_a_dropped_flow_is_reported_once() {
        let mut store = full_store();
        store.open(flow(8));
        store.push(8, Direction::ToDialer, Duration::ZERO, Bytes::from(vec![0; 5000]));
        assert!(!store.mark_evidence(8));
        assert!(!store.mark_evidence(8));
        assert_eq!(store.losses().late_evidence, 1);
    }

    #[test]
    fn a_flood_of_empty_flows_stays_within_the_budget() {
        let mut store = FlowStore::new(100 * RECORD_COST);
        for id in 0..10_000 {
            store.open(flow(id));
            store.end(id, Duration::from_millis(id), Ending::Reset(Direction::ToAcceptor));
        }
        assert_eq!(store.flows().count(), 100);
        assert_eq!(store.losses().dropped[LINK].flows, 9_900);
        assert!(store.flow(9_999).is_some(), "the newest stay");
        assert!(store.flow(7).is_some(), "the first stay");
    }

    #[test]
    fn what_belongs_to_no_flow_is_counted() {
        let mut store = FlowStore::new(0);
        store.push(1, Direction::ToDialer, Duration::ZERO, Bytes::from_static(b"?"));
        store.end(1, Duration::ZERO, Ending::Fin);
        assert_eq!(store.losses().strays, 2);
        store.clear();
        assert_eq!(store.losses().strays, 0);
    }
}
