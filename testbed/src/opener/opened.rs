//! What an opened flow gives: plaintext with its place in the capture, and facts.

use std::ops::Range;

use bytes::Bytes;
use rustls::{CipherSuite, ProtocolVersion};

use super::{alert::Alert, error::OpenError};
use crate::vocabulary::Direction;

/// What kind of flow it is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not one byte crossed.
    Silent,
    /// Anything that does not start with a TLS hello; its plaintext is simply its bytes.
    NotTls,
    /// TLS, or the start of it.
    Tls,
}

/// Whether the key log could help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The key log knows this session.
    Found,
    /// Protected records crossed, and the key log does not know the session.
    Missing,
    /// No protected record crossed.
    NotNeeded,
}

/// Some plaintext and where it was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The application data of one record; of a flow that is not TLS, one chunk.
    pub bytes: Bytes,
    /// Where that record (header and tag included) or chunk is in the captured stream of its direction.
    pub span: Range<u64>,
    /// Number of the fed chunk that completed it, counted over both directions from 0.
    pub order: u64,
}

/// One direction of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneWay {
    /// Plaintext, in order.
    pub pieces: Vec<Piece>,
    /// Opened records of application data, empty ones included.
    pub application_records: u64,
    /// Protected records that crossed, opened or not, whatever was inside.
    pub protected_records: u64,
    /// This side's `Finished` was opened.
    pub finished: bool,
}

impl OneWay {
    /// All plaintext in one piece.
    pub fn plaintext(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| &piece.bytes).copied().collect()
    }

    /// Which part of the captured stream holds this part of the plaintext: from the start of the first
    /// record to the end of the last. `None` if the plaintext is shorter or the range empty.
    pub fn captured(&self, plaintext: Range<u64>) -> Option<Range<u64>> {
        let mut end = 0;
        let mut first = None;
        for piece in &self.pieces {
            end += piece.bytes.len() as u64;
            if first.is_none() && plaintext.start < end {
                first = Some(piece.span.start);
            }
            if plaintext.end <= end && !plaintext.is_empty() {
                return Some(first?..piece.span.end);
            }
        }
        None
    }
}

/// Everything that could be learnt of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// TLS or not.
    pub kind: Kind,
    /// Whether the key log could help.
    pub keys: Keys,
    /// What the server chose.
    pub version: Option<ProtocolVersion>,
    /// What the server chose.
    pub cipher_suite: Option<CipherSuite>,
    /// The name the client asked for, in clear text.
    pub server_name: Option<String>,
    /// From the dialing side.
    pub to_acceptor: OneWay,
    /// From the accepting side.
    pub to_dialer: OneWay,
    /// In the order they crossed.
    pub alerts: Vec<Alert>,
    /// Both `Finished` were opened.
    pub handshake_complete: bool,
    /// Why something stayed closed; empty if all of it was opened.
    pub errors: Vec<OpenError>,
}

impl Opened {
    /// One of the two directions.
    pub fn way(&self, direction: Direction) -> &OneWay {
        match direction {
            Direction::ToAcceptor => &self.to_acceptor,
            Direction::ToDialer => &self.to_dialer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plaintext_is_found_again_in_the_capture() {
        let piece = |bytes: &'static [u8], span| Piece { bytes: Bytes::from_static(bytes), span, order: 0 };
        let way = OneWay {
            pieces: vec![piece(b"abc", 10..40), piece(b"", 40..60), piece(b"defg", 60..90)],
            ..OneWay::default()
        };

        assert_eq!(way.plaintext(), b"abcdefg");
        assert_eq!(way.captured(0..3), Some(10..40));
        assert_eq!(way.captured(2..4), Some(10..90));
        assert_eq!(way.captured(3..7), Some(60..90));
        assert_eq!(way.captured(3..8), None, "past the end");
        assert_eq!(way.captured(2..2), None, "nothing is nowhere");
    }
}
