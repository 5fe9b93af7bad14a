//! Frames one direction's bytes into records, and remembers where and when each crossed.
//!
//! It neither opens nor interprets a record's body.

use std::{collections::VecDeque, ops::Range};

use bytes::BytesMut;

use super::opened::Piece;

pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(super) const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
pub(super) const APPLICATION_DATA: u8 = 23;

const HEADER: usize = 5;

/// The longest body of any version: TLS 1.2 allows 2^14 + 2048 bytes (RFC 5246 §6.2.3), TLS 1.3 less.
const LONGEST_BODY: usize = (1 << 14) + 2048;

/// One record as it crossed.
pub(super) struct Record {
    pub(super) kind: u8,
    pub(super) header: [u8; HEADER],
    pub(super) body: BytesMut,
    /// Header and body in the captured stream.
    pub(super) span: Range<u64>,
    /// Number of the fed chunk that completed it.
    pub(super) order: u64,
}

/// The bytes at the front are no record.
pub(super) struct NotARecord;

/// Received and unread bytes of one direction.
#[derive(Default)]
pub(super) struct Records {
    unread: BytesMut,
    /// Offset of the first unread byte in the captured stream.
    offset: u64,
    /// Where unread chunks end, and their numbers.
    chunks: VecDeque<(u64, u64)>,
}

impl Records {
    pub(super) fn receive(&mut self, bytes: &[u8], order: u64) {
        if !bytes.is_empty() {
            self.unread.extend_from_slice(bytes);
            self.chunks.push_back((self.offset + self.unread.len() as u64, order));
        }
    }

    pub(super) fn unread(&self) -> &[u8] {
        &self.unread
    }

    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next whole record, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<Record>, NotARecord> {
        let Some(header) = self.unread.first_chunk::<HEADER>().copied() else {
            return if may_be_header(&self.unread) { Ok(None) } else { Err(NotARecord) };
        };
        let [kind, _, _, high, low] = header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !may_be_header(&header) || length > LONGEST_BODY {
            return Err(NotARecord);
        }
        if self.unread.len() < HEADER + length {
            return Ok(None);
        }
        let (mut bytes, span, order) = self.take(HEADER + length);
        Ok(Some(Record { kind, header, body: bytes.split_off(HEADER), span, order }))
    }

    /// All unread bytes as they were fed, chunk by chunk.
    pub(super) fn drain_chunks(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::with_capacity(self.chunks.len());
        while let Some((end, _)) = self.chunks.front() {
            let (bytes, span, order) = self.take((end - self.offset) as usize);
            pieces.push(Piece { bytes: bytes.freeze(), span, order });
        }
        pieces
    }

    /// Forgets unread bytes; what follows is no longer framed.
    pub(super) fn discard(&mut self) {
        self.take(self.unread.len());
    }

    fn take(&mut self, length: usize) -> (BytesMut, Range<u64>, u64) {
        let bytes = self.unread.split_to(length);
        let start = self.offset;
        self.offset += length as u64;
        let mut order = 0;
        while let Some((end, chunk)) = self.chunks.front().copied() {
            order = chunk;
            if end > self.offset {
                break;
            }
            self.chunks.pop_front();
            if end == self.offset {
                break;
            }
        }
        (bytes, start..self.offset, order)
    }
}

fn may_be_header(start: &[u8]) -> bool {
    start.first().is_none_or(|kind| (CHANGE_CIPHER_SPEC..=APPLICATION_DATA).contains(kind))
        && start.get(1).is_none_or(|major| *major == 3)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_where_it_crossed_and_which_chunk_completed_it() {
        let mut records = Records::default();
        records.receive(&[22, 3, 1, 0, 2, 0xaa], 4);
        assert!(records.next().ok().unwrap().is_none());
        records.receive(&[0xbb, 23, 3, 3, 0, 1], 7);
        records.receive(&[0xcc], 9);

        let first = records.next().ok().unwrap().unwrap();
        assert_eq!((first.kind, &first.body[..], first.span, first.order), (22, &[0xaa, 0xbb][..], 0..7, 7));
        let second = records.next().ok().unwrap().unwrap();
        assert_eq!((second.kind, &second.body[..], second.span, second.order), (23, &[0xcc][..], 7..13, 9));
        assert!(records.next().ok().unwrap().is_none());
    }

    #[test]
    fn what_is_no_record_is_refused_at_its_first_wrong_byte() {
        for start in [&[19][..], &[24], &[23, 2], &[23, 3, 3, 0xff, 0xff]] {
            let mut records = Records::default();
            records.receive(start, 0);
            assert!(records.next().is_err(), "{start:?}");
        }
    }

    #[test]
    fn chunks_come_back_as_they_were_fed() {
        let mut records = Records::default();
        records.receive(b"GET", 0);
        records.receive(b"", 1);
        records.receive(b" /", 2);

        let pieces = records.drain_chunks();
        let seen: Vec<_> =
            pieces.iter().map(|piece| (&piece.bytes[..], piece.span.clone(), piece.order)).collect();
        assert_eq!(seen, [(&b"GET"[..], 0..3, 0), (&b" /"[..], 3..5, 2)]);
    }
}
