//! Plants canaries: the part of the ledger that the workload and the services hold.

use std::{fmt, time::Duration};

use super::canaries::{Canaries, CanaryId};
use crate::vocabulary::Asset;

/// Makes canaries and notes when they were sent; clones share one ledger. It cannot look anything up.
#[derive(Clone)]
pub struct Mint(Canaries);

impl Mint {
    pub(super) fn new(ledger: Canaries) -> Self {
        Self(ledger)
    }

    /// A new canary of an asset: 24 letters and digits, safe as they are in JSON, URLs and headers. The nth
    /// one follows from the seed; which thread gets it does not.
    pub fn plant(&self, asset: Asset) -> String {
        self.0.plant(asset)
    }

    /// Makes a Fernet token a canary; `None` if it is none. Whoever issues a token adopts it before it
    /// leaves: a matcher does not go back to what has passed.
    pub fn adopt_token(&self, token: &str) -> Option<CanaryId> {
        self.0.adopt(token)
    }

    /// Notes that a canary, given by its complete value, was sent at this time since the run started. False
    /// if it is no canary.
    pub fn sent(&self, value: &str, at: Duration) -> bool {
        self.0.sent(value.as_bytes(), at).is_some()
    }
}

impl fmt::Debug for Mint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mint")
    }
}
