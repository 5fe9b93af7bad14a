//! Looks at the first bytes of a connection until it knows which server a `ClientHello` asks for.
//!
//! ```text
//!   bytes, in any pieces ─▶ records ─▶ one handshake message ─▶ hello
//!                           (joined over records)                name, session id, versions, ALPN
//! ```
//!
//! Pure: it holds no socket and no clock, and does not keep the bytes for whoever passes them on. The answer
//! depends on the bytes alone, never on how they were cut; once given it stays. Neither a second record nor a
//! second read is a corner case: a post-quantum hello does not fit in one segment.
//!
//! What follows the hello is not looked at.

mod hello;
mod reader;
mod records;

pub use hello::ClientHello;
pub(crate) use hello::dns_name;
pub use reader::Reader;

use records::Records;

const CLIENT_HELLO: u8 = 1;
/// Type, and length in three bytes.
const MESSAGE_HEADER: usize = 4;

/// What is known so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peeked {
    /// All of it fits a hello, and the hello is not whole yet.
    More,
    /// The hello is whole.
    Hello(ClientHello),
    /// It will never be one.
    Refused(NoHello),
}

/// Why bytes are not a `ClientHello`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHello {
    /// They do not start like a TLS connection.
    NotTls,
    /// They start like one and break TLS's rules after that.
    Malformed,
    /// The hello is not whole within the limit.
    TooLarge,
}

/// An unfinished look at a connection.
#[derive(Debug)]
pub struct Peek {
    /// Bytes that may still be looked at, of those that came off the wire.
    room: usize,
    longest: usize,
    records: Records,
    message: Vec<u8>,
    answer: Peeked,
}

impl Peek {
    /// Looks at no more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            room: limit,
            longest: limit,
            records: Records::default(),
            message: Vec::new(),
            answer: Peeked::More,
        }
    }

    /// The next bytes of the connection.
    pub fn feed(&mut self, bytes: &[u8]) -> &Peeked {
        let mut bytes = &bytes[..bytes.len().min(self.room)];
        self.room -= bytes.len();
        while self.answer == Peeked::More && !bytes.is_empty() {
            if let Err(refusal) = self.step(&mut bytes) {
                self.answer = Peeked::Refused(refusal);
            }
        }
        if self.answer == Peeked::More && self.room == 0 {
            self.answer = Peeked::Refused(NoHello::TooLarge);
        }
        &self.answer
    }

    fn step(&mut self, bytes: &mut &[u8]) -> Result<(), NoHello> {
        self.message.extend_from_slice(self.records.step(bytes)?);
        let Some((&kind, rest)) = self.message.split_first() else { return Ok(()) };
        if kind != CLIENT_HELLO {
            return Err(NoHello::Malformed);
        }
        let Some(&[high, middle, low]) = rest.first_chunk() else { return Ok(()) };
        let length = u32::from_be_bytes([0, high, middle, low]) as usize;
        if MESSAGE_HEADER + length > self.longest {
            return Err(NoHello::TooLarge);
        }
        if let Some(body) = rest.get(MESSAGE_HEADER - 1..MESSAGE_HEADER - 1 + length) {
            self.answer = Peeked::Hello(ClientHello::read(body).ok_or(NoHello::Malformed)?);
            self.message = Vec::new();
        }
        Ok(())
    }
}
