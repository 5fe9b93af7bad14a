//! Collecting loot: each secret once, within bounds, and shown to a sink as it comes.
//!
//! The sink is unbounded because a haul is not: what was sent can never be more than what is kept.

use std::collections::HashSet;

use bytes::Bytes;
use testbed::foothold::NotGranted;
use tokio::sync::mpsc;

use super::{FlowCounts, Item, Loot, Provenance, SecretKind, Step};

/// Items a haul keeps at most.
const MAX_ITEMS: usize = 200_000;
/// Bytes of secrets a haul keeps at most.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// Where loot is shown while a technique runs. Cheap to clone; a reader that left is no error.
#[derive(Clone, Debug, Default)]
pub struct LootSink(Option<mpsc::UnboundedSender<Item>>);

impl LootSink {
    /// A sink and its reader.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Item>) {
        let (sender, reader) = mpsc::unbounded_channel();
        (Self(Some(sender)), reader)
    }

    /// A sink nobody reads.
    pub fn closed() -> Self {
        Self(None)
    }

    fn show(&self, item: &Item) {
        if let Some(sender) = &self.0 {
            // A reader that left only means that nobody looks.
            let _ = sender.send(item.clone());
        }
    }
}

/// Loot being collected.
#[derive(Debug)]
pub struct Haul {
    loot: Loot,
    sink: LootSink,
    seen: HashSet<(SecretKind, Bytes)>,
    bytes: usize,
}

impl Haul {
    /// Nothing yet.
    pub fn new(sink: LootSink) -> Self {
        Self { loot: Loot::default(), sink, seen: HashSet::new(), bytes: 0 }
    }

    /// Takes an item; a secret already held is not taken twice.
    pub fn take(&mut self, item: Item) {
        let key = match &item {
            Item::Secret(secret) => Some((secret.kind, secret.value.clone())),
            _ => None,
        };
        if key.as_ref().is_some_and(|key| self.seen.contains(key)) {
            return;
        }
        let size = key.as_ref().map_or(0, |(_, value)| value.len());
        if self.loot.items.len() >= MAX_ITEMS || self.bytes + size > MAX_BYTES {
            self.loot.left_behind += 1;
            return;
        }
        self.bytes += size;
        self.seen.extend(key);
        self.sink.show(&item);
        self.loot.items.push(item);
    }

    /// Passes a granted capability on, and notes one that was not granted.
    pub fn granted<T>(&mut self, step: Step, asked: Result<T, NotGranted>) -> Option<T> {
        asked.map_err(|refused| self.note_not_granted(step, refused)).ok()
    }

    /// Notes a capability that is missing.
    pub fn note_not_granted(&mut self, step: Step, refused: NotGranted) {
        let where_found = refused.to_string();
        self.take(Item::NotGranted(Provenance { step, flow: None, at: None, where_found }, refused));
    }

    /// Sets how many flows were heard.
    pub fn set_flows(&mut self, flows: FlowCounts) {
        self.loot.flows = flows;
    }

    /// What was collected.
    pub fn into_loot(self) -> Loot {
        self.loot
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::loot::Secret;

    fn token(value: &'static str, place: &str) -> Item {
        Item::Secret(Secret {
            kind: SecretKind::Token,
            value: Bytes::from_static(value.as_bytes()),
            user: None,
            provenance: Provenance {
                step: Step { technique: "test", attack_id: "T1040" },
                flow: Some(1),
                at: None,
                where_found: place.to_owned(),
            },
        })
    }

    #[test]
    fn a_secret_is_kept_and_shown_once_with_its_first_provenance() {
        let (sink, mut reader) = LootSink::channel();
        let mut haul = Haul::new(sink);
        haul.take(token("one", "first"));
        haul.take(token("one", "second"));
        haul.take(token("two", "third"));
        let loot = haul.into_loot();
        let places: Vec<&str> = loot.secrets().map(|s| s.provenance.where_found.as_str()).collect();
        assert_eq!(places, ["first", "third"]);
        assert!(reader.try_recv().is_ok() && reader.try_recv().is_ok());
        assert!(reader.try_recv().is_err());
    }

    #[test]
    fn a_sink_nobody_reads_loses_nothing() {
        let (sink, reader) = LootSink::channel();
        drop(reader);
        let mut haul = Haul::new(sink);
        haul.take(token("one", "first"));
        assert_eq!(haul.into_loot().items.len(), 1);
    }

    #[test]
    fn a_full_haul_counts_what_it_leaves_behind() {
        let mut haul = Haul::new(LootSink::closed());
        haul.bytes = MAX_BYTES - 3;
        haul.take(token("one", "fits"));
        haul.take(token("two", "does not"));
        let loot = haul.into_loot();
        assert_eq!((loot.items.len(), loot.left_behind), (1, 1));
    }
}
