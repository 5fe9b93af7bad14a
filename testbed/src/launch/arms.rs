//! The two arms of a flood.

use proxies::{registry::EntryId, transport::Party};

use crate::architecture::SegmentId;

/// What a flood may hit.
#[derive(Clone, Debug)]
pub struct Arms {
    /// The public front.
    pub victim: EntryId,
    /// `host/process` of the front.
    pub victim_label: String,
    /// The name its callers ask for.
    pub victim_name: String,
    /// The bystander.
    pub decoy: EntryId,
    /// `host/process` of the bystander.
    pub decoy_label: String,
    /// The name its callers ask for.
    pub decoy_name: String,
    /// The segment both stand on.
    pub segment: SegmentId,
    /// Who floods, on the wire.
    pub party: Party,
    /// True when connecting to them means a handshake.
    pub shakes_hands: bool,
    /// True when the front itself ends TLS, and counts handshakes.
    pub ends_tls: bool,
}
