//! The terminal dashboard, the headless front and the command line.
//!
//! ```text
//! Engine ── Stamped events ── feed.rs (fold, newest wins) ── Snapshot ── tui/ (render)      terminal
//!                        └─── headless/ (one line a step, then the matrix)              pipe, CI
//! events.jsonl ── recorded.rs ── player.rs (the same fold, at any speed) ── tui/    replay
//! ```
//!
//! Nothing here decides a verdict or opens a socket: every figure and every word on screen is read from
//! [`scenarios::snapshot::Snapshot`]. What runs a comparison stands behind the traits in [`engine`].

pub mod cli;
pub mod colour;
pub mod commands;
pub mod doctor;
pub mod ended;
pub mod engine;
pub mod exec;
pub mod exit;
pub mod face;
pub mod feed;
pub mod headless;
pub mod model;
pub mod output;
pub mod player;
pub mod recorded;
pub mod runs;
pub mod shelf;
pub mod signals;
pub mod starter;
pub mod tui;
