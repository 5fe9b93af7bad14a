//! The table as transcripts, and what a flood of made-up ids does to it.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::*;

const EVERYWHERE: fn(usize) -> bool = |_| true;

fn table(entries: usize) -> (Table, Instant) {
    (Table::new(Settings { entries, expiry: Duration::from_mins(30) }), Instant::now())
}

fn minutes(now: Instant, minutes: u64) -> Instant {
    now + Duration::from_mins(minutes)
}

#[test]
fn a_session_leads_to_the_place_that_named_it_until_another_names_it() {
    let (mut table, now) = table(10);
    assert_eq!(table.find(b"one", now, EVERYWHERE), None);
    table.learn(b"one", None, 0, now);
    table.learn(b"two", None, 1, now);
    assert_eq!(table.find(b"one", now, EVERYWHERE), Some(0));
    assert_eq!(table.find(b"two", now, EVERYWHERE), Some(1));
    assert_eq!(table.find(b"tw", now, EVERYWHERE), None, "ids are compared whole");
    table.learn(b"one", Some(b"one"), 0, now);
    table.learn(b"one", Some(b"other"), 1, now);
    assert_eq!(table.find(b"one", now, EVERYWHERE), Some(1));
    let expected = Counts { hits: 3, misses: 2, learned: 2, moved: 1, resumed: 1, ..Counts::default() };
    assert_eq!(table.counts(), expected);
    assert_eq!(table.counts().hit_rate(), Some(0.6));
}

#[test]
fn an_entry_lives_as_long_as_it_is_used() {
    let (mut table, now) = table(10);
    table.learn(b"used", None, 0, now);
    table.learn(b"left", None, 0, now);
    assert_eq!(table.find(b"used", minutes(now, 29), EVERYWHERE), Some(0));
    assert_eq!(table.find(b"left", minutes(now, 30), EVERYWHERE), None);
    assert_eq!(table.find(b"used", minutes(now, 58), EVERYWHERE), Some(0));
    assert_eq!((table.len(), table.counts().expired), (1, 1));
}

#[test]
fn what_is_over_goes_as_others_come() {
    let (mut table, now) = table(100);
    (0..50_u8).for_each(|n| table.learn(&[n], None, 0, now));
    (50..75_u8).for_each(|n| table.learn(&[n], None, 0, minutes(now, 40)));
    assert_eq!((table.len(), table.counts().expired, table.counts().evicted), (25, 50, 0));
}

#[test]
fn the_one_not_used_for_longest_makes_room() {
    let (mut table, now) = table(3);
    for id in [b"a", b"b", b"c"] {
        table.learn(id, None, 0, now);
    }
    assert_eq!(table.find(b"a", now, EVERYWHERE), Some(0));
    table.learn(b"d", None, 0, now);
    let left: Vec<bool> =
        [b"a", b"b", b"c", b"d"].iter().map(|id| table.find(*id, now, EVERYWHERE).is_some()).collect();
    assert_eq!(left, [true, false, true, true]);
    assert_eq!((table.len(), table.counts().evicted), (3, 1));
}

#[test]
fn a_place_that_is_out_is_not_led_to_and_is_again_once_it_is_back() {
    let (mut table, now) = table(10);
    table.learn(b"one", None, 0, now);
    assert_eq!(table.find(b"one", now, |place| place != 0), None);
    assert_eq!(table.find(b"one", now, EVERYWHERE), Some(0));
    assert_eq!((table.counts().stale, table.counts().hits, table.entries_of(0)), (1, 1, 1));
}

#[test]
fn ids_that_tls_does_not_know_are_neither_learned_nor_found() {
    let (mut table, now) = table(10);
    for id in [&b""[..], &[7; 33], &[7; 1_000]] {
        table.learn(id, None, 0, now);
        assert_eq!(table.find(id, now, EVERYWHERE), None);
    }
    assert!(table.is_empty());
    let (mut none, now) = self::table(0);
    none.learn(b"one", None, 0, now);
    assert!(none.is_empty());
}

/// How often an honest client is known that comes back twenty times, an attacker having had servers name
/// `between` sessions each time.
fn honest_hits(table: &mut Table, now: Instant, between: usize, rng: &mut ChaCha8Rng) -> usize {
    let honest = [1; 32];
    table.learn(&honest, None, 0, now);
    (0..20)
        .map(|_| {
            (0..between).for_each(|_| table.learn(&rng.random::<[u8; 32]>(), None, 1, now));
            let found = table.find(&honest, now, EVERYWHERE).is_some();
            table.learn(&honest, None, 0, now);
            usize::from(found)
        })
        .sum()
}

#[test]
fn a_flood_of_sessions_is_bounded_and_costs_the_honest_their_hits() {
    const ENTRIES: usize = 500;
    let (mut table, now) = table(ENTRIES);
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    assert_eq!(honest_hits(&mut table, now, ENTRIES / 2, &mut rng), 20, "there is room for both");
    assert_eq!(honest_hits(&mut table, now, ENTRIES, &mut rng), 0, "flooded between two visits");
    assert_eq!(table.len(), ENTRIES);
    assert_eq!(table.by_age.len(), ENTRIES);
    let largest = Settings::default().entries * ENTRY_BYTES;
    assert!(largest < 9 << 20, "{largest}");
}

#[test]
fn ids_that_clients_make_up_take_no_room() {
    let (mut table, now) = table(500);
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    table.learn(b"honest", None, 0, now);
    (0..10_000).for_each(|_| assert_eq!(table.find(&rng.random::<[u8; 32]>(), now, EVERYWHERE), None));
    assert_eq!(table.len(), 1);
    assert_eq!(table.find(b"honest", now, EVERYWHERE), Some(0));
    assert!(table.counts().hit_rate().unwrap() < 0.001, "what all ask for together shows the attempt");
}

proptest! {
    /// Whatever is asked and learned: never above the bound, and both indices tell the same.
    #[test]
    fn the_bound_holds_and_the_indices_agree(
        entries in 0_usize..8,
        steps in prop::collection::vec((any::<bool>(), 0_u8..16, 0_usize..3, 0_u64..20), 0..200),
    ) {
        let (mut table, mut now) = table(entries);
        for (learns, id, place, passed) in steps {
            now = minutes(now, passed);
            if learns {
                table.learn(&[id], None, place, now);
            } else {
                table.find(&[id], now, |offered| offered != place);
            }
            prop_assert!(table.len() <= entries);
            let by_age: Vec<_> = table.by_age.iter().map(|(age, id)| (*id, *age)).collect();
            let by_id: Vec<_> = table.by_age.values().map(|id| (*id, table.by_id[id].age)).collect();
            prop_assert_eq!(by_age, by_id);
            let counts = table.counts();
            prop_assert_eq!(counts.learned, table.len() as u64 + counts.evicted + counts.expired);
        }
    }
}
