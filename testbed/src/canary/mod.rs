//! Canaries: planted values that prove what was readable, and the ledger that knows them.
//!
//! ```text
//!  workload, services ── Mint ──► Canaries ◄── lookup ── Matcher ◄── bytes of one direction of a flow
//!                 plant, adopt, sent                    └─► Hit: which canary, how written, where
//! ```
//!
//! A canary is the run's tag and characters of its own ([`Mint::plant`]); a Fernet token is its own canary
//! ([`Mint::adopt_token`]). The matcher looks for what all of them share and asks the ledger for the rest, so
//! its cost grows with the bytes and not with the number of canaries.
//!
//! Attack code gets neither tag nor ledger. Compressed bytes are not looked into, nor are values that were
//! escaped or cut up in other ways than [`Encoding`](crate::vocabulary::Encoding) names; base64 is found on
//! one line only. Nothing here spawns.

mod canaries;
mod forms;
mod matcher;
mod mint;

pub use canaries::{Canaries, CanaryId};
pub use matcher::{Hit, Matcher};
pub use mint::Mint;

/// Every canary in a whole buffer: opened plaintext, loot, a memory window.
pub fn search(ledger: &Canaries, bytes: &[u8]) -> Vec<Hit> {
    let mut found = Vec::new();
    Matcher::new(ledger).push(bytes, &mut found);
    found
}
