//! What a launch may vary, and why it may fail.

use std::{io, time::Duration};

use proxies::{limits::Limits, neighbour::Helper, registry::RegistryError, tls::TlsError};
use tokio::time::Instant;

use crate::{custody::Bounds, engine::EngineError, files::KEY_MODE, pki::PkiError};

/// How a crossing is realised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Realisation {
    /// Wrapped at the acceptor; at the dialer where the acceptor is a program of its own.
    #[default]
    Acceptor,
    /// Wrapped at the dialer.
    Dialer,
    /// A relay of the segment in front of every listener.
    Relay,
}

/// How clients from outside the run call public listeners, and what the catalog publishes to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// `localhost`, which every client can resolve.
    Localhost,
    /// The listeners' own names, which these clients can resolve.
    Names,
}

/// What a launch may vary.
#[derive(Clone, Debug)]
pub struct LaunchOptions {
    /// Seed of canaries and schedules.
    pub seed: u64,
    /// Listeners of public segments stand on 127.0.0.1 and take outside clients, who call them like this.
    pub outside: Option<Outside>,
    /// How crossings are realised.
    pub realisation: Realisation,
    /// Also start a bystander of the public front's shape, for floods.
    pub bystander: bool,
    /// CPU burnt per handshake on public fronts: the test switch of the flood's attribution.
    pub ballast: Duration,
    /// Nobody will judge: no capture, key log or canary is kept, so that memory does not grow with traffic.
    pub unrecorded: bool,
    /// Record what processes hold in user space, within these bounds. It costs CPU on the processes' own
    /// clocks.
    pub custody: Option<Bounds>,
    /// Deadlines and bounds of every node.
    pub limits: Limits,
    /// What all times count from; `None` = this launch.
    pub epoch: Option<Instant>,
    /// How to start a child that is another user; without it, what needs one is not exercised.
    pub helper: Option<Helper>,
    /// Mode of key files: other than [`KEY_MODE`] in the test that makes them readable.
    pub key_mode: u32,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self {
            custody: None,
            seed: 0,
            outside: None,
            realisation: Realisation::default(),
            bystander: false,
            ballast: Duration::ZERO,
            unrecorded: false,
            limits: Limits::default(),
            epoch: None,
            helper: None,
            key_mode: KEY_MODE,
        }
    }
}

/// Why a launch failed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// An address could not be had.
    #[error(transparent)]
    Address(#[from] RegistryError),
    /// A certificate could not be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// A ticket key could not be drawn.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A program does not stand in a proxy's place.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A thread or a service could not be started.
    #[error("cannot start {what}: {source}")]
    Start {
        /// Which.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The file's own rules exclude this; said instead of a panic.
    #[error("{what} has no place in this launch")]
    Unplaced {
        /// Which.
        what: String,
    },
    /// The service user could not be made.
    #[error("identity does not take the service user: {0}")]
    ServiceUser(String),
}
