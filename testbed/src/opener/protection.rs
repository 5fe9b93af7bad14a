//! The seam between the records of a version and everything else: how one protected record is opened.
//!
//! Each version's records live in a file of their own ([`super::tls12`], [`super::tls13`]); which secret is used when is the
//! business of [`super::session`] and [`super::side`].

use super::records::Record;

/// Opens the records of one direction, in the order they crossed.
pub(super) trait RecordProtection: Send {
    /// Opens the next record: its body becomes what was inside, and the content type of that is returned.
    /// `None` if it does not open, which spoils the body and leaves the protection as it was.
    fn open(&mut self, record: &mut Record) -> Option<u8>;

    /// Moves on to the next generation of keys; false where the version has none.
    fn update(&mut self) -> bool;
}
