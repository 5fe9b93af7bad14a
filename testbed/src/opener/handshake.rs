//! Reassembles handshake messages from the records that carry them.
//!
//! A message may start and end anywhere in a record; it may not be longer than 64 KiB, the limit rustls
//! keeps too, so that a stream cannot make the opener hoard.

use bytes::{Buf, Bytes, BytesMut};

pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

const HEADER: usize = 4;
const LONGEST: usize = 0xffff;

/// A message longer than [`LONGEST`].
pub(super) struct TooLong;

/// One message.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Bytes,
}

/// Bytes of messages that are not whole yet.
#[derive(Default)]
pub(super) struct Messages(BytesMut);

impl Messages {
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Nothing is left half-read.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next whole message, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Message>, TooLong> {
        let Some([kind, high, middle, low]) = self.0.first_chunk::<HEADER>().copied() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if length > LONGEST {
            return Err(TooLong);
        }
        if self.0.len() < HEADER + length {
            return Ok(None);
        }
        let mut body = self.0.split_to(HEADER + length).freeze();
        body.advance(HEADER);
        Ok(Some(Message { kind, body }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_reassembled_across_and_within_records() {
        let mut messages = Messages::default();
        messages.receive(&[FINISHED, 0]);
        assert!(messages.next().ok().unwrap().is_none());
        messages.receive(&[0, 1, 0xaa, KEY_UPDATE, 0, 0, 0, 1]);

        let first = messages.next().ok().unwrap().unwrap();
        assert_eq!((first.kind, &first.body[..]), (FINISHED, &[0xaa][..]));
        let second = messages.next().ok().unwrap().unwrap();
        assert_eq!((second.kind, &second.body[..]), (KEY_UPDATE, &[][..]));
        assert!(messages.next().ok().unwrap().is_none());
        assert!(!messages.is_empty(), "the start of a third one waits");
    }

    #[test]
    fn a_message_may_be_64_kib_and_not_one_byte_more() {
        let mut messages = Messages::default();
        messages.receive(&[FINISHED, 0, 0xff, 0xff]);
        messages.receive(&vec![0; 0xffff]);
        assert_eq!(messages.next().ok().unwrap().unwrap().body.len(), 0xffff);

        messages.receive(&[FINISHED, 1, 0, 0]);
        assert!(messages.next().is_err());
    }
}
