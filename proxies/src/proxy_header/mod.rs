//! The PROXY protocol: one header in front of a connection that says whose it is.
//!
//! ```text
//!   out   Caller ─▶ Header ─▶ encode ─▶ first bytes towards a place, before its codec
//!   in    first bytes of an allowed peer ─▶ parse ─▶ Header ─▶ Caller
//! ```
//!
//! [`Header::encode`] and [`parse`] are pure. [`read`] takes exactly the header off a stream and not one byte of
//! what follows, so that TLS may begin right behind it. Whom to believe is a listener's [`Accept`]: to anybody else
//! a header is just bad TLS or bad HTTP, and nothing is parsed. What it deliberately does not do: keep the extra
//! values of version 2 (they are checked and dropped), or carry addresses of Unix sockets, which say nothing here.
//! No task of its own.

mod accept;
mod binary;
mod checksum;
pub mod fuzz;
mod text;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use accept::{Accept, Peer, read};

use crate::caller::Caller;

/// Which of its two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// A line of text.
    V1,
    /// Binary.
    V2,
}

/// Bytes of the longest version 1 header, line end included: the specification's worst case.
pub const LONGEST_V1: usize = 107;

/// Bytes of the longest version 2 header taken: 536 as the specification has senders keep to where they can, and room
/// for 3,560 more of its extra values. A longer one is refused at its 16th byte, before the rest is read.
pub const LONGEST_V2: usize = 536 + 3_560;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// Nothing about anybody else (`LOCAL`, `UNKNOWN`, an unspecified or Unix family): the connection's own ends hold.
    Own,
    /// The connection is carried for somebody else. Both addresses are of one family.
    For {
        /// Where that one comes from.
        source: SocketAddr,
        /// Where it arrived.
        destination: SocketAddr,
    },
}

/// What is known of the beginning of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All of it fits a header, and at least so many bytes of it are still to come (never 0, never more than are).
    More(usize),
    /// A whole header and how many bytes it takes up.
    Whole(Header, usize),
    /// It will never be one.
    Refused(BadHeader),
}

/// Why bytes are not a PROXY header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHeader {
    /// An address or a port is none, or not of the family named.
    #[error("an address or a port of the PROXY header is none")]
    Address,
    /// Its checksum is another.
    #[error("the checksum of the PROXY header does not fit")]
    Checksum,
    /// The connection ended within it.
    #[error("the connection ended within its PROXY header")]
    CutShort,
    /// They begin like one and break its rules after that.
    #[error("a malformed PROXY header")]
    Malformed,
    /// They do not begin like one.
    #[error("no PROXY header")]
    NotAHeader,
    /// Longer than the limit.
    #[error("the PROXY header is too long")]
    TooLong,
    /// It was not whole in time.
    #[error("the PROXY header took too long")]
    TooSlow,
    /// A family, transport or command nobody carries over a stream.
    #[error("the PROXY header is of a kind that is not carried here")]
    Unsupported,
}

/// Looks for a header at the beginning of `bytes`, whatever follows it.
///
/// For all inputs: the same bytes give the same answer; once refused or whole, more bytes change nothing; of every
/// whole header each proper beginning is [`Parsed::More`], with a number that does not reach beyond the header; a
/// whole header is never longer than [`LONGEST_V1`] or [`LONGEST_V2`]. Cost is linear in those.
pub fn parse(bytes: &[u8]) -> Parsed {
    match bytes.first() {
        None => Parsed::More(text::SHORTEST),
        Some(&first) if first == binary::SIGNATURE[0] => binary::parse(bytes),
        Some(_) => text::parse(bytes),
    }
}

impl Header {
    /// What to say about a caller: its ends, if both are known and of one family.
    pub fn about(caller: &Caller) -> Self {
        match (caller.source, caller.destination) {
            (Some(source), Some(destination)) if source.is_ipv4() == destination.is_ipv4() => {
                Self::For { source, destination }
            }
            _ => Self::Own,
        }
    }

    /// Its bytes. Where nothing is known, `UNKNOWN` and `LOCAL`; likewise where the two families differ.
    pub fn encode(self, version: Version) -> Vec<u8> {
        match version {
            Version::V1 => text::encode(self),
            Version::V2 => binary::encode(self),
        }
    }

    /// Puts into `caller` what it says.
    pub fn apply(self, caller: &mut Caller) {
        if let Self::For { source, destination } = self {
            (caller.source, caller.destination) = (Some(source), Some(destination));
        }
    }
}
