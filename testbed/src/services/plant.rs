//! Where services and honest users get their canaries from, and whom they tell what left their hands.
//!
//! Only the trait: the run's registry of canaries implements it. Nothing here knows tag or alphabet.

use crate::vocabulary::Asset;

/// The run's registry of canaries, as far as services and honest users may touch it.
pub trait Plant: Send + Sync + 'static {
    /// A fresh canary value for an asset, registered. It needs no escaping in JSON, in a header or in a URL.
    fn plant(&self, asset: Asset) -> String;

    /// A Fernet token is its own canary: registers one that was just issued.
    fn adopt_token(&self, token: &str);

    /// The value was handed to a connection as part of a message. May be called again for the same value, and
    /// for values that are not canaries; both change nothing.
    fn sent(&self, value: &str);
}
