//! Captured bytes to messages, messages to secrets: the way an attacker reads.
//!
//! ```text
//!   Sniffed ─▶ reassemble ─▶ conversation ─▶ http/reader/body, queue ─▶ secrets, sightings
//!              per flow      one flow        one direction              what it is worth
//! ```
//!
//! What lies in a whole memory has no flow: `remains` reads each message where it lies.
//!
//! Everything here is pure: bytes and times in, values out. Nothing panics on any input, memory is bounded
//! per flow and in the number of flows, and a listener that starts in the middle of a flow finds its feet.
//! TLS is recognised and left alone. Compressed bodies are not unpacked.

mod body;
pub mod conversation;
pub mod hello;
pub mod http;
mod login;
pub mod queue;
pub mod reader;
pub mod reassemble;
pub mod remains;
pub mod secrets;
pub mod sightings;
