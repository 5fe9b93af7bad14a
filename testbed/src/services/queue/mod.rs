//! The message queue of the cloud: MQTT 3.1.1 with logins, one topic per compute host.
//!
//! ```text
//!   compute ── Publisher ──┐                         ┌── Agent ── Inbox (what arrived)
//!     login, publish, ack  ├─▶ serve ─▶ Broker ─▶ serve ◀─┤ login, subscribe, ack
//!                          ┘   Access, Mailboxes     └──
//! ```
//!
//! [`serve()`] serves one connection, [`Broker`] is what connections share, [`Access`] says who may do what.
//! [`Publisher`] and [`Agent`] are its clients, over [`Connect`](crate::connect::Connect) like any other.
//! A message is delivered at least once: its receiver acknowledges it, and gets it again if the connection
//! ended before that. It is no product: nothing is stored on disk, topics are named exactly, and what does
//! not fit its bounds is dropped, oldest first, and counted.
//!
//! Nothing here opens a socket, speaks TLS, spawns a task or keeps a static.

mod access;
mod agent;
mod broker;
mod client;
mod inbox;
mod mailbox;
mod packet;
mod publisher;
mod serve;
mod wire;

pub use access::{Access, Act, QueueLogin};
pub use agent::Agent;
pub use broker::{Broker, MAX_SESSIONS, MAX_TOPICS, QueueCounts};
pub use client::QueueError;
pub use inbox::{Arrival, Inbox};
pub use mailbox::{MAX_BYTES, MAX_FLIGHT, MAX_WAITING};
pub use packet::Malformed;
pub use publisher::{DEADLINE as PUBLISH_DEADLINE, Notice, Publisher, PublisherCounts, Task};
pub use serve::{Ended, LOGIN_DEADLINE, MAX_IDLE, WRITE_DEADLINE, serve};
pub use wire::{Broken, MAX_PACKET};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
