//! The capture file: one interface per segment, names of addresses, comments on evidence frames.
//!
//! ```text
//! section │ interface per segment │ names │ [secrets] │ packets of one append │ [secrets] │ packets of the next │ …
//! ```
//!
//! Always little-endian with nanosecond times, so that equal runs give equal files. Secrets are written only when
//! handed over. It judges nothing: which bytes deserve a comment is the caller's knowledge.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::Ipv4Addr,
    ops::Range,
    path::Path,
    time::{Duration, SystemTime},
};

use pcap_file::{
    DataLink, Endianness,
    pcapng::{
        PcapNgBlock, PcapNgWriteError, PcapNgWriter,
        blocks::{
            enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption},
            interface_description::{
                InterfaceDescriptionBlock, InterfaceDescriptionOption, InterfaceTsResolution,
            },
            name_resolution::{Ipv4Record, NameResolutionBlock, Record},
            opt_common::CommonOption,
            section_header::SectionHeaderBlock,
            unknown::UnknownBlock,
        },
    },
};

use super::{
    error::CaptureError,
    flow::FlowRecord,
    frames::encode,
    index::FrameIndex,
    merge::Merge,
    partial::{Existing, PartialFile},
};
use crate::vocabulary::Direction;

/// Longest comment, in bytes; longer ones are cut.
const LONGEST_COMMENT: usize = 4096;
/// Wireshark's own upper bound for a packet; ours have at most 1,514 bytes.
const SNAPLEN: u32 = 262_144;
/// "Decryption Secrets Block" and its "TLS Key Log" format (draft-ietf-opsawg-pcapng, section 4.7); `pcap-file` has
/// no type for it.
const SECRETS_BLOCK: u32 = 0x0000_000A;
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// What a reader of the file needs to know beside the packets.
#[derive(Clone, Copy, Debug)]
pub struct Legend<'a> {
    /// Names of the segments; [`FlowRecord::segment`] counts in this order.
    pub segments: &'a [String],
    /// What addresses are called, for example `edge.public`.
    pub names: &'a [(Ipv4Addr, String)],
    /// The moment that all times of flows count from.
    pub started: SystemTime,
}

/// A remark on every frame that carries a byte of a stretch of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The flow.
    pub flow: u64,
    /// Which stream of it.
    pub direction: Direction,
    /// Offsets in that stream.
    pub range: Range<u64>,
    /// The remark; cut after 4,096 bytes.
    pub text: String,
}

/// A capture file being written. Only [`CaptureWriter::finish`] gives it its name; dropped before, it stays behind as
/// `NAME.partial`, readable up to the last append. After an error it is good for nothing but dropping.
pub struct CaptureWriter {
    blocks: PcapNgWriter<PartialFile>,
    segments: usize,
    started: Duration,
    written: u64,
}

impl CaptureWriter {
    /// Creates `PATH.partial` (readable by its owner alone) and describes the segments in it.
    pub fn create(path: &Path, legend: &Legend<'_>, existing: Existing) -> Result<Self, CaptureError> {
        let file = PartialFile::create(path, existing)?;
        let section = SectionHeaderBlock { endianness: Endianness::Little, ..SectionHeaderBlock::default() };
        let blocks = PcapNgWriter::with_section_header(file, section)
            .map_err(|source| unencodable("section header", path, source))?;
        let started = legend.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut writer = Self { blocks, segments: legend.segments.len(), started, written: 0 };
        for segment in legend.segments {
            writer.write("interface description", interface(segment))?;
        }
        writer.write_names(legend.names)?;
        writer.blocks.get_mut().hand_over()?;
        Ok(writer)
    }

    /// Names more addresses: those of a later launch, before its flows are appended.
    pub fn write_names(&mut self, names: &[(Ipv4Addr, String)]) -> Result<(), CaptureError> {
        let records: Vec<_> = names
            .iter()
            .filter(|(_, name)| !name.is_empty())
            .map(|(address, name)| {
                Record::Ipv4(Ipv4Record { ip_addr: *address, names: vec![Cow::Borrowed(name.as_str())] })
            })
            .collect();
        if records.is_empty() {
            return Ok(());
        }
        self.write("name resolution", NameResolutionBlock { records, options: vec![] })
    }

    /// Puts secrets of TLS sessions (lines of an `SSLKEYLOGFILE`) into the file: whoever has it can then read these
    /// sessions. They open only packets that follow, so call it before [`CaptureWriter::append`].
    pub fn write_secrets(&mut self, key_log: &str) -> Result<(), CaptureError> {
        let mut body = Vec::with_capacity(key_log.len() + 12);
        body.extend_from_slice(&TLS_KEY_LOG.to_le_bytes());
        body.extend_from_slice(&(key_log.len() as u32).to_le_bytes());
        body.extend_from_slice(key_log.as_bytes());
        self.write("decryption secrets", UnknownBlock::new(SECRETS_BLOCK, 0, &body))
    }

    /// Writes all frames of these flows, by time, and tells where they went. One call per scenario: what is appended
    /// follows what was appended before.
    pub fn append<'a>(
        &mut self,
        flows: impl IntoIterator<Item = &'a FlowRecord>,
        comments: &[Comment],
    ) -> Result<FrameIndex, CaptureError> {
        let flows: Vec<&FlowRecord> = flows.into_iter().collect();
        if let Some(stray) = flows.iter().find(|flow| flow.segment >= self.segments) {
            return Err(CaptureError::UnknownSegment {
                flow: stray.id,
                segment: stray.segment,
                segments: self.segments,
                path: self.blocks.get_ref().target().to_owned(),
            });
        }
        // Numbered before they are written, because comments are asked for by stretch and written by frame. Going
        // through the segments twice is cheaper than keeping them.
        let mut index = FrameIndex::default();
        for (number, (flow, segment)) in (self.written + 1..).zip(Merge::new(flows.clone())) {
            index.record(flow.id, &segment, number);
        }
        let remarks = by_frame(comments, &index);
        let mut frame = Vec::new();
        for (flow, segment) in Merge::new(flows) {
            encode(flow, &segment, &mut frame);
            let remarks = remarks.get(&(self.written + 1)).map_or(&[][..], Vec::as_slice);
            let at = self.started.saturating_add(segment.at);
            self.write("packet", packet(flow.segment as u32, at, &frame, remarks))?;
            self.written += 1;
        }
        self.blocks.get_mut().hand_over()?;
        Ok(index)
    }

    /// Syncs the file and renames it from `NAME.partial` to `NAME`.
    pub fn finish(self) -> Result<(), CaptureError> {
        self.blocks.into_inner().finish()
    }

    fn write<'b>(&mut self, kind: &'static str, block: impl PcapNgBlock<'b>) -> Result<(), CaptureError> {
        if let Err(source) = self.blocks.write_pcapng_block(block) {
            return Err(unencodable(kind, self.blocks.get_ref().target(), source));
        }
        self.blocks.get_mut().settle()
    }
}

fn interface(segment: &str) -> InterfaceDescriptionBlock<'_> {
    let options = vec![
        InterfaceDescriptionOption::IfName(Cow::Borrowed(segment)),
        InterfaceDescriptionOption::IfTsResol(InterfaceTsResolution::NANO),
    ];
    InterfaceDescriptionBlock { linktype: DataLink::ETHERNET, snaplen: SNAPLEN, options }
}

fn packet<'b>(segment: u32, at: Duration, frame: &'b [u8], remarks: &[&'b str]) -> EnhancedPacketBlock<'b> {
    EnhancedPacketBlock {
        interface_id: segment,
        timestamp: at,
        original_len: frame.len() as u32,
        data: Cow::Borrowed(frame),
        options: remarks
            .iter()
            .map(|text| EnhancedPacketOption::Common(CommonOption::Comment(Cow::Borrowed(text))))
            .collect(),
    }
}

fn by_frame<'b>(comments: &'b [Comment], index: &FrameIndex) -> HashMap<u64, Vec<&'b str>> {
    let mut remarks: HashMap<u64, Vec<&str>> = HashMap::new();
    for comment in comments {
        let text = &comment.text[..comment.text.floor_char_boundary(LONGEST_COMMENT)];
        for frame in index.frames(comment.flow, comment.direction, comment.range.clone()) {
            remarks.entry(frame).or_default().push(text);
        }
    }
    remarks
}

fn unencodable(block: &'static str, path: &Path, source: PcapNgWriteError) -> CaptureError {
    CaptureError::Block { block, path: path.to_owned(), source }
}
