//! Turning away what a proxy should not spend anything on.
//!
//! ```text
//!   rate      how often one may: a bucket that is one number; pure
//!   table     a bucket for every key, in memory that never grows; pure
//!   gate      new connections: of the listener, and per source address
//!   entrance  what a connection passes before its codec: gate, PROXY header, gate
//!   requests  requests per token, or per source where there is none
//!   rules     a small request filter with a rule file; pure
//!   filter    rules and requests as the hooks of a forwarder
//! ```
//!
//! State here is shared by the threads of a node; clocks are passed in. It deliberately does not know any protocol's
//! messages: what a key or a place of a request is, its callers say. No task of its own.

pub mod entrance;
pub mod filter;
pub mod gate;
pub mod rate;
pub mod requests;
pub mod rules;
pub mod table;

pub use entrance::Entrance;
pub use filter::Filter;
pub use requests::{RequestKey, Requests, RetryAfter};
