//! Where in the file a stretch of a stream went: from flow, direction and offsets to frame numbers.
//!
//! Pure. Numbers are those tshark prints as `frame.number`: from 1, over the whole file. Acknowledgements and other
//! frames without payload belong to a flow but to no stretch.

use std::{collections::HashMap, ops::Range};

use super::{flow::Both, segments::Segment};
use crate::vocabulary::Direction;

/// The frames of the flows of one [`super::CaptureWriter::append`].
#[derive(Clone, Debug, Default)]
pub struct FrameIndex {
    flows: HashMap<u64, Numbers>,
}

#[derive(Clone, Debug)]
struct Numbers {
    all: Vec<u64>,
    // (where in the stream the frame's payload ends, frame), in stream order; a payload starts where the last ended.
    payloads: Both<Vec<(u64, u64)>>,
}

impl FrameIndex {
    pub(super) fn record(&mut self, flow: u64, segment: &Segment, number: u64) {
        let numbers = self
            .flows
            .entry(flow)
            .or_insert_with(|| Numbers { all: Vec::new(), payloads: Both::new(|_| Vec::new()) });
        numbers.all.push(number);
        if let Some(range) = &segment.stream_range {
            numbers.payloads.of_mut(segment.direction).push((range.end, number));
        }
    }

    /// The frames that carry any byte of `range` of the stream of one direction, ascending. Empty for a flow that is
    /// not in the file, and for offsets it never reached.
    pub fn frames(&self, flow: u64, direction: Direction, range: Range<u64>) -> Vec<u64> {
        let Some(numbers) = self.flows.get(&flow).filter(|_| !range.is_empty()) else { return Vec::new() };
        let payloads = numbers.payloads.of(direction);
        let first = payloads.partition_point(|&(end, _)| end <= range.start);
        // The last frame wanted is the first one that reaches the end of the range.
        let last = payloads.partition_point(|&(end, _)| end < range.end);
        payloads.iter().take(last + 1).skip(first).map(|&(_, number)| number).collect()
    }

    /// Every frame of a flow, handshake and acknowledgements included, ascending.
    pub fn all(&self, flow: u64) -> Vec<u64> {
        self.flows.get(&flow).map(|numbers| numbers.all.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::capture::segments::Kind;

    /// Frames 4, 7, 9 carry bytes 0..10, 10..20, 20..25 to the acceptor; frame 5 is an acknowledgement.
    fn index() -> FrameIndex {
        let mut index = FrameIndex::default();
        for (number, stream_range) in [(4, Some(0..10)), (5, None), (7, Some(10..20)), (9, Some(20..25))] {
            let segment = Segment {
                at: Duration::ZERO,
                direction: Direction::ToAcceptor,
                kind: if stream_range.is_some() { Kind::Data } else { Kind::Ack },
                sequence: 0,
                acknowledged: 0,
                payload: Bytes::new(),
                stream_range,
            };
            index.record(1, &segment, number);
        }
        index
    }

    #[test]
    fn a_range_names_every_frame_it_touches_and_no_other() {
        let frames = |range| index().frames(1, Direction::ToAcceptor, range);
        assert_eq!(frames(0..10), [4]);
        assert_eq!(frames(9..11), [4, 7]);
        assert_eq!(frames(10..11), [7]);
        assert_eq!(frames(0..25), [4, 7, 9]);
        assert_eq!(frames(24..99), [9]);
    }

    #[test]
    fn what_is_not_there_has_no_frames() {
        assert!(index().frames(1, Direction::ToAcceptor, 25..30).is_empty());
        assert!(index().frames(1, Direction::ToAcceptor, 10..10).is_empty());
        assert!(index().frames(1, Direction::ToDialer, 0..10).is_empty());
        assert!(index().frames(2, Direction::ToAcceptor, 0..10).is_empty());
        assert!(index().all(2).is_empty());
    }

    #[test]
    fn all_frames_of_a_flow_include_those_without_payload() {
        assert_eq!(index().all(1), [4, 5, 7, 9]);
    }
}
