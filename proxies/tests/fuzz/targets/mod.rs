//! What is fuzzed in this crate, one file each, with words its inputs are made of.

pub(crate) mod client_hello;

use super::engine::Target;

/// All of them.
pub(crate) const ALL: &[Target] = &[client_hello::TARGET];
