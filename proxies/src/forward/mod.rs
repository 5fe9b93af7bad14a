//! HTTP forwarded message by message, strictly: what comes in is judged, what goes out is written anew.
//!
//! ```text
//!   Site   groups, rules, hooks and kept connections of one thread     (rules, hooks, pool, link, counts)
//!   Visit  one connection of a caller                                  (prepare, client_cert, forwarded)
//!    ├─ exchange  one request as a value → its answer as a value       (sending, reading)
//!    └─ http1     one connection of requests                            (crossing: upward, homeward)
//! ```
//!
//! It follows no redirect, stores nothing, and sends nothing twice that a service may have acted on, unless that
//! does no harm. No task of its own: dropping a future drops its connections.

mod alarm;
mod buffers;
mod client_cert;
mod counts;
mod crossing;
mod date;
mod exchange;
mod failure;
mod forwarded;
pub mod fuzz;
mod homeward;
mod hooks;
pub(crate) mod http1;
mod link;
mod pool;
mod prepare;
mod reading;
mod rules;
mod sending;
mod site;
mod upward;
mod wire;

pub use client_cert::ClientCert;
pub use counts::HttpCounts;
pub use exchange::Answer;
pub use failure::Failure;
pub use forwarded::Forwarded;
pub use hooks::{Admit, Hooks, Inspect, Objection, RetryAfter, Watch};
pub use rules::{HttpRoute, Names, Rules};
pub use site::{Site, Visit};
