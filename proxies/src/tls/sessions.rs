//! What a server remembers of finished sessions: TLS 1.3 tickets, and nothing of TLS 1.2.
//!
//! A TLS 1.2 server hello therefore carries no session id and no ticket, and every TLS 1.2 handshake is a full
//! one. rustls looks TLS 1.2 sessions up with `get` and asks `can_cache` before it names one; TLS 1.3 tickets
//! are good once and go through `put` and `take`.

use std::sync::Arc;

use rustls::server::{ServerSessionMemoryCache, StoresServerSessions};

/// Sessions kept, as many as rustls keeps by default.
const SESSIONS: usize = 256;

pub(super) fn tickets_only() -> Arc<dyn StoresServerSessions> {
    Arc::new(TicketsOnly(ServerSessionMemoryCache::new(SESSIONS)))
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
