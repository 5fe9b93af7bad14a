//! What can go wrong with a capture file; every error names the file.

use std::{io, path::PathBuf};

use pcap_file::pcapng::PcapNgWriteError;

/// Why a capture file was not written.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A finished capture of that name is there, and nobody asked for it to be replaced.
    #[error("{} exists already; use --force to replace it", path.display())]
    Exists {
        /// The finished file.
        path: PathBuf,
    },
    /// Another run is writing this capture, or was killed while it did.
    #[error("{} is being written by another run, or was left by one that was killed; use --force to replace it", path.display())]
    Unfinished {
        /// The partial file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `create`, `write`, `rename`, ….
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// A block cannot be expressed in pcapng, for example a segment name above 65,535 bytes.
    #[error("cannot express a {block} in {}", path.display())]
    Block {
        /// Which kind of block.
        block: &'static str,
        /// The capture.
        path: PathBuf,
        /// The encoder's complaint.
        source: PcapNgWriteError,
    },
    /// A flow names a segment that the file does not describe.
    #[error("flow {flow} crossed segment number {segment}, but {} describes {segments} segments", path.display())]
    UnknownSegment {
        /// The flow.
        flow: u64,
        /// The number it carries.
        segment: usize,
        /// How many there are.
        segments: usize,
        /// The capture.
        path: PathBuf,
    },
}
