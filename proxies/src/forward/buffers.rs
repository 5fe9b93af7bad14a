//! Buffers of a thread, lent to connections while bytes move and given back when they wait: an idle connection
//! holds none.

use std::cell::RefCell;

/// Bytes read at a time: 8 KiB costs a quarter more on bulk, 256 KiB gains nothing (measured on loopback).
pub(super) const ROOM: usize = 64 * 1024;
/// Parts of a body up to this size go out together with what is before them, in one write.
pub(super) const COPY: usize = 16 * 1024;
/// Buffers of either kind a thread keeps for the next connection.
const SPARE: usize = 32;

thread_local! {
    static SPARE_INPUT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
    static SPARE_OUTPUT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

fn take(spare: &'static std::thread::LocalKey<RefCell<Vec<Vec<u8>>>>) -> Option<Vec<u8>> {
    spare.with_borrow_mut(Vec::pop)
}

fn give(spare: &'static std::thread::LocalKey<RefCell<Vec<Vec<u8>>>>, buffer: Vec<u8>) {
    // While a thread ends, buffers are simply freed.
    let _ended = spare.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < SPARE {
            spare.push(buffer);
        }
    });
}

/// What was read from a stream and not used yet.
#[derive(Default)]
pub(super) struct Input {
    /// Initialised throughout; [`ROOM`] long while bytes move, as long as what it holds while they wait.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Forgets the first `count` bytes.
    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        if self.start >= self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Room to read into; none where it is full. What is read there counts once [`filled`](Self::filled) says so.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.buffer.len() < ROOM {
            let mut larger = take(&SPARE_INPUT).unwrap_or_else(|| vec![0; ROOM]);
            let held = self.end - self.start;
            larger[..held].copy_from_slice(self.bytes());
            (self.buffer, self.start, self.end) = (larger, 0, held);
        } else if self.end == ROOM && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.buffer[self.end..]
    }

    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Nothing moves: holds what it holds and no more.
    pub(super) fn park(&mut self) {
        if self.buffer.len() < ROOM {
            return;
        }
        let rest = self.bytes().to_vec();
        (self.start, self.end) = (0, rest.len());
        give(&SPARE_INPUT, std::mem::replace(&mut self.buffer, rest));
    }

    /// Everything that is left.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let rest = self.bytes().to_vec();
        self.consume(rest.len());
        self.park();
        rest
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if self.buffer.len() == ROOM {
            give(&SPARE_INPUT, std::mem::take(&mut self.buffer));
        }
    }
}

/// What is to be written to a stream and was not yet.
#[derive(Default)]
pub(super) struct Output {
    buffer: Vec<u8>,
    start: usize,
}

impl Output {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    /// To append to.
    pub(super) fn end(&mut self) -> &mut Vec<u8> {
        if self.buffer.capacity() == 0 {
            self.buffer = take(&SPARE_OUTPUT).unwrap_or_default();
        }
        &mut self.buffer
    }

    /// The first `count` bytes were written; they stay, to be written again if need be, until it is cleared.
    pub(super) fn written(&mut self, count: usize) {
        self.start += count;
    }

    /// True where bytes were written since the last [`clear`](Self::clear).
    pub(super) fn is_begun(&self) -> bool {
        self.start > 0
    }

    /// As if nothing had been written since the last [`clear`](Self::clear).
    pub(super) fn rewind(&mut self) {
        self.start = 0;
    }

    /// Holds nothing any more, not even room.
    pub(super) fn clear(&mut self) {
        self.start = 0;
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.capacity() > 0 && buffer.capacity() <= 2 * ROOM {
            buffer.clear();
            give(&SPARE_OUTPUT, buffer);
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_survives_waiting_and_moving() {
        let mut input = Input::default();
        let bytes: Vec<u8> = (0..ROOM).map(|n| (n % 251) as u8).collect();
        input.room().copy_from_slice(&bytes);
        input.filled(ROOM);
        assert!(input.room().is_empty());
        input.consume(ROOM - 10);
        input.park();
        assert_eq!((input.bytes(), input.buffer.len()), (&bytes[ROOM - 10..], 10));
        input.room()[..2].copy_from_slice(b"ab");
        input.filled(2);
        assert_eq!(input.bytes(), [&bytes[ROOM - 10..], b"ab"].concat());
        assert_eq!(input.take().len(), 12);
        assert_eq!(input.buffer.len(), 0, "an idle connection holds no buffer");
    }

    #[test]
    fn what_was_written_can_be_written_again_until_it_is_cleared() {
        let mut output = Output::default();
        output.end().extend_from_slice(b"head");
        output.written(3);
        assert_eq!(output.bytes(), b"d");
        output.rewind();
        assert_eq!(output.bytes(), b"head");
        output.clear();
        assert!(output.is_empty() && output.buffer.capacity() == 0);
    }
}
