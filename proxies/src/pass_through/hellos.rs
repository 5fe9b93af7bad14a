//! What the hellos offered that a pass-through took, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::peek::{ClientHello, Ticket};

/// How many hellos had which trait.
#[derive(Debug, Default)]
pub struct Hellos {
    /// All that were whole.
    pub whole: AtomicU64,
    /// With another hello inside, encrypted, or noise in its place (ECH): routed by the name outside.
    pub encrypted: AtomicU64,
    /// With a session id, whatever it means.
    pub session_ids: AtomicU64,
    /// With a ticket of TLS 1.2.
    pub tickets: AtomicU64,
    /// That offered TLS 1.3.
    pub tls13: AtomicU64,
    /// That wanted to resume a session of TLS 1.3.
    pub pre_shared_keys: AtomicU64,
}

impl Hellos {
    /// One more.
    pub fn count(&self, hello: &ClientHello) {
        let traits = [
            (&self.whole, true),
            (&self.encrypted, hello.encrypted_hello),
            (&self.session_ids, hello.session().is_some()),
            (&self.tickets, hello.ticket == Ticket::Presented),
            (&self.tls13, hello.offers_tls13()),
            (&self.pre_shared_keys, hello.pre_shared_key),
        ];
        for (counter, _) in traits.into_iter().filter(|(_, there)| *there) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}
