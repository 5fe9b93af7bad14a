//! How many connections a process's file descriptors are good for.

use rustix::process::{Resource, getrlimit};

/// What one proxied connection takes where both its ends live in this process too, as they do in a run: a client's
/// socket, two of the proxy, one of the service.
const EACH: u64 = 4;

/// Kept back for listeners, pools, captures and logs: a fiftieth, and never fewer than these.
const KEPT: u64 = 64;

/// Never more than this, however many descriptors there are: as many at 64 KiB each are a gibibyte.
const MOST: u64 = 16_384;

/// Never fewer, so that something is served.
const FEWEST: u64 = 16;

/// Connections for this many descriptors: 20,000 are good for 4,900.
pub fn connections_within(descriptors: u64) -> usize {
    let kept = (descriptors / 50).max(KEPT);
    (descriptors.saturating_sub(kept) / EACH).clamp(FEWEST, MOST) as usize
}

/// The descriptors this process may have open now.
pub(super) fn limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn what_descriptors_are_good_for() {
        let table = [(0, 16), (256, 48), (1_024, 240), (20_000, 4_900), (65_536, 16_056), (u64::MAX, 16_384)];
        for (descriptors, connections) in table {
            assert_eq!(connections_within(descriptors), connections, "{descriptors}");
        }
    }

    #[test]
    fn never_more_than_there_are_descriptors_for() {
        for descriptors in 128..100_000 {
            assert!(connections_within(descriptors) as u64 * EACH <= descriptors - KEPT, "{descriptors}");
        }
    }

    #[test]
    fn the_default_is_that_of_this_process() {
        assert_eq!(Limits::default().connections, connections_within(limit()));
    }
}
