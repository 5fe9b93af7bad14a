//! What processes held in user space: every buffer on both sides of their TLS codecs, and their private keys.
//!
//! ```text
//!  proxies: Observe/Seam ─▶ observer ─▶ Record, one per process, bounded ─▶ foothold (root, service process)
//!                                                                       └▶ ledger: search, opener
//!  architecture, pki ─────▶ keys: which key lies where, who may read it, who has it in memory
//! ```
//!
//! A process that is a program of its own keeps no record: its memory itself is looked at ([`process`]), and that is
//! measured.
//!
//! A launch keeps records only when asked: copying happens on the process's own threads and costs its clock.
//! It is a model of memory: what a process holds beside its buffers and keys (its heap, a password in a
//! configuration file) is not in it. No code here asks which architecture this is. Nothing spawns.

pub mod keys;
mod observer;
pub mod process;
mod record;
mod search;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use proxies::{custody::Observe, registry::EntryId};

pub use proxies::custody::Side;
pub use record::{Bounds, Connection, Held, Record};
pub use search::{Readable, search};

use self::observer::Post;
use crate::fabric::Fabric;

/// The records of one launch; clones share them.
#[derive(Clone)]
pub struct Custody {
    books: Arc<Books>,
    /// Whose connections are observed through this clone.
    process: Option<Arc<Record>>,
}

struct Books {
    fabric: Fabric,
    /// `host/process` behind an entry that is dialled.
    names: BTreeMap<EntryId, String>,
    bounds: Bounds,
    records: Mutex<BTreeMap<String, Arc<Record>>>,
    connections: AtomicU64,
}

impl Custody {
    /// Nothing held yet.
    pub fn new(fabric: Fabric, names: BTreeMap<EntryId, String>, bounds: Bounds) -> Self {
        let records = Mutex::default();
        let books = Books { fabric, names, bounds, records, connections: AtomicU64::new(1) };
        Self { books: Arc::new(books), process: None }
    }

    /// The same records, for the connections of one process.
    #[must_use]
    pub fn of(&self, process: &str) -> Self {
        let mut records = self.books.records.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Record::new(process, self.books.bounds));
        let record = records.entry(process.to_owned()).or_insert_with(new);
        Self { books: self.books.clone(), process: Some(record.clone()) }
    }

    /// The record of a process, if one was opened.
    pub fn record(&self, process: &str) -> Option<Arc<Record>> {
        self.books.records.lock().unwrap_or_else(PoisonError::into_inner).get(process).cloned()
    }

    /// What observes the connections of this process; towards `entry` where it dials.
    pub(crate) fn observer(&self, dials: Option<EntryId>) -> Option<Arc<dyn Observe>> {
        let record = self.process.clone()?;
        let to = dials.map(|entry| self.name(entry));
        Some(Arc::new(Post::new(self.clone(), record, to)))
    }

    fn name(&self, entry: EntryId) -> String {
        self.books.names.get(&entry).cloned().unwrap_or_else(|| "unnamed/listener".to_owned())
    }

    fn next_connection(&self) -> u64 {
        self.books.connections.fetch_add(1, Ordering::Relaxed)
    }

    fn fabric(&self) -> &Fabric {
        &self.books.fabric
    }
}
