//! Deadlines and bounds of the data plane, on by default. Plain values; whoever does the work keeps them.

mod descriptors;

use std::time::Duration;

pub use descriptors::connections_within;
use serde::{Deserialize, Serialize};

/// How long and how much, for every connection of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// A whole TLS handshake.
    pub handshake: Duration,
    /// Opening an upstream connection.
    pub connect: Duration,
    /// A whole `ClientHello` or PROXY header, where one is looked at: in all, not per read.
    pub peek: Duration,
    /// Bytes a `ClientHello` may take up on the wire, where one is looked at.
    pub peek_bytes: usize,
    /// No byte in either direction.
    pub idle: Duration,
    /// What running connections get once drain began.
    pub drain: Duration,
    /// Connections one thread serves at once; further ones wait in the kernel's queue. By default what this process's
    /// descriptors allow ([`connections_within`]); who runs more threads or listeners in one process divides it.
    pub connections: usize,
    /// Where requests are forwarded.
    pub http: HttpLimits,
    /// How often; `None` everywhere unless somebody asks for it.
    pub rates: Rates,
}

/// Bounds of HTTP, both versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpLimits {
    /// A whole request head, counted from its first byte.
    pub head: Duration,
    /// Bytes of one head.
    pub head_bytes: usize,
    /// Header fields of one message.
    pub fields: usize,
    /// A whole body.
    pub body: Duration,
    /// Bytes per second a body must bring on average once its grace is over.
    pub body_rate: u64,
    /// What a body gets before its rate counts.
    pub body_grace: Duration,
    /// The upstream's whole answer head, counted from the end of the request.
    pub response: Duration,
    /// Between two requests of one connection.
    pub keep_alive: Duration,
    /// Requests of one connection.
    pub requests: u32,
    /// Upstream connections each thread keeps for later requests, per place.
    pub pooled: usize,
    /// How long one is kept without a request.
    pub pooled_for: Duration,
    /// HTTP/2: streams open at once.
    pub streams: u32,
    /// HTTP/2: bytes of a decoded header list.
    pub header_list: u32,
    /// HTTP/2: streams a client may reset in the life of a connection before it is called abusive.
    pub resets: u32,
    /// HTTP/2: window of a stream, bytes.
    pub stream_window: u32,
    /// HTTP/2: window of a connection, bytes.
    pub connection_window: u32,
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// On average, per second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// Rates at the three places that can keep one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// New connections of the listener, before any asymmetric cryptography.
    pub connections: Option<Rate>,
    /// New connections per source address, before any asymmetric cryptography.
    pub per_source: Option<Rate>,
    /// Requests per token, or per source address where a request has none: 429 with `Retry-After`.
    pub per_token: Option<Rate>,
}

impl Default for Limits {
    /// The "Ours" column of the limits survey: handshake 5 s, connect 2 s, peek 3 s and 64 KiB,
    /// idle 30 s; connections as this process's descriptors allow.
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            connect: Duration::from_secs(2),
            peek: Duration::from_secs(3),
            peek_bytes: 64 * 1024,
            idle: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            connections: connections_within(descriptors::limit()),
            http: HttpLimits::default(),
            rates: Rates::default(),
        }
    }
}

impl Default for HttpLimits {
    /// The same column: head 10 s, 32 KiB and 100 fields; keep-alive 30 s and 1000 requests; a body's total
    /// deadline and 500 B/s; 64 connections kept for 10 s; HTTP/2 100 streams, 16 KiB header list, 50 resets, windows 64 KiB and 1 MiB.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            head_bytes: 32 * 1024,
            fields: 100,
            body: Duration::from_mins(5),
            body_rate: 500,
            body_grace: Duration::from_secs(5),
            response: Duration::from_secs(30),
            keep_alive: Duration::from_secs(30),
            requests: 1_000,
            pooled: 64,
            pooled_for: Duration::from_secs(10),
            streams: 100,
            header_list: 16 * 1024,
            resets: 50,
            stream_window: 64 * 1024,
            connection_window: 1024 * 1024,
        }
    }
}
