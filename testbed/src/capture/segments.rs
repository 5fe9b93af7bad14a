//! One flow as the TCP conversation a capture would have shown: segment after segment, computed on demand.
//!
//! ```text
//! SYN, SYN/ACK, ACK │ data ≤ MSS …, ACK when ACK_EVERY bytes are unanswered │ FIN, ACK, FIN, ACK  or  RST
//! ```
//!
//! Pure. Nothing is ever lost, repeated or out of order here, because the tapped stream was not; sequence numbers
//! are derived from the flow's id, so that equal runs give equal files. It does not encode headers.

use std::{collections::VecDeque, ops::Range, time::Duration};

use bytes::Bytes;

use super::flow::{Both, Chunk, Ending, FlowRecord, opposite};
use crate::vocabulary::Direction;

/// Largest payload of a segment: Ethernet's 1500 bytes less 20 for IPv4 and 20 for TCP.
pub(super) const MSS: usize = 1460;

/// Bytes one side may send before the other acknowledges: a third of the window in the SYN (Linux offers 64,240),
/// so that no segment ever touches the edge of the window.
const ACK_EVERY: u32 = 16 * MSS as u32;

/// What a segment does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
    Reset,
}

impl Kind {
    /// SYN and FIN take one sequence number.
    fn length(self, payload: usize) -> u32 {
        payload as u32 + u32::from(matches!(self, Self::Syn | Self::SynAck | Self::Fin))
    }
}

/// One TCP segment before encoding.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) at: Duration,
    pub(super) direction: Direction,
    pub(super) kind: Kind,
    pub(super) sequence: u32,
    /// Meaningless in a SYN.
    pub(super) acknowledged: u32,
    /// At most [`MSS`] bytes.
    pub(super) payload: Bytes,
    /// Where the payload stands in the stream of its direction.
    pub(super) stream_range: Option<Range<u64>>,
}

/// The segments of one flow, in order, at times that never go back.
#[derive(Debug)]
pub(super) struct Segments<'a> {
    flow: &'a FlowRecord,
    step: Step,
    clock: Duration,
    sides: Both<Side>,
    ready: VecDeque<Segment>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Open,
    Chunk { index: usize, from: usize },
    End,
    Over,
}

/// The sending side of one direction.
#[derive(Clone, Debug)]
struct Side {
    next: u32,
    unanswered: u32,
    sent: u64,
    // Bytes this side will still send: it cannot have finished before.
    remaining: u64,
    finished: bool,
}

impl<'a> Segments<'a> {
    /// The conversation of `flow`; nothing of it happens before `floor`.
    pub(super) fn new(flow: &'a FlowRecord, floor: Duration) -> Self {
        let sides = Both::new(|direction| Side {
            next: initial_sequence(flow.id, direction),
            unanswered: 0,
            sent: 0,
            remaining: sent_by(&flow.chunks, direction),
            finished: false,
        });
        Self { flow, step: Step::Open, clock: floor, sides, ready: VecDeque::new() }
    }

    fn advance(&mut self) {
        match self.step {
            Step::Open => {
                self.clock = self.clock.max(self.flow.opened);
                self.emit(Kind::Syn, Direction::ToAcceptor, Bytes::new());
                self.emit(Kind::SynAck, Direction::ToDialer, Bytes::new());
                self.emit(Kind::Ack, Direction::ToAcceptor, Bytes::new());
                self.step = Step::Chunk { index: 0, from: 0 };
            }
            Step::Chunk { index, from } => match self.flow.chunks.get(index) {
                Some(chunk) => self.send(chunk, index, from),
                None => self.step = Step::End,
            },
            Step::End => {
                self.end();
                self.step = Step::Over;
            }
            Step::Over => {}
        }
    }

    fn send(&mut self, chunk: &Chunk, index: usize, from: usize) {
        self.clock = self.clock.max(chunk.at);
        let to = chunk.bytes.len().min(from + MSS);
        if chunk.bytes.is_empty() {
            self.finish(chunk.direction);
        } else {
            self.emit(Kind::Data, chunk.direction, chunk.bytes.slice(from..to));
            if self.sides.of(chunk.direction).unanswered >= ACK_EVERY {
                self.emit(Kind::Ack, opposite(chunk.direction), Bytes::new());
            }
        }
        self.step = if to < chunk.bytes.len() {
            Step::Chunk { index, from: to }
        } else {
            Step::Chunk { index: index + 1, from: 0 }
        };
    }

    fn end(&mut self) {
        let Some((at, how)) = self.flow.ended else { return };
        self.clock = self.clock.max(at);
        match how {
            Ending::Fin => {
                self.finish(Direction::ToAcceptor);
                self.finish(Direction::ToDialer);
            }
            Ending::Reset(direction) => self.emit(Kind::Reset, direction, Bytes::new()),
        }
    }

    fn finish(&mut self, direction: Direction) {
        let side = self.sides.of_mut(direction);
        if side.finished || side.remaining > 0 {
            return;
        }
        side.finished = true;
        self.emit(Kind::Fin, direction, Bytes::new());
        self.emit(Kind::Ack, opposite(direction), Bytes::new());
    }

    fn emit(&mut self, kind: Kind, direction: Direction, payload: Bytes) {
        let peer = self.sides.of_mut(opposite(direction));
        peer.unanswered = 0;
        let acknowledged = peer.next;

        let side = self.sides.of_mut(direction);
        let length = payload.len() as u64;
        let stream_range = (length > 0).then(|| side.sent..side.sent + length);
        let sequence = side.next;
        side.next = sequence.wrapping_add(kind.length(payload.len()));
        side.unanswered += payload.len() as u32;
        side.sent += length;
        side.remaining -= length;

        let at = self.clock;
        self.ready.push_back(Segment { at, direction, kind, sequence, acknowledged, payload, stream_range });
    }
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        while self.ready.is_empty() && !matches!(self.step, Step::Over) {
            self.advance();
        }
        self.ready.pop_front()
    }
}

fn sent_by(chunks: &[Chunk], direction: Direction) -> u64 {
    chunks.iter().filter(|chunk| chunk.direction == direction).map(|chunk| chunk.bytes.len() as u64).sum()
}

/// Spread over the whole range, like a kernel's, so that a reused pair of ports starts a new conversation
/// (the finaliser of splitmix64).
fn initial_sequence(id: u64, direction: Direction) -> u32 {
    let mut bits = id.wrapping_mul(2).wrapping_add(u64::from(direction == Direction::ToDialer));
    bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (bits ^ (bits >> 31)) as u32
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddrV4};

    use super::*;
    use Direction::{ToAcceptor, ToDialer};
    use Kind::{Ack, Data, Fin, Reset, Syn, SynAck};

    fn flow(chunks: &[(u64, Direction, usize)], ended: Option<(u64, Ending)>) -> FlowRecord {
        FlowRecord {
            id: 1,
            link: "a/x>b/y".into(),
            segment: 0,
            dialer: SocketAddrV4::new(Ipv4Addr::new(127, 1, 2, 3), 40_000),
            acceptor: SocketAddrV4::new(Ipv4Addr::new(127, 4, 5, 6), 443),
            phase: 0,
            opened: Duration::from_millis(10),
            chunks: chunks
                .iter()
                .map(|&(at, direction, length)| Chunk {
                    at: Duration::from_millis(at),
                    direction,
                    bytes: Bytes::from(vec![b'x'; length]),
                })
                .collect(),
            ended: ended.map(|(at, how)| (Duration::from_millis(at), how)),
        }
    }

    fn transcript(flow: &FlowRecord) -> Vec<(Kind, Direction, usize)> {
        Segments::new(flow, Duration::ZERO).map(|s| (s.kind, s.direction, s.payload.len())).collect()
    }

    #[test]
    fn a_question_and_an_answer_and_both_sides_finish() {
        let flow = flow(&[(11, ToAcceptor, 100), (12, ToDialer, 2000)], Some((13, Ending::Fin)));
        assert_eq!(
            transcript(&flow),
            [
                (Syn, ToAcceptor, 0),
                (SynAck, ToDialer, 0),
                (Ack, ToAcceptor, 0),
                (Data, ToAcceptor, 100),
                (Data, ToDialer, 1460),
                (Data, ToDialer, 540),
                (Fin, ToAcceptor, 0),
                (Ack, ToDialer, 0),
                (Fin, ToDialer, 0),
                (Ack, ToAcceptor, 0),
            ]
        );
    }

    #[test]
    fn a_side_that_finished_still_listens() {
        let flow =
            flow(&[(11, ToAcceptor, 5), (12, ToAcceptor, 0), (13, ToDialer, 7)], Some((14, Ending::Fin)));
        assert_eq!(
            transcript(&flow)[3..],
            [
                (Data, ToAcceptor, 5),
                (Fin, ToAcceptor, 0),
                (Ack, ToDialer, 0),
                (Data, ToDialer, 7),
                (Fin, ToDialer, 0),
                (Ack, ToAcceptor, 0),
            ]
        );
    }

    #[test]
    fn a_finish_before_later_bytes_of_the_same_side_is_not_believed() {
        let flow = flow(&[(11, ToAcceptor, 0), (12, ToAcceptor, 5)], Some((13, Ending::Fin)));
        let kinds: Vec<_> = transcript(&flow).into_iter().map(|(kind, ..)| kind).collect();
        assert_eq!(kinds[3..], [Data, Fin, Ack, Fin, Ack]);
    }

    #[test]
    fn a_reset_comes_from_the_side_that_cut() {
        let flow = flow(&[(11, ToAcceptor, 5)], Some((12, Ending::Reset(ToDialer))));
        assert_eq!(transcript(&flow).last(), Some(&(Reset, ToDialer, 0)));
    }

    #[test]
    fn an_open_flow_has_no_end() {
        assert_eq!(transcript(&flow(&[(11, ToAcceptor, 5)], None)).last(), Some(&(Data, ToAcceptor, 5)));
    }

    #[test]
    fn every_sequence_number_continues_its_side_and_every_acknowledgement_follows_the_other() {
        let chunks = [
            (11, ToAcceptor, 70_000),
            (12, ToDialer, 1),
            (13, ToAcceptor, 3000),
            (14, ToDialer, 0),
            (15, ToAcceptor, 40_000),
        ];
        let flow = flow(&chunks, Some((16, Ending::Fin)));
        let mut next = Both::new(|direction| initial_sequence(1, direction));
        let mut offset = Both::new(|_| 0_u64);
        for segment in Segments::new(&flow, Duration::ZERO) {
            assert_eq!(segment.sequence, *next.of(segment.direction));
            if segment.kind != Syn {
                assert_eq!(segment.acknowledged, *next.of(opposite(segment.direction)));
            }
            let length = segment.payload.len();
            *next.of_mut(segment.direction) = segment
                .sequence
                .wrapping_add(length as u32 + u32::from(matches!(segment.kind, Syn | SynAck | Fin)));
            if let Some(range) = segment.stream_range {
                assert_eq!(range.start, *offset.of(segment.direction));
                assert_eq!(range.end - range.start, length as u64);
                *offset.of_mut(segment.direction) = range.end;
            }
        }
        assert_eq!((*offset.of(ToAcceptor), *offset.of(ToDialer)), (113_000, 1));
    }

    #[test]
    fn no_more_bytes_are_unanswered_than_a_third_of_the_window() {
        let flow = flow(&[(11, ToDialer, 3_000_000)], None);
        let (mut unanswered, mut most, mut pure_acks) = (0, 0, 0);
        for segment in Segments::new(&flow, Duration::ZERO) {
            if segment.direction == ToDialer {
                unanswered += segment.payload.len();
                most = most.max(unanswered);
            } else {
                pure_acks += usize::from(unanswered > 0);
                unanswered = 0;
            }
        }
        assert!(most <= 64_240 / 2, "{most}");
        assert_eq!(pure_acks, 3_000_000 / (16 * 1460));
    }

    #[test]
    fn time_never_goes_back_and_never_starts_before_the_floor() {
        let flow = flow(&[(30, ToAcceptor, 1), (20, ToDialer, 1)], Some((5, Ending::Fin)));
        let times: Vec<_> =
            Segments::new(&flow, Duration::from_millis(15)).map(|s| s.at.as_millis()).collect();
        assert_eq!(times, [15, 15, 15, 30, 30, 30, 30, 30, 30]);
    }
}
