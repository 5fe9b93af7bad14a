//! Takes a stream of TLS records apart into the pieces of handshake in them, however it arrives.

use super::NoHello;

const HANDSHAKE: u8 = 22;
/// Major number of every version's records, SSL 3.0 to TLS 1.3.
const MAJOR: u8 = 3;
const HEADER: usize = 5;
/// The longest record in clear text (RFC 8446 §5.1).
const LONGEST: usize = 1 << 14;

/// Where in a record the stream stands.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: [u8; HEADER],
    /// Bytes of the header that are there.
    headed: usize,
    /// Bytes of the body to come.
    body: usize,
    /// Whole headers before this one.
    before: usize,
}

impl Records {
    /// Takes one step from the front of `bytes`: a byte of header, which yields nothing, or a piece of body of
    /// at most `most` bytes, which is at least one.
    pub(super) fn step<'a>(&mut self, bytes: &mut &'a [u8], most: usize) -> Result<&'a [u8], NoHello> {
        let (head, rest) = bytes.split_at(bytes.len().min(self.body.min(most).max(1)));
        *bytes = rest;
        if self.body > 0 {
            self.body -= head.len();
            return Ok(head);
        }
        for &byte in head {
            self.read_header(byte)?;
        }
        Ok(&[])
    }

    fn read_header(&mut self, byte: u8) -> Result<(), NoHello> {
        let fits = match self.headed {
            0 => byte == HANDSHAKE,
            1 => byte == MAJOR,
            _ => true,
        };
        if !fits {
            return Err(if self.before == 0 { NoHello::NotTls } else { NoHello::Malformed });
        }
        self.header[self.headed] = byte;
        self.headed += 1;
        if self.headed == HEADER {
            let [_, _, _, high, low] = self.header;
            self.body = usize::from(u16::from_be_bytes([high, low]));
            self.headed = 0;
            self.before += 1;
            if !(1..=LONGEST).contains(&self.body) {
                return Err(NoHello::Malformed);
            }
        }
        Ok(())
    }
}
