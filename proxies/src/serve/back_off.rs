//! What accepting waits after an error, so that a starved loop costs no CPU and is soon back. Pure.

use std::{io, time::Duration};

/// What accepting waits after a first error such as EMFILE.
pub const BACK_OFF: Duration = Duration::from_millis(10);

/// The longest: whoever makes room is noticed within half a second.
const LONGEST: Duration = Duration::from_millis(500);

/// How long errors have gone on.
#[derive(Debug, Default)]
pub(super) struct BackOff {
    last: Option<Duration>,
}

impl BackOff {
    /// How long to wait after `error`.
    pub(super) fn after(&mut self, error: &io::Error) -> Duration {
        if only_that_connection(error) {
            return Duration::ZERO;
        }
        let wait = self.last.map_or(BACK_OFF, |last| (last * 2).min(LONGEST));
        self.last = Some(wait);
        wait
    }

    /// A connection was accepted.
    pub(super) fn accepted(&mut self) {
        self.last = None;
    }
}

/// Errors that took a waiting connection with them, so that the next one can be asked for at once.
fn only_that_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starved_loop_asks_ever_more_seldom_and_a_fed_one_at_once() {
        let (mut back_off, starved) = (BackOff::default(), io::Error::from_raw_os_error(24));
        let waits: Vec<u128> = (0..9).map(|_| back_off.after(&starved).as_millis()).collect();
        assert_eq!(waits, [10, 20, 40, 80, 160, 320, 500, 500, 500]);
        assert!(back_off.after(&io::ErrorKind::ConnectionAborted.into()).is_zero());
        back_off.accepted();
        assert_eq!(back_off.after(&starved), BACK_OFF);
    }
}
