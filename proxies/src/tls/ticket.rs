//! Session tickets sealed with a key that is a plain value.
//!
//! ```text
//!   key name 16 │ nonce 12 │ AES-256-GCM( issued, s 8 │ scope 32 │ state ) │ tag 16
//! ```
//!
//! The shape is RFC 5077's; the name in front is authenticated with the rest. Backends that share a key resume
//! each other's sessions. Whoever steals it reads the state of every session a ticket of its time was issued
//! for: of TLS 1.2 that is the master secret, and with it the whole recording; of TLS 1.3 only what a resumption
//! needs. Nothing is stored here, and the nonce is random, so a key is good for 2³² tickets.
//!
//! The scope says which callers the issuing server takes: rustls takes the certificate of a resumed session as
//! verified, so a ticket must not carry a caller past a server with other rules.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use rustls::{pki_types::UnixTime, server::ProducesTickets};
use serde::{Deserialize, Serialize};

use super::TlsError;

/// How long a ticket is good for, in seconds: 12 hours, as rustls's own.
const LIFETIME: u32 = 12 * 60 * 60;

const NAME: usize = 16;
const ISSUED: usize = 8;
const SCOPE: usize = 32;

/// Seals and opens tickets; shared by whoever resumes another's sessions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketKey {
    /// In front of every ticket, readable by anybody.
    pub name: [u8; NAME],
    /// AES-256.
    pub secret: [u8; 32],
}

/// The key in use and the one before it, whose tickets still open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketKeys {
    /// Seals and opens.
    pub current: TicketKey,
    /// Opens.
    pub previous: Option<TicketKey>,
}

/// What is in a ticket.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Seconds since 1970.
    pub issued: u64,
    /// Which callers the issuing server takes, as a digest.
    pub scope: [u8; SCOPE],
    /// The session, as rustls writes it.
    pub state: Vec<u8>,
}

impl TicketKey {
    /// A random one.
    pub fn draw() -> Result<Self, TlsError> {
        let mut key = Self { name: [0; NAME], secret: [0; 32] };
        let drawn = rand::fill(&mut key.name).and_then(|()| rand::fill(&mut key.secret));
        drawn.map_err(|_| TlsError::Settings("no random bytes for a ticket key".to_owned()))?;
        Ok(key)
    }

    /// Opens a ticket that this key sealed, whatever its age: all a thief needs.
    pub fn open(&self, ticket: &[u8]) -> Option<Opened> {
        Sealer::new(self).ok()?.open(ticket)
    }
}

impl TicketKeys {
    /// One that has no predecessor.
    pub fn new(current: TicketKey) -> Self {
        Self { current, previous: None }
    }

    /// `next` takes over; tickets of the one before it open until the next rotation.
    #[must_use]
    pub fn rotate(self, next: TicketKey) -> Self {
        Self { current: next, previous: Some(self.current) }
    }
}

impl std::fmt::Debug for TicketKey {
    /// Never prints the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TicketKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Opened {
    /// Never prints the session's secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("issued", &self.issued).finish_non_exhaustive()
    }
}

/// A key made ready.
struct Sealer {
    name: [u8; NAME],
    key: RandomizedNonceKey,
}

impl Sealer {
    fn new(key: &TicketKey) -> Result<Self, TlsError> {
        let ready = RandomizedNonceKey::new(&AES_256_GCM, &key.secret)
            .map_err(|_| TlsError::Settings("ticket key".to_owned()))?;
        Ok(Self { name: key.name, key: ready })
    }

    fn seal(&self, issued: u64, scope: &[u8; SCOPE], state: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = [&issued.to_be_bytes(), scope.as_slice(), state].concat();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(self.name), &mut sealed).ok()?;
        Some([self.name.as_slice(), nonce.as_ref(), &sealed].concat())
    }

    fn open(&self, ticket: &[u8]) -> Option<Opened> {
        let (nonce, sealed) = ticket.strip_prefix(&self.name)?.split_at_checked(NONCE_LEN)?;
        let (nonce, mut sealed) = (Nonce::try_assume_unique_for_key(nonce).ok()?, sealed.to_vec());
        let plain: &[u8] = self.key.open_in_place(nonce, Aad::from(self.name), &mut sealed).ok()?;
        let (issued, rest) = plain.split_first_chunk::<ISSUED>()?;
        let (scope, state) = rest.split_first_chunk::<SCOPE>()?;
        Some(Opened { issued: u64::from_be_bytes(*issued), scope: *scope, state: state.to_vec() })
    }
}

/// Tickets of a server that takes certain callers.
pub(super) struct Ticketer {
    current: Sealer,
    previous: Option<Sealer>,
    scope: [u8; SCOPE],
}

impl Ticketer {
    pub(super) fn new(keys: &TicketKeys, scope: [u8; SCOPE]) -> Result<Self, TlsError> {
        let previous = keys.previous.as_ref().map(Sealer::new).transpose()?;
        Ok(Self { current: Sealer::new(&keys.current)?, previous, scope })
    }

    fn open_at(&self, now: u64, ticket: &[u8]) -> Option<Vec<u8>> {
        let older = || self.previous.as_ref()?.open(ticket);
        let opened = self.current.open(ticket).or_else(older)?;
        let fresh = now.saturating_sub(opened.issued) <= u64::from(LIFETIME);
        (fresh && opened.scope == self.scope).then_some(opened.state)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        LIFETIME
    }

    fn encrypt(&self, state: &[u8]) -> Option<Vec<u8>> {
        self.current.seal(UnixTime::now().as_secs(), &self.scope, state)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        self.open_at(UnixTime::now().as_secs(), ticket)
    }
}

impl std::fmt::Debug for Ticketer {
    /// Never prints a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticketer").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STATE: &[u8] = b"what was agreed";

    fn ticketer(keys: &TicketKeys) -> Ticketer {
        Ticketer::new(keys, [1; SCOPE]).unwrap()
    }

    #[test]
    fn whoever_has_the_key_opens_the_ticket_and_nobody_else_does() {
        let (key, other) = (TicketKey::draw().unwrap(), TicketKey::draw().unwrap());
        let ticket = ticketer(&TicketKeys::new(key.clone())).encrypt(STATE).unwrap();
        assert!(ticket.starts_with(&key.name) && !ticket.windows(STATE.len()).any(|part| part == STATE));
        assert_eq!(
            ticketer(&TicketKeys::new(key.clone())).decrypt(&ticket).unwrap(),
            STATE,
            "a second backend"
        );
        assert_eq!(key.open(&ticket).unwrap().state, STATE, "a thief");
        let namesake = TicketKey { name: key.name, secret: other.secret };
        for stranger in [other, namesake] {
            assert_eq!(stranger.open(&ticket), None);
            assert_eq!(ticketer(&TicketKeys::new(stranger)).decrypt(&ticket), None);
        }
    }

    #[test]
    fn two_tickets_of_one_state_differ() {
        let ticketer = ticketer(&TicketKeys::new(TicketKey::draw().unwrap()));
        assert_ne!(ticketer.encrypt(STATE), ticketer.encrypt(STATE));
    }

    #[test]
    fn an_old_key_opens_for_one_rotation_and_never_seals() {
        let [first, second, third] = [(); 3].map(|()| TicketKey::draw().unwrap());
        let keys = TicketKeys::new(first.clone());
        let ticket = ticketer(&keys).encrypt(STATE).unwrap();
        let keys = keys.rotate(second.clone());
        assert_eq!(ticketer(&keys).decrypt(&ticket).unwrap(), STATE);
        let next = ticketer(&keys).encrypt(STATE).unwrap();
        assert!(next.starts_with(&second.name) && first.open(&next).is_none());
        let keys = keys.rotate(third);
        assert_eq!(ticketer(&keys).decrypt(&ticket), None);
        assert_eq!(ticketer(&keys).decrypt(&next).unwrap(), STATE);
    }

    #[test]
    fn a_ticket_is_good_for_its_lifetime_and_for_servers_that_take_the_same_callers() {
        let keys = TicketKeys::new(TicketKey::draw().unwrap());
        let here = ticketer(&keys);
        let ticket = here.current.seal(1_000, &here.scope, STATE).unwrap();
        let end = 1_000 + u64::from(LIFETIME);
        assert!(here.open_at(1_000, &ticket).is_some() && here.open_at(end, &ticket).is_some());
        assert!(here.open_at(900, &ticket).is_some(), "another backend's clock may be ahead");
        assert_eq!(here.open_at(end + 1, &ticket), None);
        let elsewhere = Ticketer::new(&keys, [2; SCOPE]).unwrap();
        assert_eq!(elsewhere.open_at(1_000, &ticket), None);
        assert_eq!(keys.current.open(&ticket).unwrap().issued, 1_000);
    }

    #[test]
    fn a_key_is_a_plain_value_and_prints_no_secret() {
        let keys = TicketKeys::new(TicketKey { name: [7; 16], secret: [201; 32] });
        let written = serde_json::to_string(&keys).unwrap();
        assert_eq!(serde_json::from_str::<TicketKeys>(&written).unwrap(), keys);
        assert!(!format!("{keys:?}").contains("201"));
    }

    proptest! {
        #[test]
        fn no_changed_or_foreign_bytes_open(bytes in prop::collection::vec(any::<u8>(), 0..200), at: prop::sample::Index, bit in 0..8_u32) {
            let key = TicketKey { name: [7; 16], secret: [8; 32] };
            let named = [key.name.as_slice(), &bytes].concat();
            prop_assert_eq!(key.open(&bytes), None);
            prop_assert_eq!(key.open(&named), None);
            let good = Sealer::new(&key).unwrap().seal(1, &[1; SCOPE], &bytes).unwrap();
            prop_assert_eq!(key.open(&good).unwrap().state, bytes);
            let mut changed = good.clone();
            changed[at.index(good.len())] ^= 1_u8 << bit;
            prop_assert_eq!(key.open(&changed), None);
            prop_assert_eq!(key.open(&good[..at.index(good.len())]), None);
        }
    }
}
