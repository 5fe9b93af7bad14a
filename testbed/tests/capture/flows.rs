//! Flows to write, and a short way to write them.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use testbed::{
    capture::{CaptureWriter, Chunk, Comment, Ending, Existing, FlowRecord, FrameIndex, Legend, frames},
    vocabulary::Direction,
};

pub(crate) const STARTED: Duration = Duration::new(1_700_000_000, 123_456_789);
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 11, 22, 33);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(127, 44, 55, 66);

/// A flow opened at `opened_ms` whose chunks cross one millisecond after another.
pub(crate) struct FlowBuilder(FlowRecord);

impl FlowBuilder {
    pub(crate) fn new(id: u64, ports: (u16, u16), opened_ms: u64) -> Self {
        Self(FlowRecord {
            id,
            link: "users/browser>edge/proxy".into(),
            segment: 0,
            dialer: SocketAddrV4::new(CLIENT, ports.0),
            acceptor: SocketAddrV4::new(SERVER, ports.1),
            phase: 0,
            opened: Duration::from_millis(opened_ms),
            chunks: vec![],
            ended: None,
        })
    }

    pub(crate) fn on_segment(mut self, segment: usize) -> Self {
        self.0.segment = segment;
        self
    }

    pub(crate) fn ask(self, bytes: impl Into<Bytes>) -> Self {
        self.chunk(Direction::ToAcceptor, bytes.into())
    }

    pub(crate) fn answer(self, bytes: impl Into<Bytes>) -> Self {
        self.chunk(Direction::ToDialer, bytes.into())
    }

    pub(crate) fn chunk(mut self, direction: Direction, bytes: Bytes) -> Self {
        let at = self.next_millisecond();
        self.0.chunks.push(Chunk { at, direction, bytes });
        self
    }

    pub(crate) fn end(mut self, how: Ending) -> FlowRecord {
        self.0.ended = Some((self.next_millisecond(), how));
        self.0
    }

    pub(crate) fn still_open(self) -> FlowRecord {
        self.0
    }

    fn next_millisecond(&self) -> Duration {
        self.0.chunks.last().map_or(self.0.opened, |chunk| chunk.at) + Duration::from_millis(1)
    }
}

/// Text without a period that a misplaced segment could hide in. Text, because tshark takes some random bytes for
/// protocols it knows, and then calls them malformed.
pub(crate) fn noise(length: usize) -> Bytes {
    let mut state = 0x2545_f491_u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"[(state >> 8) as usize % 64]
    })
    .take(length)
    .collect()
}

pub(crate) fn stream(flow: &FlowRecord, direction: Direction) -> Vec<u8> {
    flow.chunks
        .iter()
        .filter(|chunk| chunk.direction == direction)
        .flat_map(|chunk| chunk.bytes.to_vec())
        .collect()
}

/// One flow of every shape a run produces.
pub(crate) fn varied() -> Vec<FlowRecord> {
    let mut flows = vec![
        FlowBuilder::new(1, (40_001, 4242), 0).ask(noise(700)).answer(noise(9_000)).end(Ending::Fin),
        FlowBuilder::new(2, (40_002, 4242), 1).ask("GET").answer(noise(3_000_000)).end(Ending::Fin),
        FlowBuilder::new(3, (40_003, 4242), 1).ask(noise(3_000_000)).answer("ok").end(Ending::Fin),
        FlowBuilder::new(4, (40_004, 4242), 2).ask("half").ask("").answer(noise(200_000)).end(Ending::Fin),
        FlowBuilder::new(5, (40_005, 4242), 2)
            .answer("banner")
            .answer("")
            .ask(noise(50_000))
            .end(Ending::Fin),
        FlowBuilder::new(6, (40_006, 4242), 3).ask("cut").end(Ending::Reset(Direction::ToDialer)),
        FlowBuilder::new(7, (40_007, 4242), 3).end(Ending::Reset(Direction::ToAcceptor)),
        FlowBuilder::new(8, (40_008, 4242), 3)
            .ask("")
            .answer(noise(5))
            .end(Ending::Reset(Direction::ToAcceptor)),
        FlowBuilder::new(9, (40_009, 4242), 4).ask("never ends").answer(noise(100)).still_open(),
        FlowBuilder::new(10, (40_010, 4242), 4).end(Ending::Fin),
        FlowBuilder::new(whose_numbers_wrap(), (40_011, 4242), 4).ask(noise(1_500_000)).end(Ending::Fin),
    ];
    let mut chatty = FlowBuilder::new(12, (40_012, 4242), 5);
    for length in 1..600 {
        chatty = chatty.ask(noise(length)).answer(noise(length * 7 % 3000 + 1)).answer("!");
    }
    flows.push(chatty.end(Ending::Fin));
    for id in 100..400 {
        let flow = FlowBuilder::new(id, (20_000 + id as u16, 4242), id % 7)
            .on_segment(1)
            .ask(noise(300))
            .answer(noise(4_000));
        flows.push(flow.end(if id % 2 == 0 { Ending::Fin } else { Ending::Reset(Direction::ToAcceptor) }));
    }
    flows
}

/// An id whose dialing side starts less than a megabyte before sequence numbers wrap.
fn whose_numbers_wrap() -> u64 {
    let starts_late = |id: &u64| {
        let probe = FlowBuilder::new(*id, (1, 1), 0).still_open();
        let syn = frames(&probe).next().unwrap();
        u32::from_be_bytes(syn.bytes[38..42].try_into().unwrap()) > u32::MAX - 1_000_000
    };
    (1_000..1_000_000).find(starts_late).unwrap()
}

/// A capture file in a directory of its own, which goes when this is dropped.
pub(crate) struct Written {
    directory: tempfile::TempDir,
    pub(crate) index: FrameIndex,
}

impl Written {
    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("run.pcapng")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

pub(crate) fn create(path: &Path) -> CaptureWriter {
    let segments = ["public".to_owned(), "management".to_owned()];
    let names = [(CLIENT, "users.public".to_owned()), (SERVER, "edge.public".to_owned())];
    let legend = Legend { segments: &segments, names: &names, started: SystemTime::UNIX_EPOCH + STARTED };
    CaptureWriter::create(path, &legend, Existing::Refuse).unwrap()
}

pub(crate) fn write(flows: &[FlowRecord], comments: &[Comment], secrets: Option<&str>) -> Written {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = create(&directory.path().join("run.pcapng"));
    if let Some(key_log) = secrets {
        writer.write_secrets(key_log).unwrap();
    }
    let index = writer.append(flows, comments).unwrap();
    writer.finish().unwrap();
    Written { directory, index }
}
