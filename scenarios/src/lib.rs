//! What is tried, what was expected, and what was found.
//!
//! ```text
//!  catalog    scenario files: architectures, vantage, technique, phases, controls, expectation
//!  runner     baseline → attack → recovery on every architecture; its only output is events
//!  verdict    the pure decision from facts to cells, controls, expectation, exit code
//!  event      every fact as one stream            jsonl   its lines
//!  snapshot   the fold of the stream that screens draw
//!  export     files of a run, each a fold too     run_dir where they go, atomically
//!  schema     the shape of all these files, for other programs
//!  recording  a run read back from the disk
//!  rows       the requirements, and what shows each of them
//!  latency    histograms to rows                  spread  what a screen keeps of them
//!  host       facts of the machine
//! ```
//!
//! Screen, report and JSON cannot disagree: all of them are folds of the same events.

pub mod catalog;
pub mod event;
pub mod export;
pub mod host;
pub mod jsonl;
pub mod latency;
pub mod recording;
pub mod rows;
pub mod run_dir;
pub mod runner;
pub mod schema;
pub mod snapshot;
pub mod spread;
pub mod verdict;

#[cfg(test)]
mod sample;
