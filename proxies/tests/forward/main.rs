//! Whole connections through a proxy that forwards HTTP, as transcripts over memory and paused time.
#![allow(clippy::unwrap_used)]

mod bodies;
mod caller;
mod desync;
mod endings;
mod framing;
mod harness;
mod limits;
mod pool;
mod rules;
#[path = "../support/mod.rs"]
mod support;
mod upgrades;
mod values;
