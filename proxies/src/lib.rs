//! The data plane.

pub mod stream;
