//! Reading machines that were taken over: buffers of their processes and private keys, bytes and where they
//! lay, nothing else.

use std::sync::Arc;

use crate::custody::{Held, Record, keys::KeyCopy};

/// What the launch puts behind a [`Memory`].
pub trait MemoryBackend: Send + Sync + 'static {
    /// Buffers that processes held since the last look; the first look is at those held from the grant on.
    fn look(&mut self) -> Vec<Held>;

    /// Private keys that lie there, read or refused.
    fn keys(&self) -> Vec<KeyCopy>;
}

/// The capability to read memory and key files of machines.
pub struct Memory(Box<dyn MemoryBackend>);

impl Memory {
    /// Over a backend.
    pub fn new(backend: Box<dyn MemoryBackend>) -> Self {
        Self(backend)
    }

    /// Buffers that processes held since the last look.
    pub fn look(&mut self) -> Vec<Held> {
        self.0.look()
    }

    /// Private keys that lie there, read or refused.
    pub fn keys(&self) -> Vec<KeyCopy> {
        self.0.keys()
    }
}

/// Records of a launch, from the moment of the grant on.
pub(super) struct MemoryGround {
    records: Vec<(Arc<Record>, usize)>,
    keys: Vec<KeyCopy>,
}

impl MemoryGround {
    pub(super) fn new(records: impl Iterator<Item = Arc<Record>>, keys: Vec<KeyCopy>) -> Self {
        let from_now_on = |record: Arc<Record>| {
            let first = record.len();
            (record, first)
        };
        Self { records: records.map(from_now_on).collect(), keys }
    }
}

impl MemoryBackend for MemoryGround {
    fn look(&mut self) -> Vec<Held> {
        let fresh = self.records.iter_mut().flat_map(|(record, next)| {
            let held = record.held_from(*next);
            *next += held.len();
            held
        });
        fresh.collect()
    }

    fn keys(&self) -> Vec<KeyCopy> {
        self.keys.clone()
    }
}
