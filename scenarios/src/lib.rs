//! What is tried, expected and found.

pub mod catalog;
pub mod event;
pub mod export;
pub mod host;
pub mod jsonl;
pub mod latency;
pub mod run_dir;
pub mod runner;
pub mod snapshot;
pub mod verdict;

#[cfg(test)]
mod sample;
