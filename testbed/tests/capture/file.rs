//! The file, block by block.

use std::{fs, io::Cursor, path::Path, time::Duration};

use pcap_file::{
    Endianness,
    pcapng::{
        Block, PcapNgReader,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::InterfaceDescriptionOption,
            name_resolution::Record,
            opt_common::CommonOption,
        },
    },
};
use testbed::{
    capture::{CaptureError, Comment, Ending, FlowRecord, frames},
    vocabulary::Direction,
};

use crate::flows::{CLIENT, FlowBuilder, SERVER, STARTED, create, noise, write};

fn blocks(path: &Path) -> Vec<Block<'static>> {
    let mut reader = PcapNgReader::new(Cursor::new(fs::read(path).unwrap())).unwrap();
    assert_eq!(reader.section().endianness, Endianness::Little);
    let mut blocks = vec![];
    while let Some(block) = reader.next_block() {
        blocks.push(block.unwrap().0.into_owned());
    }
    blocks
}

fn packets(path: &Path) -> Vec<EnhancedPacketBlock<'static>> {
    let packet = |block| if let Block::EnhancedPacket(packet) = block { Some(packet) } else { None };
    blocks(path).into_iter().filter_map(packet).collect()
}

fn remarks(packet: &EnhancedPacketBlock<'_>) -> Vec<String> {
    packet
        .options
        .iter()
        .map(|option| match option {
            EnhancedPacketOption::Common(CommonOption::Comment(text)) => text.to_string(),
            other => panic!("unexpected option {other:?}"),
        })
        .collect()
}

fn two_flows() -> [FlowRecord; 2] {
    [
        FlowBuilder::new(1, (40_001, 4242), 10).ask(noise(2_000)).answer(noise(5_000)).end(Ending::Fin),
        FlowBuilder::new(2, (40_002, 4242), 11).on_segment(1).ask("hello").end(Ending::Fin),
    ]
}

#[test]
fn segments_and_names_come_before_the_packets() {
    let written = write(&two_flows(), &[], None);
    let blocks = blocks(&written.path());
    let names: Vec<_> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::InterfaceDescription(interface) => {
                interface.options.iter().find_map(|option| match option {
                    InterfaceDescriptionOption::IfName(name) => Some(name.as_ref()),
                    _ => None,
                })
            }
            _ => None,
        })
        .collect();
    assert_eq!(names, ["public", "management"]);
    let Some(Block::NameResolution(hosts)) = blocks.get(2) else { panic!("{:?}", blocks.get(2)) };
    let hosts: Vec<_> = hosts
        .records
        .iter()
        .map(|record| match record {
            Record::Ipv4(host) => (host.ip_addr, host.names[0].as_ref()),
            other => panic!("unexpected record {other:?}"),
        })
        .collect();
    assert_eq!(hosts, [(CLIENT, "users.public"), (SERVER, "edge.public")]);
    assert!(blocks[3..].iter().all(|block| matches!(block, Block::EnhancedPacket(_))));
}

#[test]
fn every_packet_is_the_frame_the_index_promises_at_its_time_on_its_segment() {
    let flows = two_flows();
    let written = write(&flows, &[], None);
    let packets = packets(&written.path());
    assert!(packets.is_sorted_by_key(|packet| packet.timestamp));
    let mut named = 0;
    for flow in &flows {
        let expected: Vec<_> = frames(flow).collect();
        let numbers = written.index.all(flow.id);
        assert_eq!(numbers.len(), expected.len());
        for (frame, number) in expected.iter().zip(numbers) {
            let packet = &packets[number as usize - 1];
            assert_eq!(packet.data.as_ref(), &frame.bytes[..]);
            assert_eq!(packet.timestamp, STARTED + frame.at);
            assert_eq!(packet.interface_id as usize, flow.segment);
            if let Some(range) = frame.stream_range.clone() {
                assert_eq!(written.index.frames(flow.id, frame.direction, range), [number]);
            }
            named += 1;
        }
    }
    assert_eq!(named, packets.len());
}

#[test]
fn frame_numbers_go_on_from_one_append_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.pcapng");
    let [first, second] = two_flows();
    let mut writer = create(&path);
    let before = writer.append([&first], &[]).unwrap();
    let after = writer.append([&second], &[]).unwrap();
    writer.finish().unwrap();

    let last_before = *before.all(1).last().unwrap();
    assert_eq!(after.all(2)[0], last_before + 1);
    let hello = after.frames(2, Direction::ToAcceptor, 0..5);
    assert!(packets(&path)[hello[0] as usize - 1].data.ends_with(b"hello"));
    assert!(after.all(1).is_empty(), "an index knows the flows of its append only");
}

#[test]
fn comments_stand_on_the_frames_of_their_stretch_and_on_no_others() {
    let comment =
        |range, text: &str| Comment { flow: 1, direction: Direction::ToDialer, range, text: text.to_owned() };
    let comments =
        [comment(1450..1470, "token"), comment(1460..1461, "password"), comment(9_000..9_001, "never")];
    let written = write(&two_flows(), &comments, None);
    let token = written.index.frames(1, Direction::ToDialer, 1450..1470);
    assert_eq!(token.len(), 2);
    for (number, packet) in (1..).zip(packets(&written.path())) {
        let expected = match token.iter().position(|&frame| frame == number) {
            Some(0) => vec!["token"],
            Some(_) => vec!["token", "password"],
            None => vec![],
        };
        assert_eq!(remarks(&packet), expected, "frame {number}");
    }
}

#[test]
fn a_comment_beyond_measure_is_cut_between_characters() {
    let text = format!("{}é", "x".repeat(4095)).repeat(20);
    let comment = Comment { flow: 2, direction: Direction::ToAcceptor, range: 0..1, text };
    let written = write(&two_flows(), &[comment], None);
    let frame = written.index.frames(2, Direction::ToAcceptor, 0..1)[0];
    assert_eq!(remarks(&packets(&written.path())[frame as usize - 1]), ["x".repeat(4095)]);
}

#[test]
fn secrets_are_in_the_file_only_when_handed_over_and_stand_before_the_packets() {
    let secrets = |path: &Path| -> Vec<usize> {
        let found = |(place, block): (usize, &Block<'_>)| match block {
            Block::Unknown(block) if block.type_ == 10 => {
                assert!(block.value.starts_with(b"KSLT\x0a\0\0\0CLIENT_RAN"));
                Some(place)
            }
            _ => None,
        };
        blocks(path).iter().enumerate().filter_map(found).collect()
    };
    assert!(secrets(&write(&two_flows(), &[], None).path()).is_empty());
    assert_eq!(secrets(&write(&two_flows(), &[], Some("CLIENT_RAN")).path()), [3]);
}

#[test]
fn equal_runs_give_equal_files() {
    let [one, other] = [(); 2].map(|()| fs::read(write(&two_flows(), &[], None).path()).unwrap());
    assert_eq!(one, other);
}

#[test]
fn a_run_that_stops_before_the_end_leaves_a_readable_partial_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.pcapng");
    let flows = two_flows();
    let mut writer = create(&path);
    let index = writer.append(&flows, &[]).unwrap();
    drop(writer);
    assert!(!path.exists());
    let left = packets(&directory.path().join("run.pcapng.partial"));
    assert_eq!(left.len(), index.all(1).len() + index.all(2).len());
}

#[test]
fn a_flow_of_an_undescribed_segment_is_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.pcapng");
    let mut writer = create(&path);
    let [good, _] = two_flows();
    let stray = FlowBuilder::new(77, (1, 1), 0).on_segment(2).still_open();
    let refused = writer.append([&good, &stray], &[]).unwrap_err();
    assert!(matches!(refused, CaptureError::UnknownSegment { flow: 77, segment: 2, segments: 2, .. }));
    assert!(refused.to_string().contains("run.pcapng"), "{refused}");
    writer.finish().unwrap();
    assert!(packets(&path).is_empty());
}

#[test]
fn a_flood_of_flows_is_written_in_one_go() {
    let flows: Vec<_> = (0..20_000)
        .map(|id| {
            let ports = (1_024 + (id % 60_000) as u16, 443);
            FlowBuilder::new(id, ports, id / 10).ask("x").end(Ending::Reset(Direction::ToAcceptor))
        })
        .collect();
    let written = write(&flows, &[], None);
    let packets = packets(&written.path());
    assert_eq!(packets.len(), 20_000 * 5);
    assert!(packets.is_sorted_by_key(|packet| packet.timestamp));
    assert_eq!(packets.last().unwrap().timestamp, STARTED + Duration::from_millis(1999 + 2));
}
