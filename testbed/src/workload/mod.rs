//! Honest users: what they do, when they meant to do it, and how long it took them.
//!
//! ```text
//! schedule (pure, from the seed) ── generator (open loop) ── operations (Users) ── client, browser ── dials
//!                                        └── Record: meter (histograms per operation and second)
//! ```
//!
//! Open loop: an arrival never waits for an earlier one, and latency counts from the *intended* start, so a
//! slow system shows as latency and not as fewer requests. Nothing here attacks, judges or opens a socket; the
//! only tasks are the generator's, which it awaits or aborts before it returns.

mod accounts;
mod browser;
mod client;
mod crowd;
mod generator;
mod meter;
mod operations;
mod schedule;

pub use accounts::{Account, enrol};
pub use crowd::{Crowd, CrowdError};
pub use generator::{Bounds, Generator, LATE, Perform, Performing, Record, Tally};
pub use meter::{Counts, Interval, Meter};
pub use operations::{Failure, Users, UsersConfig};
pub use schedule::{
    Arrival, Extent, MAX_ARRIVALS, Operation, Pace, Plan, Weights, accounts_needed, schedule, servers_needed,
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
