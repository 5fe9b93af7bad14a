//! The file as tshark reads it. Where tshark is missing these tests say so and check nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::Command,
};

use pcap_file::pcapng::{Block, PcapNgReader, PcapNgWriter};
use testbed::{
    capture::{Comment, Ending, FlowRecord, FrameIndex},
    vocabulary::Direction,
};

use crate::flows::{FlowBuilder, Written, create, noise, stream, varied, write};

/// Everything tshark holds against a packet, wrong checksums (status 0) included.
pub(crate) const ANY_MARK: &str =
    "_ws.malformed || tcp.analysis.flags || ip.checksum.status == 0 || tcp.checksum.status == 0";

/// tshark with default settings, whatever the user's are.
pub(crate) struct Tshark {
    home: PathBuf,
}

impl Tshark {
    /// `None`, and a line on the terminal that the test harness does not swallow, where it is not installed.
    pub(crate) fn find(home: &Path) -> Option<Self> {
        if Command::new("tshark").arg("--version").output().is_ok_and(|output| output.status.success()) {
            return Some(Self { home: home.to_owned() });
        }
        io::stderr().write_all(b"SKIPPED: tshark not installed\n").unwrap();
        None
    }

    pub(crate) fn read(&self, file: &Path, arguments: &[&str]) -> String {
        let (output, succeeded, complaint) = self.try_read(file, arguments);
        assert!(succeeded, "tshark {arguments:?}: {complaint}");
        output
    }

    fn try_read(&self, file: &Path, arguments: &[&str]) -> (String, bool, String) {
        let output = Command::new("tshark")
            .env("HOME", &self.home)
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("SSLKEYLOGFILE")
            .args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-r"])
            .arg(file)
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), output.status.success(), text(&output.stderr))
    }

    pub(crate) fn frames(&self, file: &Path, filter: &str) -> Vec<u64> {
        let numbers = self.read(file, &["-Y", filter, "-T", "fields", "-e", "frame.number"]);
        numbers.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Both streams (to the acceptor, to the dialer) of every conversation, by its number, as "follow stream" shows
    /// them.
    fn follow(&self, file: &Path, conversations: &[u64]) -> BTreeMap<u64, (Vec<u8>, Vec<u8>)> {
        let wanted =
            conversations.iter().flat_map(|number| ["-z".into(), format!("follow,tcp,raw,{number}")]);
        let arguments: Vec<String> = ["-q".to_owned()].into_iter().chain(wanted).collect();
        let said = self.read(file, &arguments.iter().map(String::as_str).collect::<Vec<_>>());
        said.split("Follow: tcp,raw\n").skip(1).map(one_conversation).collect()
    }

    /// The number of the conversation that each flow's first frame opened.
    fn conversations(&self, file: &Path, flows: &[FlowRecord], index: &FrameIndex) -> Vec<u64> {
        let syn = "tcp.flags.syn == 1 && tcp.flags.ack == 0";
        let openings =
            self.read(file, &["-Y", syn, "-T", "fields", "-e", "frame.number", "-e", "tcp.stream"]);
        let number = |text: &str| text.parse::<u64>().unwrap();
        let openings: BTreeMap<u64, u64> = openings
            .lines()
            .map(|line| line.split_once('\t').unwrap())
            .map(|(frame, conversation)| (number(frame), number(conversation)))
            .collect();
        flows.iter().map(|flow| openings[&index.all(flow.id)[0]]).collect()
    }

    /// Every one of these flows is a conversation whose streams are exactly what was recorded.
    fn check_streams(&self, file: &Path, flows: &[FlowRecord], index: &FrameIndex) {
        let conversations = self.conversations(file, flows, index);
        let followed = self.follow(file, &conversations);
        assert_eq!(followed.len(), flows.len());
        for (flow, conversation) in flows.iter().zip(&conversations) {
            let (to_acceptor, to_dialer) = &followed[conversation];
            assert!(*to_acceptor == stream(flow, Direction::ToAcceptor), "flow {} to the acceptor", flow.id);
            assert!(*to_dialer == stream(flow, Direction::ToDialer), "flow {} to the dialer", flow.id);
        }
    }
}

/// What stands behind `Follow: tcp,raw`: the filter, two nodes, then lines of hex, indented if from the second node.
fn one_conversation(text: &str) -> (u64, (Vec<u8>, Vec<u8>)) {
    let mut lines = text.lines();
    let number = lines.next().unwrap().strip_prefix("Filter: tcp.stream eq ").unwrap().parse().unwrap();
    let (mut to_acceptor, mut to_dialer) = (vec![], vec![]);
    for line in lines.skip(2).take_while(|line| !line.starts_with('=')) {
        match line.strip_prefix('\t') {
            Some(hex) => to_dialer.extend(from_hex(hex)),
            None => to_acceptor.extend(from_hex(line)),
        }
    }
    (number, (to_acceptor, to_dialer))
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn no_packet_of_any_kind_of_flow_carries_a_mark() {
    let written = write(&varied(), &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    assert_eq!(tshark.read(&written.path(), &["-Y", ANY_MARK]), "");
    let frames: usize = varied().iter().map(|flow| written.index.all(flow.id).len()).sum();
    let sound = "ip.checksum.status == 1 && tcp.checksum.status == 1";
    assert_eq!(tshark.frames(&written.path(), sound).len(), frames);
}

/// The check above is worth something: with one data frame missing, the same question has an answer.
#[test]
fn a_missing_packet_would_be_marked() {
    let written = write(&varied(), &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    let victim = written.index.frames(2, Direction::ToDialer, 100_000..100_001)[0];
    let damaged = written.directory().join("damaged.pcapng");
    without_packet(&written.path(), &damaged, victim);
    assert_ne!(tshark.read(&damaged, &["-Y", ANY_MARK]), "");
}

fn without_packet(from: &Path, to: &Path, victim: u64) {
    let mut reader = PcapNgReader::new(fs::File::open(from).unwrap()).unwrap();
    let section = reader.section().clone();
    let mut writer = PcapNgWriter::with_section_header(fs::File::create(to).unwrap(), section).unwrap();
    let mut number = 0;
    while let Some(block) = reader.next_block() {
        let (block, _) = block.unwrap();
        number += u64::from(matches!(block, Block::EnhancedPacket(_)));
        if number != victim || !matches!(block, Block::EnhancedPacket(_)) {
            writer.write_block(&block).unwrap();
        }
    }
}

#[test]
fn a_reused_socket_pair_is_a_conversation_of_its_own_even_when_the_ending_came_late() {
    let mut flows: Vec<FlowRecord> = (1..=5)
        .map(|id| FlowBuilder::new(id, (40_000, 4242), id * 10).ask(format!("flow {id}")).end(Ending::Fin))
        .collect();
    for flow in &mut flows {
        let (at, how) = flow.ended.unwrap();
        flow.ended = Some((at + std::time::Duration::from_millis(15), how));
    }
    let written = write(&flows, &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    let other_marks = format!("({ANY_MARK}) && !tcp.analysis.reused_ports");
    assert_eq!(tshark.read(&written.path(), &["-Y", &other_marks]), "");
    tshark.check_streams(&written.path(), &flows, &written.index);
}

#[test]
fn the_frames_named_for_a_canary_are_the_frames_that_contain_it() {
    let canary = "canary-8d1f0c-password";
    let offset = 123_456;
    let mut body = noise(300_000).to_vec();
    body[offset..offset + canary.len()].copy_from_slice(canary.as_bytes());
    let mut flows = varied();
    flows.push(FlowBuilder::new(50, (50_000, 4242), 3).on_segment(1).ask("x").answer(body).end(Ending::Fin));
    let stretch = offset as u64..(offset + canary.len()) as u64;
    let comment = Comment {
        flow: 50,
        direction: Direction::ToDialer,
        range: stretch.clone(),
        text: "exposed: password".to_owned(),
    };
    let written = write(&flows, &[comment], None);
    let named = written.index.frames(50, Direction::ToDialer, stretch);
    assert_eq!(named.len(), 1);

    let Some(tshark) = Tshark::find(written.directory()) else { return };
    assert_eq!(tshark.frames(&written.path(), &format!("frame contains \"{canary}\"")), named);
    let fields = ["-T", "fields", "-e", "frame.number", "-e", "frame.comment"];
    let remarks = tshark.read(&written.path(), &[&["-Y", "frame.comment"][..], &fields].concat());
    assert_eq!(remarks, format!("{}\texposed: password\n", named[0]));
}

#[test]
fn all_frames_of_a_flow_are_the_frames_of_its_conversation_across_appends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.pcapng");
    let (first, second) =
        (varied(), [FlowBuilder::new(60, (60_000, 4242), 9).ask(noise(9_999)).end(Ending::Fin)]);
    let mut writer = create(&path);
    let before = writer.append(&first, &[]).unwrap();
    let after = writer.append(&second, &[]).unwrap();
    writer.finish().unwrap();
    let Some(tshark) = Tshark::find(directory.path()) else { return };
    let check = |index: &FrameIndex, flow: u64, port: u16| {
        assert_eq!(tshark.frames(&path, &format!("tcp.port == {port}")), index.all(flow));
    };
    check(&before, 2, 40_002);
    check(&before, 12, 40_012);
    check(&before, 107, 20_107);
    check(&after, 60, 60_000);
}

#[test]
fn following_a_conversation_gives_both_streams_byte_for_byte() {
    let flows = varied();
    let written = write(&flows, &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    tshark.check_streams(&written.path(), &flows[..12], &written.index);
}

#[test]
fn http_on_any_port_is_dissected_with_names_segments_and_times() {
    let flow = FlowBuilder::new(1, (40_001, 35_357), 250)
        .on_segment(1)
        .ask("POST /v3/auth/tokens HTTP/1.1\r\nHost: identity.cloud.invalid:35357\r\nContent-Length: 2\r\n\r\n{}")
        .answer("HTTP/1.1 201 Created\r\nContent-Length: 0\r\nX-Subject-Token: gAAAAA\r\n\r\n")
        .end(Ending::Fin);
    let written = write(&[flow], &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    let ask = |filter, fields: &[&str]| {
        let mut arguments = vec!["-N", "n", "-d", "tcp.port==35357,http", "-Y", filter, "-T", "fields"];
        arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
        tshark.read(&written.path(), &arguments)
    };
    assert_eq!(
        ask(
            "http.request",
            &["http.request.uri", "http.host", "ip.src_host", "ip.dst_host", "frame.interface_name"]
        ),
        "/v3/auth/tokens\tidentity.cloud.invalid:35357\tusers.public\tedge.public\tmanagement\n"
    );
    assert_eq!(
        ask("http.response", &["http.response.code", "frame.time_epoch"]),
        "201\t1700000000.375456789\n"
    );
}

#[test]
fn a_file_cut_within_a_packet_is_readable_up_to_the_last_whole_one() {
    let written: Written = write(&varied()[..1], &[], None);
    let Some(tshark) = Tshark::find(written.directory()) else { return };
    let frames = written.index.all(1);
    let file = fs::OpenOptions::new().write(true).open(written.path()).unwrap();
    file.set_len(file.metadata().unwrap().len() - 30).unwrap();
    let (numbers, ..) = tshark.try_read(&written.path(), &["-T", "fields", "-e", "frame.number"]);
    let numbers: Vec<u64> = numbers.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(numbers, frames[..frames.len() - 1]);
}
