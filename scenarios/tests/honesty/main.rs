//! Can the tool be trusted? Runs in which something that must not matter is changed, and runs in which one
//! thing that must matter is.
#![allow(clippy::unwrap_used)]

mod flip;
mod in_path;
mod realisations;
mod rename;
mod seeds;
#[path = "../support/mod.rs"]
mod support;
