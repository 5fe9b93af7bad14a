//! HTTP/1.1 as this project reads and writes it: strictly. Pure: bytes in, views and bytes out.
//!
//! ```text
//!  end       where a head ends, however its bytes arrive
//!  request   one request head, judged                (name, text)
//!  response  one response head, judged
//!  body      what follows a head: sized, chunked, until the end of the stream
//!  encode    the same, written anew
//!  write     lines of a forwarded head, own answers
//!  fuzz      plain functions that check what must hold for any bytes
//! ```
//!
//! Whatever two readers might frame differently is refused, as RFC 9112 allows for each: what leaves here has one
//! meaning. It reads no socket and no clock, and knows nothing of who asks or where a message goes.

pub mod body;
pub mod encode;
pub mod end;
pub mod fuzz;
pub mod name;
pub mod request;
pub mod response;
mod text;
pub mod write;

use std::mem::MaybeUninit;

/// One field of a head: its name as sent, its value without blanks around it.
pub use httparse::Header as Field;

/// Most fields a head may have, whatever the limits say.
pub const MOST_FIELDS: usize = 256;

/// Room for the fields of one head.
pub type Room<'a> = [MaybeUninit<Field<'a>>; MOST_FIELDS];

/// Empty room, which costs nothing to make.
pub const fn room<'a>() -> Room<'a> {
    [const { MaybeUninit::uninit() }; MOST_FIELDS]
}

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes, its empty line included.
    pub bytes: usize,
    /// Fields.
    pub fields: usize,
}

/// A message, or a part of one, that is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status}: {why}")]
pub struct Refused {
    /// What a caller is told, where it is a caller's message.
    pub status: u16,
    /// Why.
    pub why: &'static str,
}

impl Refused {
    /// Not a message, or one that may be read in two ways: 400.
    pub const fn bad(why: &'static str) -> Self {
        Self { status: 400, why }
    }

    /// A head of too many bytes or fields: 431.
    pub const fn too_large(why: &'static str) -> Self {
        Self { status: 431, why }
    }
}

/// The version a head is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2: the head was made from one, and was never bytes.
    Http2,
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Nothing, and the head says nothing of it.
    None,
    /// This many bytes.
    Sized(u64),
    /// Chunks.
    Chunked,
    /// Everything up to the end of the stream: responses only.
    UntilClose,
}

impl Length {
    /// True where not a byte follows.
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None | Self::Sized(0))
    }
}

/// What `Connection` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Whether the connection outlives the message.
    pub afterwards: Afterwards,
    /// `upgrade`.
    pub upgrade: bool,
    /// Names of fields that concern this connection only.
    pub names: bool,
}

/// What is said of the time after a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing.
    #[default]
    Unsaid,
    /// `keep-alive`.
    Kept,
    /// `close`, whatever else is said.
    Closed,
}

impl Connection {
    fn add(&mut self, value: &[u8]) {
        for option in text::list(value) {
            if option.eq_ignore_ascii_case(b"close") {
                self.afterwards = Afterwards::Closed;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                if self.afterwards == Afterwards::Unsaid {
                    self.afterwards = Afterwards::Kept;
                }
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else {
                self.names = true;
            }
        }
    }

    /// Does it leave the connection open after this message, in that version?
    pub const fn keeps(self, version: Version) -> bool {
        match (version, self.afterwards) {
            (_, Afterwards::Closed) | (Version::Http10, Afterwards::Unsaid) => false,
            (_, Afterwards::Kept | Afterwards::Unsaid) => true,
        }
    }
}
