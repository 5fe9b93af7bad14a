//! Who may dial: a number on the wire's announcement, a name for people and evidence.

use std::sync::{Mutex, PoisonError};

use proxies::transport::Party;

/// On whose side a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A process of the architecture.
    Honest,
    /// The attacker's own connections.
    Attacker,
    /// Attack traffic in bulk.
    Flood,
    /// A relay the segment owns, on behalf of whoever dialled it.
    Relay,
}

/// A party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// `host/process`.
    pub label: String,
    /// On whose side.
    pub kind: Kind,
}

/// All parties of a launch.
#[derive(Debug, Default)]
pub struct Parties(Mutex<Vec<Known>>);

impl Parties {
    /// Gives a new party its number.
    pub fn add(&self, label: impl Into<String>, kind: Kind) -> Party {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.push(Known { label: label.into(), kind });
        Party((known.len() - 1) as u32)
    }

    /// Who a number is; an outside client has none.
    pub fn who(&self, party: Option<Party>) -> Known {
        party
            .and_then(|party| {
                self.0.lock().unwrap_or_else(PoisonError::into_inner).get(party.0 as usize).cloned()
            })
            .unwrap_or_else(|| Known { label: "outside/client".to_owned(), kind: Kind::Honest })
    }
}
