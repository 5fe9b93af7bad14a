//! The only door through which attack code can touch anything.
//!
//! A launched testbed grants a [`Foothold`] for a vantage. It carries capabilities, never addresses: a
//! sniffer to read a segment, a place in the path, targets that can be dialled and files that can be read by
//! handle, a licence to flood. Asking for a capability that was not granted is an error, not a way around.
//!
//! Nothing here judges. Dropping a foothold lifts its rules and ends its taps.

mod files;
mod flood;
mod flood_ground;
pub mod grant;
pub mod hosts;
mod in_path;
mod in_path_ground;
mod memory;
mod neighbour_ground;
mod reach;
mod reach_ground;
mod sniffer;
mod tls;
mod tls_ground;

pub use crate::custody::{
    Connection, Held, Side,
    keys::KeyCopy,
    process::{Image, Stretch},
};
pub use files::{FileView, Files, FilesBackend};
pub use flood::{Arm, Flood, FloodBackend, FloodBounds, FloodConnection, FloodKind, FloodTally};
pub use grant::{Footholds, GrantError};
pub use in_path::{InPath, Intercepted};
pub use memory::{Memory, MemoryBackend};
pub use proxies::stream::BoxStream;
pub use reach::{Answer, Dialed, Reach, ReachBackend, Target, TargetId};
pub use sniffer::{FlowView, Sniffed, Sniffer};
pub use tls::{AttackerTls, HandshakeFailure, TlsBackend};

use tokio_util::sync::CancellationToken;

use crate::vocabulary::Vantage;

/// What a launched testbed grants at one vantage.
pub struct Foothold {
    vantage: Vantage,
    stop: CancellationToken,
    sniffer: Option<Sniffer>,
    in_path: Option<InPath>,
    reach: Option<Reach>,
    files: Option<Files>,
    flood: Option<Flood>,
    tls: Option<AttackerTls>,
    memory: Option<Memory>,
}

/// The vantage does not give this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a foothold at `{vantage}` grants no {capability}")]
pub struct NotGranted {
    /// Where the attacker stands.
    pub vantage: Vantage,
    /// What was asked for.
    pub capability: &'static str,
}

impl Foothold {
    /// A foothold without any capability; the launch adds what the vantage grants.
    pub fn new(vantage: Vantage, stop: CancellationToken) -> Self {
        Self {
            vantage,
            stop,
            sniffer: None,
            in_path: None,
            reach: None,
            files: None,
            flood: None,
            tls: None,
            memory: None,
        }
    }

    /// Grants reading a segment.
    #[must_use]
    pub fn with_sniffer(mut self, sniffer: Sniffer) -> Self {
        self.sniffer = Some(sniffer);
        self
    }

    /// Grants a place in the path.
    #[must_use]
    pub fn with_in_path(mut self, in_path: InPath) -> Self {
        self.in_path = Some(in_path);
        self
    }

    /// Grants dialling targets.
    #[must_use]
    pub fn with_reach(mut self, reach: Reach) -> Self {
        self.reach = Some(reach);
        self
    }

    /// Grants reading files.
    #[must_use]
    pub fn with_files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Grants a bounded flood.
    #[must_use]
    pub fn with_flood(mut self, flood: Flood) -> Self {
        self.flood = Some(flood);
        self
    }

    /// Gives the attacker's own TLS kit.
    #[must_use]
    pub fn with_tls(mut self, tls: AttackerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Grants reading machines that were taken over.
    #[must_use]
    pub fn with_memory(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Where the attacker stands.
    pub fn vantage(&self) -> Vantage {
        self.vantage
    }

    /// Cancelled when attack traffic must end; every loop of a technique watches it.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Takes the segment reader out (there is one).
    pub fn sniffer(&mut self) -> Result<Sniffer, NotGranted> {
        self.sniffer.take().ok_or(NotGranted { vantage: self.vantage, capability: "sniffer" })
    }

    /// Takes the place in the path out (there is one).
    pub fn in_path(&mut self) -> Result<InPath, NotGranted> {
        self.in_path.take().ok_or(NotGranted { vantage: self.vantage, capability: "place in the path" })
    }

    /// Takes the memory of the machines out (there is one).
    pub fn memory(&mut self) -> Result<Memory, NotGranted> {
        self.memory.take().ok_or(NotGranted { vantage: self.vantage, capability: "memory of a machine" })
    }

    /// What can be dialled from here.
    pub fn reach(&self) -> Result<Reach, NotGranted> {
        self.reach.clone().ok_or(NotGranted { vantage: self.vantage, capability: "targets" })
    }

    /// Files that can be tried from here.
    pub fn files(&self) -> Result<Files, NotGranted> {
        self.files.clone().ok_or(NotGranted { vantage: self.vantage, capability: "files" })
    }

    /// The licence to flood.
    pub fn flood(&self) -> Result<Flood, NotGranted> {
        self.flood.clone().ok_or(NotGranted { vantage: self.vantage, capability: "flood" })
    }

    /// The attacker's own TLS kit: an authority nobody trusts, and a client that verifies nothing.
    pub fn tls(&self) -> Result<AttackerTls, NotGranted> {
        self.tls.clone().ok_or(NotGranted { vantage: self.vantage, capability: "TLS kit" })
    }
}
