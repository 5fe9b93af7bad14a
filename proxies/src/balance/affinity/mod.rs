//! Which place keeps which TLS 1.2 session: a bounded table of session ids, learned from servers' hellos.
//!
//! Pure: the clock is passed in. It learns what servers name and nothing clients say, so that a client that
//! makes ids up adds nothing to it. Whoever has servers name sessions by the thousand still pushes the others'
//! out; the table keeps its bound and the hit rate shows it.
//!
//! Memory: an entry takes at most [`ENTRY_BYTES`], so a full table of the default size less than 9 MiB. Trees
//! rather than hash maps: under steady eviction a hash map grows to four times its contents.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Bytes an entry takes in memory at most, in both indices.
pub const ENTRY_BYTES: usize =
    in_tree(size_of::<SessionId>() + size_of::<Entry>()) + in_tree(size_of::<u64>() + size_of::<SessionId>());

/// Entries looked at for expiry each time one is learned: more than one, so that they are all found.
const SWEPT: usize = 2;
const LONGEST_ID: usize = 32;

/// Bounds of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Sessions remembered; beyond that the one that was not used for longest goes.
    pub entries: usize,
    /// How long after its last use.
    pub expiry: Duration,
}

impl Default for Settings {
    /// The table of `HAProxy`'s recipe for this: `stick-table type binary len 32 size 30k expire 30m`.
    fn default() -> Self {
        Self { entries: 30 * 1024, expiry: Duration::from_mins(30) }
    }
}

/// What a table saw and did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Ids asked for whose place was known and up.
    pub hits: u64,
    /// Ids asked for that nobody knew.
    pub misses: u64,
    /// Ids asked for whose place is out: they led elsewhere.
    pub stale: u64,
    /// Sessions learned.
    pub learned: u64,
    /// Sessions known already that a server of another place named.
    pub moved: u64,
    /// Servers' hellos that named the very session the client asked for: resumed, as far as one can tell here.
    pub resumed: u64,
    /// Entries that went to make room.
    pub evicted: u64,
    /// Entries that went because their time was over.
    pub expired: u64,
}

impl Counts {
    /// Hits among ids asked for; `None` if none was.
    pub fn hit_rate(&self) -> Option<f64> {
        let asked = self.hits + self.misses + self.stale;
        (asked > 0).then(|| self.hits as f64 / asked as f64)
    }
}

/// Sessions and their places.
#[derive(Debug)]
pub struct Table {
    settings: Settings,
    by_id: BTreeMap<SessionId, Entry>,
    /// By last use, the oldest first.
    by_age: BTreeMap<u64, SessionId>,
    uses: u64,
    counts: Counts,
}

/// Of fixed size, so that an entry needs no memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SessionId {
    bytes: [u8; LONGEST_ID],
    length: u8,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    place: u32,
    /// Its key in `by_age`.
    age: u64,
    used: Instant,
}

impl Table {
    /// An empty one.
    pub fn new(settings: Settings) -> Self {
        Self { settings, by_id: BTreeMap::new(), by_age: BTreeMap::new(), uses: 0, counts: Counts::default() }
    }

    /// The place of the session `id`, if it is known and `offered`.
    pub fn find(&mut self, id: &[u8], now: Instant, offered: impl Fn(usize) -> bool) -> Option<usize> {
        let known = SessionId::of(id).and_then(|id| Some((id, *self.by_id.get(&id)?)));
        match known {
            Some((id, entry)) if self.is_over(&entry, now) => {
                self.remove(&id);
                self.counts.expired += 1;
                self.counts.misses += 1;
                None
            }
            // It stays: if its place is back before it expires, so is the session.
            Some((_, entry)) if !offered(entry.place as usize) => {
                self.counts.stale += 1;
                None
            }
            Some((id, entry)) => {
                self.put(id, entry.place, now);
                self.counts.hits += 1;
                Some(entry.place as usize)
            }
            None => {
                self.counts.misses += 1;
                None
            }
        }
    }

    /// The server at `place` named the session `id` to a client that asked for `asked`.
    pub fn learn(&mut self, id: &[u8], asked: Option<&[u8]>, place: usize, now: Instant) {
        if asked == Some(id) {
            self.counts.resumed += 1;
        }
        self.sweep(now);
        let (Some(id), Ok(place)) = (SessionId::of(id), u32::try_from(place)) else { return };
        match self.by_id.get(&id) {
            Some(entry) if entry.place == place => {}
            Some(_) => self.counts.moved += 1,
            None if self.settings.entries == 0 => return,
            None => {
                self.counts.learned += 1;
                if self.by_id.len() >= self.settings.entries {
                    self.remove_oldest();
                    self.counts.evicted += 1;
                }
            }
        }
        self.put(id, place, now);
    }

    /// What it saw and did.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Entries, expired ones that nobody noticed yet included.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Entries that lead to `place`. Walks the whole table.
    pub fn entries_of(&self, place: usize) -> usize {
        self.by_id.values().filter(|entry| entry.place as usize == place).count()
    }

    fn put(&mut self, id: SessionId, place: u32, now: Instant) {
        let age = self.uses;
        self.uses += 1;
        if let Some(before) = self.by_id.insert(id, Entry { place, age, used: now }) {
            self.by_age.remove(&before.age);
        }
        self.by_age.insert(age, id);
    }

    /// The oldest few, if their time is over: no single caller pays for all.
    fn sweep(&mut self, now: Instant) {
        for _ in 0..SWEPT {
            let oldest = self.by_age.first_key_value().and_then(|(_, id)| self.by_id.get(id));
            if !oldest.is_some_and(|entry| self.is_over(entry, now)) {
                break;
            }
            self.remove_oldest();
            self.counts.expired += 1;
        }
    }

    fn is_over(&self, entry: &Entry, now: Instant) -> bool {
        now.saturating_duration_since(entry.used) >= self.settings.expiry
    }

    fn remove(&mut self, id: &SessionId) {
        if let Some(entry) = self.by_id.remove(id) {
            self.by_age.remove(&entry.age);
        }
    }

    fn remove_oldest(&mut self) {
        if let Some((_, id)) = self.by_age.pop_first() {
            self.by_id.remove(&id);
        }
    }
}

impl SessionId {
    /// `None` for an empty one, or one that TLS does not allow.
    fn of(id: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST_ID];
        bytes.get_mut(..id.len()).filter(|_| !id.is_empty())?.copy_from_slice(id);
        Some(Self { length: id.len() as u8, bytes })
    }
}

/// A pair of this size in a B-tree: of a node's 11 at least 5 are there; a fifth more for the nodes above, and
/// what a node says of itself.
const fn in_tree(pair: usize) -> usize {
    (pair * 11 / 5 + 4) * 6 / 5
}

#[cfg(test)]
mod tests;
