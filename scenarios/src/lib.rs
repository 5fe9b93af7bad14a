//! What is tried, expected and found.

pub mod event;
pub mod snapshot;
