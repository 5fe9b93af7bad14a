//! Deadlines and bounds of the data plane, on by default.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// A whole TLS handshake.
    pub handshake: Duration,
    /// Opening an upstream connection.
    pub connect: Duration,
    /// A whole `ClientHello`, where one is looked at: in all, not per read.
    pub peek: Duration,
    /// Bytes a `ClientHello` may take up on the wire, where one is looked at.
    pub peek_bytes: usize,
    /// No byte in either direction.
    pub idle: Duration,
    /// What running connections get once drain began.
    pub drain: Duration,
    /// Connections one thread serves at once; further ones wait in the kernel's queue.
    pub connections: usize,
}

impl Default for Limits {
    /// The "Ours" column of the limits survey: handshake 5 s, connect 2 s, peek 3 s and 64 KiB,
    /// idle 30 s.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            connect: Duration::from_secs(2),
            peek: Duration::from_secs(3),
            peek_bytes: 64 * 1024,
            idle: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            connections: 4_000,
        }
    }
}
