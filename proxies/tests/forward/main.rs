//! Whole connections through a proxy that forwards HTTP, as transcripts over memory and paused time.
#![allow(clippy::unwrap_used)]

mod bodies;
mod caller;
mod endings;
mod framing;
mod harness;
#[path = "../support/mod.rs"]
mod support;
