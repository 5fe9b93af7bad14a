//! Why something of a flow stayed closed.
//!
//! `at` is always an offset in the captured stream of that direction, in bytes. An error ends its direction
//! only; the other one is opened as far as it goes.

use crate::vocabulary::Direction;

/// What could not be opened or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The bytes are no TLS record: captured bytes are missing, or an endpoint broke the protocol.
    #[error("{direction}: no TLS record at byte {at}")]
    NotARecord {
        /// Which way.
        direction: Direction,
        /// Where.
        at: u64,
    },
    /// The stream ends within a record or a handshake message.
    #[error("{direction}: the stream ends too early, after byte {at}")]
    Truncated {
        /// Which way.
        direction: Direction,
        /// Where its last whole record ends.
        at: u64,
    },
    /// A hello cannot be read, or a handshake message is too long or where none may be.
    #[error("{direction}: malformed handshake in the record at byte {at}")]
    Malformed {
        /// Which way.
        direction: Direction,
        /// Start of the record.
        at: u64,
    },
    /// Protected records crossed, but one of the two hellos did not.
    #[error("{direction}: protected records from byte {at}, but no complete pair of hellos")]
    NoHellos {
        /// Which way.
        direction: Direction,
        /// Start of the first protected record.
        at: u64,
    },
    /// The key log has no usable secret for these records.
    #[error("{direction}: the key log holds no {label} for the records from byte {at}")]
    NoSecret {
        /// Which way.
        direction: Direction,
        /// Which secret.
        label: &'static str,
        /// Start of the first record it would open.
        at: u64,
    },
    /// A record does not open with its secret: it was altered, or records are missing before it.
    #[error("{direction}: the record at byte {at} does not open")]
    Sealed {
        /// Which way.
        direction: Direction,
        /// Start of the record.
        at: u64,
    },
    /// The two ends agree on new keys under the old ones, as TLS 1.2 allows; the opener does not follow.
    #[error("{direction}: the session is negotiated anew at byte {at}, what follows stays closed")]
    Renegotiated {
        /// Which way.
        direction: Direction,
        /// Start of the record that changes keys.
        at: u64,
    },
    /// The opener does not know this version's records.
    #[error("records of protocol version {version:#06x} stay closed")]
    UnsupportedVersion {
        /// As on the wire.
        version: u16,
    },
    /// The opener does not know this suite.
    #[error("records of cipher suite {suite:#06x} stay closed")]
    UnsupportedSuite {
        /// As on the wire.
        suite: u16,
    },
    /// The client sent data before the handshake ended; it was passed over.
    #[error("{records} records of early data stay closed")]
    EarlyData {
        /// How many records, the one that ends early data included.
        records: u64,
    },
}
