//! Forwarding HTTP messages instead of bytes.

pub mod h2;
