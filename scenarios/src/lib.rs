//! What is tried, expected and found.

pub mod event;
pub mod latency;
pub mod snapshot;
pub mod verdict;

#[cfg(test)]
mod sample;
