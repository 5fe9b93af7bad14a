//! A TCP segment as the bytes of an Ethernet frame, checksums included.
//!
//! Pure. Every address has its own hardware address (`02:00` and the four octets: locally administered). Header
//! fields that carry no fact are constants: TTL 64, don't fragment, window 502 scaled by 128 as Linux starts.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    ops::Range,
    time::Duration,
};

use bytes::Bytes;
use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader, TcpOptionElement};

use super::{
    flow::FlowRecord,
    segments::{Kind, MSS, Segment, Segments},
};
use crate::vocabulary::Direction;

const TTL: u8 = 64;
const WINDOW_SCALE: u8 = 7;
/// Windows of a SYN are not scaled.
const SYN_WINDOW: u16 = 64_240;
const WINDOW: u16 = SYN_WINDOW >> WINDOW_SCALE;

/// One synthetic Ethernet frame of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When, since the start of the run.
    pub at: Duration,
    /// The whole frame, from the Ethernet header on.
    pub bytes: Bytes,
    /// Which way it went.
    pub direction: Direction,
    /// Which bytes of its direction's stream it carries, if any.
    pub stream_range: Option<Range<u64>>,
}

/// The frames of one flow, in order; each is made when it is asked for.
pub fn frames(flow: &FlowRecord) -> impl Iterator<Item = Frame> {
    Segments::new(flow, Duration::ZERO).map(|segment| {
        let mut bytes = Vec::new();
        encode(flow, &segment, &mut bytes);
        let Segment { at, direction, stream_range, .. } = segment;
        Frame { at, bytes: bytes.into(), direction, stream_range }
    })
}

/// Replaces the content of `frame` by a segment of `flow`.
pub(super) fn encode(flow: &FlowRecord, segment: &Segment, frame: &mut Vec<u8>) {
    let (from, to) = match segment.direction {
        Direction::ToAcceptor => (flow.dialer, flow.acceptor),
        Direction::ToDialer => (flow.acceptor, flow.dialer),
    };
    let packet = headers(from, to, segment);
    frame.clear();
    frame.reserve(packet.size(segment.payload.len()));
    packet.write_to_vec(frame, &segment.payload).expect("a payload of at most MSS bytes fits an IPv4 packet");
}

fn headers(from: SocketAddrV4, to: SocketAddrV4, segment: &Segment) -> PacketBuilderStep<TcpHeader> {
    let window = if matches!(segment.kind, Kind::Syn | Kind::SynAck) { SYN_WINDOW } else { WINDOW };
    let tcp = PacketBuilder::ethernet2(hardware_address(*from.ip()), hardware_address(*to.ip()))
        .ipv4(from.ip().octets(), to.ip().octets(), TTL)
        .tcp(from.port(), to.port(), segment.sequence, window);
    match segment.kind {
        Kind::Syn => opening(tcp.syn()),
        Kind::SynAck => opening(tcp.syn().ack(segment.acknowledged)),
        Kind::Ack => tcp.ack(segment.acknowledged),
        Kind::Data => tcp.psh().ack(segment.acknowledged),
        Kind::Fin => tcp.fin().ack(segment.acknowledged),
        Kind::Reset => tcp.rst().ack(segment.acknowledged),
    }
}

fn opening(tcp: PacketBuilderStep<TcpHeader>) -> PacketBuilderStep<TcpHeader> {
    let options = [
        TcpOptionElement::MaximumSegmentSize(MSS as u16),
        TcpOptionElement::Noop,
        TcpOptionElement::WindowScale(WINDOW_SCALE),
    ];
    tcp.options(&options).expect("eight bytes of options fit a TCP header")
}

fn hardware_address(address: Ipv4Addr) -> [u8; 6] {
    let [a, b, c, d] = address.octets();
    [0x02, 0x00, a, b, c, d]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};

    use super::*;
    use crate::capture::{Chunk, Ending};

    fn flow() -> FlowRecord {
        FlowRecord {
            id: 3,
            link: "a/x>b/y".into(),
            segment: 0,
            dialer: SocketAddrV4::new(Ipv4Addr::new(127, 1, 2, 3), 40_000),
            acceptor: SocketAddrV4::new(Ipv4Addr::new(127, 4, 5, 6), 8443),
            phase: 0,
            opened: Duration::from_secs(1),
            chunks: vec![
                chunk(Direction::ToAcceptor, Bytes::from_static(b"odd")),
                chunk(Direction::ToDialer, (0..=255).cycle().take(4000).collect()),
            ],
            ended: Some((Duration::from_secs(2), Ending::Fin)),
        }
    }

    fn chunk(direction: Direction, bytes: Bytes) -> Chunk {
        Chunk { at: Duration::from_secs(1), direction, bytes }
    }

    #[test]
    fn payloads_put_together_are_the_streams_at_the_offsets_the_frames_claim() {
        let flow = flow();
        for direction in [Direction::ToAcceptor, Direction::ToDialer] {
            let mut stream = Vec::new();
            for frame in frames(&flow).filter(|frame| frame.direction == direction) {
                let packet = SlicedPacket::from_ethernet(&frame.bytes).unwrap();
                let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("not TCP") };
                assert_eq!(frame.stream_range.is_none(), tcp.payload().is_empty());
                if let Some(range) = frame.stream_range {
                    assert_eq!(range, stream.len() as u64..(stream.len() + tcp.payload().len()) as u64);
                }
                stream.extend_from_slice(tcp.payload());
            }
            let sent: Vec<u8> = flow
                .chunks
                .iter()
                .filter(|c| c.direction == direction)
                .flat_map(|c| c.bytes.to_vec())
                .collect();
            assert_eq!(stream, sent);
        }
    }

    #[test]
    fn checksums_are_right_and_addresses_turn_with_the_direction() {
        for frame in frames(&flow()) {
            let packet = SlicedPacket::from_ethernet(&frame.bytes).unwrap();
            let Some(NetSlice::Ipv4(ip)) = packet.net else { panic!("not IPv4") };
            let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("not TCP") };
            let header = ip.header().to_header();
            assert_eq!(header.header_checksum, header.calc_header_checksum());
            let payload = tcp.payload();
            assert_eq!(tcp.checksum(), tcp.to_header().calc_checksum_ipv4(&header, payload).unwrap());
            let (ports, last_octets) = match frame.direction {
                Direction::ToAcceptor => ((40_000, 8443), (3, 6)),
                Direction::ToDialer => ((8443, 40_000), (6, 3)),
            };
            assert_eq!((tcp.source_port(), tcp.destination_port()), ports);
            assert_eq!((frame.bytes[11], frame.bytes[5]), last_octets);
            assert!(frame.bytes.len() <= 1514);
        }
    }

    #[test]
    fn the_opening_offers_segment_size_and_window_scale() {
        let opening: Vec<_> = frames(&flow()).take(3).collect();
        for (frame, offers) in opening.iter().zip([true, true, false]) {
            let packet = SlicedPacket::from_ethernet(&frame.bytes).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = packet.transport else { panic!("not TCP") };
            let options: Vec<_> = tcp.options_iterator().map(Result::unwrap).collect();
            assert_eq!(options.contains(&TcpOptionElement::MaximumSegmentSize(1460)), offers);
            assert_eq!(options.contains(&TcpOptionElement::WindowScale(7)), offers);
            assert_eq!(tcp.syn(), offers);
        }
    }
}
