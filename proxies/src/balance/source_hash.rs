//! One place for each source address, as long as it is up: rendezvous hashing.
//!
//! Every place has a score for a source, and the highest is first. If a place goes, only its own sources move,
//! and they move back when it returns. Scores depend on names, not on numbers, so that several proxies of one
//! build agree. They are no secret: whoever may choose a source address may choose a place.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
};

/// What a place's scores grow from: its name, and how many of the same name come before it.
pub(super) fn seeds(names: &[&str]) -> Vec<u64> {
    let before = |nth: usize| names.iter().take(nth).filter(|other| **other == names[nth]).count();
    names.iter().enumerate().map(|(nth, name)| hash((name, before(nth)))).collect()
}

/// `places` by their scores for `source`.
pub(super) fn order(places: &mut [usize], seeds: &[u64], source: IpAddr) {
    places.sort_by_cached_key(|&place| std::cmp::Reverse(hash((seeds.get(place), source))));
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const SOURCES: u32 = 3_000;

    fn source(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x7f00_0000 + number).into()
    }

    fn first(places: &[usize], seeds: &[u64], number: u32) -> usize {
        let mut places = places.to_vec();
        order(&mut places, seeds, source(number));
        places[0]
    }

    #[test]
    fn a_source_keeps_its_place_and_sources_are_spread() {
        let seeds = seeds(&["a", "b", "c"]);
        let mut at = [0_u32; 3];
        for number in 0..SOURCES {
            let place = first(&[0, 1, 2], &seeds, number);
            assert_eq!(place, first(&[2, 0, 1], &seeds, number));
            at[place] += 1;
        }
        assert!(at.iter().all(|sources| (900..1_100).contains(sources)), "{at:?}");
    }

    #[test]
    fn only_the_sources_of_a_lost_place_move_and_they_spread_over_the_rest() {
        let seeds = seeds(&["a", "b", "c", "d"]);
        let mut moved_to = [0_u32; 4];
        for number in 0..SOURCES {
            let before = first(&[0, 1, 2, 3], &seeds, number);
            let without_c = first(&[0, 1, 3], &seeds, number);
            if before == 2 {
                moved_to[without_c] += 1;
            } else {
                assert_eq!(without_c, before);
            }
        }
        assert!([0, 1, 3].iter().all(|&place| moved_to[place] > 150), "{moved_to:?}");
    }

    #[test]
    fn places_of_one_name_are_told_apart_and_a_name_matters_not_its_number() {
        let same = seeds(&["a", "a"]);
        assert_ne!(same[0], same[1]);
        assert_eq!(seeds(&["b", "a", "a"])[1..], same);
    }
}
