//! Slow password hashes: PBKDF2-HMAC-SHA256 with a salt per user.
//!
//! Only the arithmetic; where it runs is the business of [`super::pool`].

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};

use crate::services::ids;

/// How slow a hash is: PBKDF2 iterations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost(NonZeroU32);

impl HashCost {
    /// About 1.5 ms where the processor has SHA instructions (measured: 0.12 µs per iteration): slow enough that
    /// logins dominate identity's CPU as in a real Keystone, fast enough that a comparison with hundreds of users
    /// stays under a minute.
    pub const DEFAULT: Self = Self::iterations(12_000);
    /// OWASP Password Storage Cheat Sheet, PBKDF2-HMAC-SHA256: what a deployment should use.
    pub const OWASP: Self = Self::iterations(600_000);
    /// The cheapest hash there is, for tests of anything but hashing.
    pub const LEAST: Self = Self::iterations(1);

    /// A cost in iterations; 0 counts as 1.
    pub const fn iterations(iterations: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(iterations.saturating_sub(1)))
    }
}

impl Default for HashCost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A password as it is stored.
#[derive(Clone)]
pub struct Hashed {
    salt: [u8; 16],
    hash: [u8; 32],
    cost: HashCost,
}

impl Hashed {
    /// Hashes; takes as long as `cost` says.
    pub fn new(password: &str, cost: HashCost) -> Self {
        let salt = ids::random();
        let mut hash = [0; 32];
        pbkdf2::derive(PBKDF2_HMAC_SHA256, cost.0, &salt, password.as_bytes(), &mut hash);
        Self { salt, hash, cost }
    }

    /// A hash no password has, at a cost: checking against it takes as long as against a real one, so that the
    /// time of an answer does not tell which users exist.
    pub fn nobody(cost: HashCost) -> Self {
        Self { salt: ids::random(), hash: ids::random(), cost }
    }

    /// How slow it is.
    pub fn cost(&self) -> HashCost {
        self.cost
    }

    /// Whether this is the password; takes as long as hashing it did.
    pub fn matches(&self, password: &str) -> bool {
        pbkdf2::verify(PBKDF2_HMAC_SHA256, self.cost.0, &self.salt, password.as_bytes(), &self.hash).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_matches() {
        let hashed = Hashed::new("secret", HashCost::iterations(2));
        assert!(hashed.matches("secret"));
        assert!(!hashed.matches("Secret"));
        assert!(!Hashed::nobody(HashCost::LEAST).matches("secret"));
    }

    #[test]
    fn the_same_password_is_stored_differently_each_time() {
        let (one, two) = (Hashed::new("secret", HashCost::LEAST), Hashed::new("secret", HashCost::LEAST));
        assert_ne!(one.hash, two.hash);
    }
}
