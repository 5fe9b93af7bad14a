//! Joins the first handshake message of one way of a connection out of its records, and reads it.

use super::{NoHello, Peeked, records::Records};

/// Type, and length in three bytes.
const MESSAGE_HEADER: usize = 4;

/// An unfinished look at the first message.
#[derive(Debug)]
pub(super) struct First<T> {
    /// The only type of message it may have.
    kind: u8,
    read: fn(&[u8]) -> Option<T>,
    /// Bytes that may still be looked at, of those that came off the wire.
    room: usize,
    longest: usize,
    records: Records,
    message: Vec<u8>,
    answer: Peeked<T>,
}

impl<T> First<T> {
    /// Looks at no more than `limit` bytes for a message of type `kind`.
    pub(super) fn new(kind: u8, read: fn(&[u8]) -> Option<T>, limit: usize) -> Self {
        Self {
            kind,
            read,
            room: limit,
            longest: limit,
            records: Records::default(),
            message: Vec::new(),
            answer: Peeked::More,
        }
    }

    /// The next bytes of the connection.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> &Peeked<T> {
        let mut bytes = &bytes[..bytes.len().min(self.room)];
        self.room -= bytes.len();
        while matches!(self.answer, Peeked::More) && !bytes.is_empty() {
            if let Err(refusal) = self.step(&mut bytes) {
                self.answer = Peeked::Refused(refusal);
            }
        }
        if matches!(self.answer, Peeked::More) && self.room == 0 {
            self.answer = Peeked::Refused(NoHello::TooLarge);
        }
        &self.answer
    }

    fn step(&mut self, bytes: &mut &[u8]) -> Result<(), NoHello> {
        let missing = self.whole().unwrap_or(MESSAGE_HEADER).saturating_sub(self.message.len());
        self.message.extend_from_slice(self.records.step(bytes, missing)?);
        if self.message.first().is_some_and(|kind| *kind != self.kind) {
            return Err(NoHello::Malformed);
        }
        let Some(whole) = self.whole() else { return Ok(()) };
        if whole > self.longest {
            return Err(NoHello::TooLarge);
        }
        if let Some(body) = self.message.get(MESSAGE_HEADER..whole) {
            self.answer = Peeked::Hello((self.read)(body).ok_or(NoHello::Malformed)?);
            self.message = Vec::new();
        }
        Ok(())
    }

    /// Length of the message with its header, once the header is there.
    fn whole(&self) -> Option<usize> {
        let [_, high, middle, low] = *self.message.first_chunk()?;
        Some(MESSAGE_HEADER + u32::from_be_bytes([0, high, middle, low]) as usize)
    }
}
