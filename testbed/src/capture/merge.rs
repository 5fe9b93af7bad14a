//! Many flows on one time line: segments by time, those of one flow in their own order.
//!
//! Pure. Only flows that are open at a moment hold state, so a flood costs memory by what is open at once;
//! `n` segments take O(n log n). Two flows between the same two sockets never overlap: where their recorded
//! times do (an ending is noticed late), the second one waits, or a reader would take both for one conversation.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    iter::Peekable,
    net::SocketAddrV4,
    time::Duration,
};

use super::{
    flow::FlowRecord,
    segments::{Segment, Segments},
};

/// Iterates over the segments of all flows, each with its flow.
pub(super) struct Merge<'a> {
    flows: Vec<&'a FlowRecord>,
    // The first flow that has not been looked at.
    upcoming: usize,
    // By the time of the next segment, then by place in `flows`.
    running: BTreeMap<(Duration, usize), Peekable<Segments<'a>>>,
    // Socket pairs in use, each with the flows that wait for it.
    pairs: HashMap<Pair, VecDeque<usize>>,
}

type Pair = (SocketAddrV4, SocketAddrV4);

impl<'a> Merge<'a> {
    pub(super) fn new(mut flows: Vec<&'a FlowRecord>) -> Self {
        flows.sort_by_key(|flow| (flow.opened, flow.id));
        Self { flows, upcoming: 0, running: BTreeMap::new(), pairs: HashMap::new() }
    }

    fn open_due(&mut self) {
        while let Some(flow) = self.flows.get(self.upcoming) {
            if self.running.first_key_value().is_some_and(|(&(next, _), _)| next < flow.opened) {
                return;
            }
            let place = self.upcoming;
            self.upcoming += 1;
            if let Some(waiting) = self.pairs.get_mut(&pair(flow)) {
                waiting.push_back(place);
            } else {
                self.pairs.insert(pair(flow), VecDeque::new());
                self.start(place, Duration::ZERO);
            }
        }
    }

    fn start(&mut self, place: usize, floor: Duration) {
        if let Some(flow) = self.flows.get(place) {
            self.resume(place, Segments::new(flow, floor).peekable());
        }
    }

    /// `false` if there was nothing left to say.
    fn resume(&mut self, place: usize, mut segments: Peekable<Segments<'a>>) -> bool {
        let Some(next) = segments.peek() else { return false };
        self.running.insert((next.at, place), segments);
        true
    }

    fn release(&mut self, pair: Pair, at: Duration) {
        match self.pairs.get_mut(&pair).and_then(VecDeque::pop_front) {
            Some(place) => self.start(place, at),
            None => drop(self.pairs.remove(&pair)),
        }
    }
}

impl<'a> Iterator for Merge<'a> {
    type Item = (&'a FlowRecord, Segment);

    fn next(&mut self) -> Option<Self::Item> {
        self.open_due();
        let ((at, place), mut segments) = self.running.pop_first()?;
        let flow = *self.flows.get(place)?;
        let segment = segments.next()?;
        if !self.resume(place, segments) {
            self.release(pair(flow), at);
        }
        Some((flow, segment))
    }
}

fn pair(flow: &FlowRecord) -> Pair {
    (flow.dialer.min(flow.acceptor), flow.dialer.max(flow.acceptor))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        capture::{Chunk, Ending, segments::Kind},
        vocabulary::Direction,
    };

    fn flow(id: u64, port: u16, times: &[u64]) -> FlowRecord {
        let at = |index: usize| Duration::from_millis(times[index.min(times.len() - 1)]);
        FlowRecord {
            id,
            link: "a/x>b/y".into(),
            segment: 0,
            dialer: SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 2), port),
            acceptor: SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 3), 443),
            phase: 0,
            opened: at(0),
            chunks: (1..times.len())
                .map(|index| Chunk {
                    at: at(index),
                    direction: Direction::ToAcceptor,
                    bytes: Bytes::from_static(b"x"),
                })
                .collect(),
            ended: Some((at(times.len()), Ending::Fin)),
        }
    }

    fn ids(flows: &[FlowRecord]) -> Vec<u64> {
        let mut ids: Vec<u64> = Merge::new(flows.iter().collect()).map(|(flow, _)| flow.id).collect();
        ids.dedup();
        ids
    }

    #[test]
    fn flows_take_turns_by_time() {
        let flows = [flow(1, 1001, &[0, 10, 30]), flow(2, 1002, &[5, 20])];
        assert_eq!(ids(&flows), [1, 2, 1, 2, 1]);
    }

    #[test]
    fn at_the_same_time_the_flow_that_was_opened_first_speaks_first() {
        let flows = [flow(2, 1002, &[5, 7]), flow(1, 1001, &[5, 7])];
        assert_eq!(ids(&flows), [1, 2, 1, 2]);
    }

    #[test]
    fn a_reused_socket_pair_waits_for_the_flow_that_has_it() {
        let flows = [flow(1, 1001, &[0, 10, 30]), flow(2, 1001, &[20, 25]), flow(3, 1003, &[25])];
        assert_eq!(ids(&flows), [1, 3, 1, 2]);
        let late = Merge::new(flows.iter().collect()).find(|(flow, _)| flow.id == 2).map(|(_, s)| s.at);
        assert_eq!(late, Some(Duration::from_millis(30)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_time_never_goes_back_and_flows_keep_their_order(
            flows in prop::collection::vec((1000_u16..1006, prop::collection::vec(0_u64..50, 1..6)), 0..20)
        ) {
            let flows: Vec<FlowRecord> =
                flows.iter().enumerate().map(|(id, (port, times))| flow(id as u64, *port, times)).collect();
            let merged: Vec<_> = Merge::new(flows.iter().collect()).collect();
            prop_assert!(merged.is_sorted_by_key(|(_, segment)| segment.at));
            for flow in &flows {
                let alone: Vec<_> = Segments::new(flow, Duration::ZERO).map(|s| (s.kind, s.sequence)).collect();
                let within: Vec<_> = merged
                    .iter()
                    .filter(|(owner, _)| owner.id == flow.id)
                    .map(|(_, s)| (s.kind, s.sequence))
                    .collect();
                prop_assert_eq!(within, alone);
            }
            for port in 1000..1006 {
                let on_port: Vec<_> = merged.iter().filter(|(flow, _)| flow.dialer.port() == port).collect();
                let changes = on_port.windows(2).filter(|w| w[0].0.id != w[1].0.id).count();
                let opened = on_port.iter().filter(|(_, s)| s.kind == Kind::Syn).count();
                prop_assert_eq!(changes, opened.saturating_sub(1));
            }
        }
    }
}
