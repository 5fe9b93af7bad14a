//! Reading a segment: a copy of every chunk that crosses it, nothing else.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::reach::Target;
use crate::vocabulary::Direction;

/// What a sniffer can tell about a flow from its packets' headers.
#[derive(Clone, Debug)]
pub struct FlowView {
    /// Distinguishes flows of one run.
    pub id: u64,
    /// The dialing end as text, for provenance only.
    pub from: String,
    /// The accepting end, as a handle that [`super::Reach::dial`] takes.
    pub to: Target,
}

/// One chunk as it crossed.
#[derive(Clone, Debug)]
pub struct Sniffed {
    /// Which flow.
    pub flow: Arc<FlowView>,
    /// Which way.
    pub direction: Direction,
    /// When, since the run started.
    pub at: Duration,
    /// The bytes; empty when `end`.
    pub bytes: Bytes,
    /// The flow is over; nothing more of it will come.
    pub end: bool,
}

/// Reads one segment from the moment it was granted.
pub struct Sniffer {
    chunks: mpsc::UnboundedReceiver<Sniffed>,
    stop: CancellationToken,
}

impl Sniffer {
    /// A sniffer over a channel the tap thread fills; it ends when the channel closes, or when `stop` is
    /// cancelled and the channel is drained.
    pub fn new(chunks: mpsc::UnboundedReceiver<Sniffed>, stop: CancellationToken) -> Self {
        Self { chunks, stop }
    }

    /// The next chunk; `None` when the listening time is over.
    pub async fn next(&mut self) -> Option<Sniffed> {
        tokio::select! {
            biased;
            chunk = self.chunks.recv() => chunk,
            () = self.stop.cancelled() => self.chunks.try_recv().ok(),
        }
    }
}
