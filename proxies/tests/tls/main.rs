//! TLS between our own two sides, over memory and paused time.
#![allow(clippy::unwrap_used)]

mod handshakes;
mod meeting;
mod reload;
mod sessions;
mod settings;
#[path = "../support/mod.rs"]
mod support;
