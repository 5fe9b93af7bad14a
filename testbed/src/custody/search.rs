//! Canaries in held buffers, each direction of each side of each connection read as one stream.
//!
//! Pure. Which of them matter is not decided here.

use std::collections::BTreeMap;

use super::record::Held;
use crate::canary::{Canaries, Hit, Matcher};

/// A canary in held buffers.
#[derive(Clone, Debug)]
pub struct Readable {
    /// The buffer that brought its last byte.
    pub held: Held,
    /// Which canary, and how it is written.
    pub hit: Hit,
}

/// Every canary in some buffers, which stand in their order; one that was split over several is found.
pub fn search(canaries: &Canaries, held: &[Held]) -> Vec<Readable> {
    let mut matchers: BTreeMap<_, Matcher> = BTreeMap::new();
    let (mut found, mut hits) = (Vec::new(), Vec::new());
    for buffer in held {
        let stream = (buffer.connection.number, buffer.side, buffer.direction);
        let matcher = matchers.entry(stream).or_insert_with(|| Matcher::new(canaries));
        matcher.push(&buffer.bytes, &mut hits);
        found.extend(hits.drain(..).map(|hit| Readable { held: buffer.clone(), hit }));
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use bytes::Bytes;
    use proxies::custody::Side;

    use super::{super::record::Connection, *};
    use crate::vocabulary::{
        Asset, Direction,
        Direction::{ToAcceptor, ToDialer},
    };

    fn held(number: u64, side: Side, direction: Direction, at: u64, bytes: &str) -> Held {
        let (process, link) = ("edge/proxy".to_owned(), "a/x>edge/proxy".to_owned());
        Held {
            connection: Arc::new(Connection { number, process, link, accepted: true }),
            side,
            direction,
            at: Duration::from_millis(at),
            bytes: Bytes::copy_from_slice(bytes.as_bytes()),
        }
    }

    #[test]
    fn a_canary_split_over_buffers_is_found_whatever_else_was_held_between() {
        let canaries = Canaries::new(1);
        let password = canaries.mint().plant(Asset::Password);
        let (one, two) = password.split_at(9);
        let buffers = [
            held(1, Side::Inner, ToAcceptor, 1, &format!("password={one}")),
            held(1, Side::Inner, ToDialer, 2, "an answer to something else"),
            held(1, Side::Outer, ToAcceptor, 3, "a sealed record"),
            held(2, Side::Inner, ToAcceptor, 4, "another connection"),
            held(1, Side::Inner, ToAcceptor, 5, two),
        ];
        let found = search(&canaries, &buffers);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].held.at.as_millis(), found[0].hit.asset), (5, Asset::Password));
    }

    #[test]
    fn halves_of_different_streams_make_no_canary() {
        let canaries = Canaries::new(1);
        let password = canaries.mint().plant(Asset::Password);
        let (one, two) = password.split_at(9);
        let after = [
            held(1, Side::Inner, ToDialer, 2, two),
            held(1, Side::Outer, ToAcceptor, 2, two),
            held(2, Side::Inner, ToAcceptor, 2, two),
        ];
        for second in after {
            let first = held(1, Side::Inner, ToAcceptor, 1, one);
            assert!(search(&canaries, &[first, second]).is_empty());
        }
    }
}
