//! Each place in turn.

/// `places` from the one whose turn it is on.
pub(super) fn order(places: &mut [usize], turn: usize) {
    if !places.is_empty() {
        places.rotate_left(turn % places.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_first_once_a_round_and_all_others_follow() {
        let ordered = |turn| {
            let mut places = [0, 2, 5];
            order(&mut places, turn);
            places
        };
        let turns: Vec<_> = (0..4).map(ordered).collect();
        assert_eq!(turns, [[0, 2, 5], [2, 5, 0], [5, 0, 2], [0, 2, 5]]);
        assert_eq!(ordered(usize::MAX), ordered(usize::MAX % 3));
        order(&mut [], 7);
    }
}
