//! A bucket for every key, in memory that is taken once and never grows.
//!
//! ```text
//!   key ─ keyed hash ─▶ one of 8,192 sets ─▶ one of its 8 slots: the key's own
//!                                            else one that is full again: nobody can tell
//!                                            else the one that owes least, debt included
//! ```
//!
//! 65,536 keys at once, 1.1 MiB, whatever comes. Who takes over a slot takes over what it owes. Therefore a key's
//! bucket is never fuller than it would be with a slot for everybody: a key is pushed out only as the one that owes
//! least in its set, what a set's slots owe never shrinks but by time, and on its return it inherits one of them. No
//! key can wash itself clean by a flood of others. The price is paid under such a flood alone: a newcomer may wait
//! for what somebody else spent. Sets are drawn by a hash nobody outside can compute, so that nobody can choose whom
//! to share one with.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::rate::{Bucket, Nanos};
use crate::limits::Rate;

/// Keys that have a bucket of their own at once.
pub const KEYS: usize = SETS * WAYS;

const SETS: usize = 8_192;
const WAYS: usize = 8;

/// Buckets by key; shared by threads.
pub struct Table<H = RandomState> {
    sets: Box<[Mutex<Set>]>,
    hash: H,
}

type Set = [Slot; WAYS];

#[derive(Clone, Copy, Default)]
struct Slot {
    /// The key's hash; another key of the same 64 bits shares its bucket.
    key: u64,
    bucket: Bucket,
}

impl Default for Table {
    fn default() -> Self {
        Self::of(SETS, RandomState::new())
    }
}

impl<H: BuildHasher> Table<H> {
    fn of(sets: usize, hash: H) -> Self {
        Self { sets: (0..sets.max(1)).map(|_| Mutex::default()).collect(), hash }
    }

    /// Takes one from the bucket of `key`, or says how long until there is one. One rate for all keys, always.
    pub fn take(&self, key: impl Hash, rate: Rate, now: Nanos) -> Result<(), Duration> {
        let key = self.hash.hash_one(key);
        let mut set =
            self.sets[key as usize % self.sets.len()].lock().unwrap_or_else(PoisonError::into_inner);
        let own = set.iter().position(|slot| slot.key == key);
        let way = own.unwrap_or_else(|| owing_least(&set));
        let slot = &mut set[way];
        slot.bucket.take(rate, now)?;
        slot.key = key;
        Ok(())
    }
}

/// Where a newcomer is put: on a bucket that is full again if there is one.
fn owing_least(set: &Set) -> usize {
    (1..WAYS).fold(0, |least, way| if set[way].bucket < set[least].bucket { way } else { least })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{
        collections::HashMap,
        hash::{BuildHasherDefault, DefaultHasher},
    };

    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn small(sets: usize) -> Table<BuildHasherDefault<DefaultHasher>> {
        Table::of(sets, BuildHasherDefault::default())
    }

    #[test]
    fn each_key_has_its_own_rate() {
        let (table, rate) = (Table::default(), Rate { per_second: 1, burst: 2 });
        for key in ["one", "other"] {
            assert!(table.take(key, rate, 5).is_ok() && table.take(key, rate, 5).is_ok());
            assert_eq!(table.take(key, rate, 5), Err(Duration::from_secs(1)));
            assert!(table.take(key, rate, 5 + SECOND).is_ok());
        }
    }

    #[test]
    fn memory_is_what_the_documentation_says() {
        let table = Table::default();
        assert_eq!(KEYS, 65_536);
        assert!(std::mem::size_of_val(&*table.sets) <= 1_153_434, "1.1 MiB");
        for key in 0..4 * KEYS {
            let _any = table.take(key, Rate { per_second: 1, burst: 1 }, 0);
        }
        assert_eq!(table.sets.len() * WAYS, KEYS, "a flood of keys takes no more");
    }

    /// Spends all it may, has itself pushed out by a flood of made-up keys, and comes back no richer.
    #[test]
    fn a_flood_of_keys_washes_nobody_clean() {
        let (table, rate) = (small(4), Rate { per_second: 1, burst: 5 });
        let passed = (0..5_000).filter(|n| {
            let _flood = table.take(("made up", n), rate, 0);
            table.take("the same", rate, 0).is_ok()
        });
        assert!(passed.count() <= 5);
        // Nor do all of them together get more than the slots can owe.
        let all = (0..100_000).filter(|n| table.take(("more", n), rate, 0).is_ok()).count();
        assert!(all <= 4 * WAYS * 5, "{all}");
        assert!(table.take("the same", rate, 100 * SECOND).is_ok(), "in time everything is forgiven");
    }

    #[test]
    fn newcomers_find_room_as_soon_as_somebody_owes_nothing() {
        let (table, rate) = (small(1), Rate { per_second: 1, burst: 1 });
        assert!((0..WAYS).all(|key| table.take(key, rate, 0).is_ok()));
        assert_eq!(table.take("new", rate, 0), Err(Duration::from_secs(1)));
        assert!(table.take("new", rate, SECOND).is_ok());
    }

    proptest! {
        /// Whatever the order: who passes here would have passed with a slot for everybody too.
        #[test]
        fn never_more_than_with_a_slot_for_everybody(
            steps in proptest::collection::vec((0_u8..40, 0_u64..SECOND / 4), 1..600),
            per_second in 1_u32..20,
            burst in 1_u32..6,
        ) {
            let (table, rate) = (small(1), Rate { per_second, burst });
            let (mut exact, mut now) = (HashMap::<u8, Bucket>::new(), 0);
            for (key, step) in steps {
                now += step;
                if table.take(key, rate, now).is_ok() {
                    prop_assert!(exact.entry(key).or_default().take(rate, now).is_ok());
                }
            }
        }
    }
}
