//! The limits of connections, row by row, under paused time; those of HTTP have tests of their own.
//!
//! | row | test |
//! |---|---|
//! | TLS handshake 5 s in all | `deadlines` |
//! | peek 3 s in all, 64 KiB | `deadlines`, `first_bytes` |
//! | PROXY header within the same | `tests/proxy_header.rs` |
//! | upstream connect 2 s | `deadlines` |
//! | idle 30 s | `deadlines` |
//! | drain 5 s | `deadlines` |
//! | connections | `slots`; the default: `limits/descriptors.rs` |
//! | rates, before any handshake | `rates` |
//! | rate per token, request filter | `requests` |
//! | out of descriptors | `starved`; over real TCP: `tests/descriptors.rs` |
//! | upstream certificate verified | `tests/components.rs` |
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod deadlines;
mod first_bytes;
mod rates;
mod requests;
mod scene;
mod slots;
mod starved;
#[path = "../support/mod.rs"]
mod support;
