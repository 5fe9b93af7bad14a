//! Reading machines that were taken over: buffers of their processes and private keys, bytes and where they
//! lay, nothing else.

use std::sync::Arc;

use proxies::registry::process_tree;

use crate::{
    custody::{Held, Record, keys::KeyCopy, process::Image},
    fabric::Fabric,
};

/// What the launch puts behind a [`Memory`].
pub trait MemoryBackend: Send + Sync + 'static {
    /// Buffers that processes held since the last look; the first look is at those held from the grant on.
    fn look(&mut self) -> Vec<Held>;

    /// Memory of processes that are programs of their own, now.
    fn images(&self) -> Vec<Image>;

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

    /// Memory of processes that are programs of their own, now: everything, whatever it means.
    pub fn images(&self) -> Vec<Image> {
        self.0.images()
    }

    /// Private keys that lie there, read or refused.
    pub fn keys(&self) -> Vec<KeyCopy> {
        self.0.keys()
    }
}

/// Records of a launch, from the moment of the grant on.
pub(super) struct MemoryGround {
    records: Vec<(Arc<Record>, usize)>,
    programs: Vec<(String, u32)>,
    fabric: Fabric,
    keys: Vec<KeyCopy>,
}

impl MemoryGround {
    /// Of records, and of programs of their own by `host/process`.
    pub(super) fn new(
        records: impl Iterator<Item = Arc<Record>>,
        programs: Vec<(String, u32)>,
        fabric: Fabric,
        keys: Vec<KeyCopy>,
    ) -> Self {
        let from_now_on = |record: Arc<Record>| {
            let first = record.len();
            (record, first)
        };
        Self { records: records.map(from_now_on).collect(), programs, fabric, keys }
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

    fn images(&self) -> Vec<Image> {
        let look = |(process, pid): &(String, u32)| {
            // What cannot be read is nothing to an attacker; the judge is told.
            Image::of(process, self.fabric.now(), &process_tree(*pid)).ok()
        };
        self.programs.iter().filter_map(look).collect()
    }

    fn keys(&self) -> Vec<KeyCopy> {
        self.keys.clone()
    }
}
