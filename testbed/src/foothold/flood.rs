//! A licence to flood: bounded, always in two arms, always counted.
//!
//! The decoy arm floods a bystander node of the same shape with the same generator; only the difference
//! between the arms is attributed to the architecture. Connections close by reset, so no port lingers.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proxies::stream::BoxStream;
use serde::{Deserialize, Serialize};

/// Who is flooded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arm {
    /// The architecture's public front.
    Victim,
    /// A bystander node of the same shape.
    Decoy,
}

/// What one attempt does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FloodKind {
    /// TCP connect, then reset.
    Connect,
    /// A full TLS handshake (no resumption), then reset.
    Handshake,
}

/// Compile-time caps, checked against ports, descriptors and memory before the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FloodBounds {
    /// Attempts per second, per arm.
    pub rate: u32,
    /// Attempts in flight at most.
    pub in_flight: usize,
    /// Longest duration.
    pub duration: Duration,
}

/// A connection of a flood. Dropping it resets it.
pub struct FloodConnection {
    /// The stream, after whatever the kind asks for.
    pub stream: BoxStream,
}

/// What the launch puts behind a [`Flood`].
pub trait FloodBackend: Send + Sync + 'static {
    /// One attempt against an arm, complete up to what `kind` asks for.
    fn attempt(
        &self,
        arm: Arm,
        kind: FloodKind,
    ) -> Pin<Box<dyn Future<Output = io::Result<FloodConnection>> + Send + '_>>;
}

/// What the generator counted on one arm.
#[derive(Debug, Default)]
pub struct FloodTally {
    /// Attempts started.
    pub started: AtomicU64,
    /// Attempts completed.
    pub completed: AtomicU64,
    /// Attempts failed.
    pub failed: AtomicU64,
}

impl FloodTally {
    /// `(started, completed, failed)` now.
    pub fn read(&self) -> (u64, u64, u64) {
        (
            self.started.load(Ordering::Relaxed),
            self.completed.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed),
        )
    }
}

/// The licence.
#[derive(Clone)]
pub struct Flood {
    backend: Arc<dyn FloodBackend>,
    bounds: FloodBounds,
    arm: Arm,
    kind: FloodKind,
    tally: Arc<FloodTally>,
}

impl Flood {
    /// A licence for one arm and one kind within bounds; the runner reads `tally`.
    pub fn new(
        backend: Arc<dyn FloodBackend>,
        bounds: FloodBounds,
        arm: Arm,
        kind: FloodKind,
        tally: Arc<FloodTally>,
    ) -> Self {
        Self { backend, bounds, arm, kind, tally }
    }

    /// The bounds.
    pub fn bounds(&self) -> FloodBounds {
        self.bounds
    }

    /// What this licence is for.
    pub fn kind(&self) -> FloodKind {
        self.kind
    }

    /// One attempt, counted. The connection is reset when dropped.
    pub async fn attempt(&self) -> io::Result<FloodConnection> {
        self.tally.started.fetch_add(1, Ordering::Relaxed);
        let outcome = self.backend.attempt(self.arm, self.kind).await;
        let counter = if outcome.is_ok() { &self.tally.completed } else { &self.tally.failed };
        counter.fetch_add(1, Ordering::Relaxed);
        outcome
    }
}
