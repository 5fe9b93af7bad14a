//! What is fuzzed in this crate, one file each, with words its inputs are made of.

pub(crate) mod tls_opener;

use super::engine::Target;

/// All of them.
pub(crate) const ALL: &[Target] = &[tls_opener::TARGET];
