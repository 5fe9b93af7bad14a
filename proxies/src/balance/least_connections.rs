//! The place with the fewest open connections; among equals, each in turn.

/// `places` by the connections `open` at each.
pub(super) fn order(places: &mut [usize], open: impl Fn(usize) -> usize, turn: usize) {
    super::round_robin::order(places, turn);
    // Stable: among equals the turn decides. One reading each, as they change while it sorts.
    places.sort_by_cached_key(|&place| open(place));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emptiest_is_first_and_equals_take_turns() {
        let open = [3, 1, 0, 1];
        let ordered = |turn| {
            let mut places = [0, 1, 2, 3];
            order(&mut places, |place| open[place], turn);
            places
        };
        assert_eq!(ordered(0), [2, 1, 3, 0]);
        assert_eq!(ordered(3), [2, 3, 1, 0]);
    }
}
