//! The PROXY protocol: one header in front of a connection that says whose it is. Pure.

use serde::{Deserialize, Serialize};

/// Which of its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}
