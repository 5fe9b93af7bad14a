//! What is tried, expected and found.

pub mod catalog;
pub mod event;
pub mod snapshot;
