//! What a server remembers of finished sessions.
//!
//! ```text
//!                  TLS 1.2                          TLS 1.3
//!   session ids    kept here, found by id           –
//!   tickets: off   –                                none is sent
//!            kept  –                                kept here, good once
//!            sealed  carried by the client          carried by the client
//! ```
//!
//! By default nothing of TLS 1.2 is remembered, so its server hello carries no session id and no ticket, and every
//! TLS 1.2 handshake is a full one; a TLS 1.3 client gets one kept ticket. rustls looks TLS 1.2 sessions up with
//! `get` and asks `can_cache` before it names one; kept TLS 1.3 tickets go through `put` and `take`.

use std::sync::Arc;

use rustls::server::{NoServerSessionStorage, ServerSessionMemoryCache, StoresServerSessions};
use serde::{Deserialize, Serialize};

use super::TicketKeys;

/// Tickets kept, as many as rustls keeps by default; the oldest goes first.
const TICKETS: usize = 256;

/// The same where TLS 1.2 sessions are kept: the default of `HAProxy` (`tune.ssl.cachesize`).
const SESSIONS: usize = 20_000;

/// Which sessions a server resumes, as plain values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// Does a TLS 1.2 session get an id, and its state kept here under it?
    pub session_ids: bool,
    /// Tickets given out.
    pub tickets: Tickets,
}

/// What tickets a server gives out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tickets {
    /// None. A TLS 1.3 client then hears nothing after its last flight, and cannot tell when it was processed.
    Off,
    /// TLS 1.3 only: the state stays here, the ticket is its name and good once.
    #[default]
    Kept,
    /// Both versions: the ticket is the state, sealed with the key.
    Sealed(TicketKeys),
}

impl Resumption {
    /// Is the same kept here under both? Then what one kept is good for the other.
    pub(super) fn keeps_as(&self, other: &Self) -> bool {
        let kept = |resumption: &Self| (resumption.session_ids, resumption.tickets == Tickets::Kept);
        kept(self) == kept(other)
    }

    pub(super) fn storage(&self) -> Arc<dyn StoresServerSessions> {
        match (self.session_ids, &self.tickets) {
            (true, _) => ServerSessionMemoryCache::new(SESSIONS),
            (false, Tickets::Kept) => Arc::new(TicketsOnly(ServerSessionMemoryCache::new(TICKETS))),
            (false, Tickets::Off | Tickets::Sealed(_)) => Arc::new(NoServerSessionStorage {}),
        }
    }
}

#[derive(Debug)]
struct TicketsOnly(Arc<ServerSessionMemoryCache>);

impl StoresServerSessions for TicketsOnly {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.0.put(key, value)
    }

    fn get(&self, _key: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.0.take(key)
    }

    fn can_cache(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn kept_sessions_are_bounded_and_the_oldest_goes() {
        let kept = Resumption { session_ids: true, ..Resumption::default() }.storage();
        let id = |number: usize| number.to_be_bytes().to_vec();
        for number in 0..=SESSIONS {
            assert!(kept.put(id(number), b"state".to_vec()));
        }
        assert_eq!((kept.get(&id(0)), kept.get(&id(1))), (None, Some(b"state".to_vec())));
    }

    #[test]
    fn resumption_is_written_as_people_write_it() {
        let written = r#"{"session_ids":false,"tickets":"kept"}"#;
        assert_eq!(serde_json::to_string(&Resumption::default()).unwrap(), written);
        assert_eq!(serde_json::from_str::<Resumption>(written).unwrap(), Resumption::default());
    }
}
