//! Why an exchange did not come to its end.

use std::io;

use super::hooks::Objection;
use crate::http::Refused;

/// Why there is no answer, or no whole one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The caller's message, or the rest of it, is not one that is passed on.
    #[error("the request: {0}")]
    Request(#[from] Refused),
    /// The caller's connection broke.
    #[error("the caller's connection: {0}")]
    Caller(io::ErrorKind),
    /// The caller is too slow.
    #[error("the caller took too long")]
    SlowCaller,
    /// A caller asks too often.
    #[error("too many requests: again after {0} s")]
    TooOften(u32),
    /// A filter does not let it pass.
    #[error("a filter's rule: {}", .0.rule)]
    Objection(Objection),
    /// The group has no place to go.
    #[error("no place to go")]
    NoPlace,
    /// No connection to the service, or one that broke.
    #[error("the service's connection: {0}")]
    Upstream(io::ErrorKind),
    /// The service ended the connection before it said anything.
    #[error("the service said nothing")]
    Silent,
    /// The service's answer is not one that is passed on.
    #[error("the answer: {0}")]
    Answer(Refused),
    /// The service is too slow.
    #[error("the service took too long")]
    SlowUpstream,
}

impl Failure {
    /// What a caller is told that was told nothing yet.
    pub fn status(&self) -> u16 {
        match self {
            Self::Request(refused) => refused.status,
            Self::Caller(_) => 400,
            Self::SlowCaller => 408,
            Self::TooOften(_) => 429,
            Self::Objection(objection) => objection.status,
            Self::NoPlace => 503,
            Self::Upstream(io::ErrorKind::TimedOut) | Self::SlowUpstream => 504,
            Self::Upstream(_) | Self::Silent | Self::Answer(_) => 502,
        }
    }

    /// When it may ask again, seconds.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::TooOften(seconds) => Some(*seconds),
            _ => None,
        }
    }

    pub(super) fn upstream(error: &io::Error) -> Self {
        Self::Upstream(error.kind())
    }

    pub(super) fn caller(error: &io::Error) -> Self {
        Self::Caller(error.kind())
    }
}
