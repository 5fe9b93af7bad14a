//! What one process held, as far as there is room: whole streams from their first byte, then nothing more.
//!
//! A stream is kept from its beginning or not at all from some point on; it never has a hole. The beginning
//! matters: without the hellos no key log opens what follows. Whatever finds no room is counted, and who
//! counts on completeness has to look at that count.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use proxies::custody::Side;

use crate::vocabulary::Direction;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of one connection, both sides and directions together.
    pub connection: usize,
    /// Bytes of one process.
    pub process: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connection: 16 * 1024 * 1024, process: 64 * 1024 * 1024 }
    }
}

/// A connection a process had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Tells connections of one launch apart; the same wire has another number at its other end.
    pub number: u64,
    /// `host/process` that held its buffers.
    pub process: String,
    /// `host/process>host/process`.
    pub link: String,
    /// True where the process accepted it, false where it dialled.
    pub accepted: bool,
}

/// One buffer a process held.
#[derive(Clone, Debug)]
pub struct Held {
    /// On which connection.
    pub connection: Arc<Connection>,
    /// On which side of its codec.
    pub side: Side,
    /// Which way it was going.
    pub direction: Direction,
    /// When, since the run started.
    pub at: Duration,
    /// The bytes.
    pub bytes: Bytes,
}

/// Everything one process held, within bounds.
pub struct Record {
    process: String,
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Vec<Held>,
    bytes: usize,
    dropped: u64,
    connections: BTreeMap<u64, Kept>,
}

struct Kept {
    connection: Arc<Connection>,
    bytes: usize,
    /// Nothing more of it is kept.
    cut: bool,
}

impl Record {
    /// Of a process called `host/process`; empty.
    pub fn new(process: &str, bounds: Bounds) -> Self {
        Self { process: process.to_owned(), bounds, state: Mutex::default() }
    }

    /// `host/process`.
    pub fn process(&self) -> &str {
        &self.process
    }

    /// A connection begins.
    pub fn connect(&self, connection: Connection) {
        let kept = Kept { connection: Arc::new(connection), bytes: 0, cut: false };
        self.state().connections.insert(kept.connection.number, kept);
    }

    /// One that began.
    pub fn connection(&self, number: u64) -> Option<Arc<Connection>> {
        self.state().connections.get(&number).map(|kept| kept.connection.clone())
    }

    /// Keeps a buffer, or counts it.
    pub fn keep(
        &self,
        connection: &Arc<Connection>,
        side: Side,
        direction: Direction,
        at: Duration,
        bytes: &[u8],
    ) {
        if bytes.is_empty() {
            return;
        }
        let mut state = self.state();
        let State { held, bytes: total, dropped, connections } = &mut *state;
        let fits = connections.get_mut(&connection.number).filter(|kept| {
            !kept.cut
                && kept.bytes + bytes.len() <= self.bounds.connection
                && *total + bytes.len() <= self.bounds.process
        });
        let Some(kept) = fits else {
            *dropped += bytes.len() as u64;
            if let Some(kept) = connections.get_mut(&connection.number) {
                kept.cut = true;
            }
            return;
        };
        kept.bytes += bytes.len();
        *total += bytes.len();
        let bytes = Bytes::copy_from_slice(bytes);
        held.push(Held { connection: connection.clone(), side, direction, at, bytes });
    }

    /// What is held, from the buffer of this number on.
    pub fn held_from(&self, first: usize) -> Vec<Held> {
        self.state().held.get(first..).unwrap_or_default().to_vec()
    }

    /// How many buffers are held.
    pub fn len(&self) -> usize {
        self.state().held.len()
    }

    /// Was nothing held so far?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that found no room.
    pub fn dropped(&self) -> u64 {
        self.state().dropped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before its next step can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn record(connection: usize, process: usize) -> Record {
        let record = Record::new("edge/proxy", Bounds { connection, process });
        for number in 1..=3 {
            let (process, link) = (record.process().to_owned(), "a/x>edge/proxy".to_owned());
            record.connect(Connection { number, process, link, accepted: true });
        }
        record
    }

    fn keep(record: &Record, number: u64, bytes: &[u8]) {
        let connection = record.connection(number).unwrap();
        record.keep(&connection, Side::Both, Direction::ToAcceptor, Duration::ZERO, bytes);
    }

    fn kept(record: &Record) -> Vec<(u64, Vec<u8>)> {
        record.held_from(0).iter().map(|held| (held.connection.number, held.bytes.to_vec())).collect()
    }

    #[test]
    fn a_long_connection_is_kept_from_its_beginning_and_without_a_hole() {
        let record = record(8, 100);
        keep(&record, 1, b"first");
        keep(&record, 1, b"too long");
        keep(&record, 1, b"ok?");
        keep(&record, 2, b"another");
        assert_eq!(kept(&record), [(1, b"first".to_vec()), (2, b"another".to_vec())]);
        assert_eq!(record.dropped(), 11, "what would fit again is dropped too: it would hide the hole");
    }

    #[test]
    fn a_busy_process_is_bounded_however_many_connections_it_has() {
        let record = record(8, 12);
        for number in 1..=3 {
            keep(&record, number, b"sixsix");
        }
        assert_eq!((kept(&record).len(), record.dropped()), (2, 6));
    }

    #[test]
    fn nothing_is_dropped_within_bounds_and_empty_reads_leave_no_trace() {
        let record = record(8, 100);
        keep(&record, 1, b"exactly8");
        keep(&record, 1, b"");
        keep(&record, 2, b"");
        assert_eq!((record.len(), record.dropped()), (1, 0));
        assert_eq!(record.held_from(1).len(), 0);
        assert_eq!(record.held_from(9).len(), 0);
    }
}
