//! Why a pass-through turns a connection away, what it says to the client, and how often it happened.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::peek::NoHello;

/// A reason to turn a connection away before anything was dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It ended before its hello was whole.
    CutShort,
    /// Its hello breaks TLS's rules.
    Malformed,
    /// Its hello asks for no name, or for something that is no name.
    NoName,
    /// It does not speak TLS.
    NotTls,
    /// Its hello is larger than the limit.
    TooLarge,
    /// Its hello was not whole in time.
    TooSlow,
    /// It asks for a name without a route.
    UnknownName,
}

impl Refusal {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::CutShort,
        Self::Malformed,
        Self::NoName,
        Self::NotTls,
        Self::TooLarge,
        Self::TooSlow,
        Self::UnknownName,
    ];

    /// The fatal alert a TLS client gets, as a record; `None` for whoever does not speak TLS.
    pub fn alert(self) -> Option<[u8; 7]> {
        let description = match self {
            Self::NotTls => return None,
            Self::NoName | Self::UnknownName => UNRECOGNIZED_NAME,
            Self::CutShort | Self::Malformed | Self::TooLarge | Self::TooSlow => DECODE_ERROR,
        };
        Some([ALERT, 3, 3, 0, 2, FATAL, description])
    }
}

impl From<NoHello> for Refusal {
    fn from(reason: NoHello) -> Self {
        match reason {
            NoHello::NotTls => Self::NotTls,
            NoHello::Malformed => Self::Malformed,
            NoHello::TooLarge => Self::TooLarge,
        }
    }
}

/// How many connections were turned away, by reason.
#[derive(Debug, Default)]
pub struct Refused([AtomicU64; Refusal::ALL.len()]);

impl Refused {
    /// One more.
    pub fn count(&self, reason: Refusal) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many for this reason.
    pub fn of(&self, reason: Refusal) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }

    /// How many altogether.
    pub fn total(&self) -> u64 {
        Refusal::ALL.into_iter().map(|reason| self.of(reason)).sum()
    }
}

const ALERT: u8 = 21;
const FATAL: u8 = 2;
const DECODE_ERROR: u8 = 50;
const UNRECOGNIZED_NAME: u8 = 112;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_count_of_its_own() {
        let refused = Refused::default();
        for (times, reason) in Refusal::ALL.into_iter().enumerate() {
            (0..times).for_each(|_| refused.count(reason));
        }
        let counts: Vec<u64> = Refusal::ALL.into_iter().map(|reason| refused.of(reason)).collect();
        assert_eq!(counts, [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(refused.total(), 21);
    }
}
