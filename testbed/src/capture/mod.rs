//! Tapped flows become a capture file that tshark reads without a mark, and evidence becomes frame numbers.
//!
//! ```text
//! tap ── FlowStore (keep policy) ── FlowRecord ── segments ── merge ── frames ── CaptureWriter ── NAME.pcapng
//!                                                                └──── FrameIndex (stream range → frame.number)
//! ```
//!
//! Reading order: `flow` (what was tapped), `keep` and `store` (what stays in memory), `segments` (bytes as
//! a TCP conversation), `merge` (many conversations on one time line), `frames` (a segment as packet bytes),
//! `index` (where a stream range went), `partial` and `pcapng` (the file).
//!
//! Only bytes and their order are measured: the taps sit above TCP. Ethernet, IPv4 and TCP headers are synthetic,
//! and so are acknowledgements and the opening handshake. Nothing here opens a socket or starts a task or thread:
//! one capture thread owns a [`FlowStore`] and a [`CaptureWriter`] and calls them.

mod error;
mod flow;
mod frames;
mod index;
mod keep;
mod merge;
mod partial;
mod pcapng;
mod segments;
mod store;

pub use error::CaptureError;
pub use flow::{Chunk, Ending, FlowRecord};
pub use frames::{Frame, frames};
pub use index::FrameIndex;
pub use keep::ALWAYS_KEPT;
pub use partial::Existing;
pub use pcapng::{CaptureWriter, Comment, Legend};
pub use store::{Dropped, FlowStore, Losses, Taken};
