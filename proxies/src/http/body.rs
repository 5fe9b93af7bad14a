//! What follows a head, read unit by unit, however its bytes arrive.
//!
//! ```text
//!   Sized ─────────────────────────────────────────────▶ Done
//!   ChunkSize ─▶ Chunk ─▶ ChunkEnd ─▶ ChunkSize …
//!       └─ 0 ─▶ Trailer ───────────────────────────────▶ Done
//!   UntilClose ─ end of stream ────────────────────────▶ Done
//! ```

use super::{HeadLimits, Length, Refused, text::field_line};

/// Bytes of a chunk's size line, extensions included.
const MAX_CHUNK_LINE: usize = 256;
/// Bytes of extensions in one body: nobody reads them.
const MAX_EXTENSIONS: usize = 16 * 1024;

/// The reading position in one body.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    state: State,
    extensions: usize,
    trailers: HeadLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sized(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// The next unit at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is not all there yet.
    More,
    /// This many bytes are framing, to be skipped.
    Framing(usize),
    /// This many bytes are the body's own.
    Data(usize),
    /// This many bytes are one trailer field, its line end included.
    Trailer(usize),
    /// Nothing of this body follows.
    Done,
}

impl Body {
    /// Of a message with this length, its trailers no larger than a head.
    pub const fn new(length: Length, trailers: HeadLimits) -> Self {
        let state = match length {
            Length::None | Length::Sized(0) => State::Done,
            Length::Sized(length) => State::Sized(length),
            Length::Chunked => State::ChunkSize,
            Length::UntilClose => State::UntilClose,
        };
        Self { state, extensions: 0, trailers }
    }

    /// True once all of it was taken.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many bytes of it did not come yet, where that is known.
    pub const fn left(&self) -> Option<u64> {
        match self.state {
            State::Done => Some(0),
            State::Sized(left) => Some(left),
            _ => None,
        }
    }

    /// What `bytes` begin with. The unit counts as taken; [`Step::More`] takes nothing.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        if self.is_done() {
            return Ok(Step::Done);
        }
        if bytes.is_empty() {
            return Ok(Step::More);
        }
        match self.state {
            State::Done => Ok(Step::Done),
            State::UntilClose => Ok(Step::Data(bytes.len())),
            State::Sized(left) => Ok(self.data(bytes, left, State::Sized, State::Done)),
            State::Chunk(left) => Ok(self.data(bytes, left, State::Chunk, State::ChunkEnd)),
            State::ChunkEnd => self.chunk_end(bytes),
            State::ChunkSize => self.chunk_size(bytes),
            State::Trailer => self.trailer(bytes),
        }
    }

    /// The stream ended: was that the end of the body?
    pub fn end(&mut self) -> Result<(), Refused> {
        match self.state {
            State::UntilClose | State::Done => {
                self.state = State::Done;
                Ok(())
            }
            _ => Err(Refused::bad("a body that broke off")),
        }
    }

    fn data(&mut self, bytes: &[u8], left: u64, on: fn(u64) -> State, done: State) -> Step {
        let used = left.min(bytes.len() as u64);
        self.state = if used == left { done } else { on(left - used) };
        Step::Data(used as usize)
    }

    fn chunk_end(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        match bytes {
            [b'\r', b'\n', ..] => {
                self.state = State::ChunkSize;
                Ok(Step::Framing(2))
            }
            b"\r" => Ok(Step::More),
            _ => Err(Refused::bad("a chunk longer than its size")),
        }
    }

    fn chunk_size(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        let Some(line) = line(bytes, MAX_CHUNK_LINE)? else { return Ok(Step::More) };
        let (size, extension) = chunk_size(line)?;
        self.extensions += extension;
        if self.extensions > MAX_EXTENSIONS {
            return Err(Refused::bad("too many chunk extensions"));
        }
        self.state = if size == 0 { State::Trailer } else { State::Chunk(size) };
        Ok(Step::Framing(line.len() + 2))
    }

    fn trailer(&mut self, bytes: &[u8]) -> Result<Step, Refused> {
        let Some(line) = line(bytes, self.trailers.bytes)? else { return Ok(Step::More) };
        let used = line.len() + 2;
        if line.is_empty() {
            self.state = State::Done;
            return Ok(Step::Framing(used));
        }
        if self.trailers.fields == 0 {
            return Err(Refused::too_large("too many trailers"));
        }
        field_line(line)?;
        self.trailers.bytes -= used;
        self.trailers.fields -= 1;
        Ok(Step::Trailer(used))
    }
}

/// The first line, without its end, if it ends within `limit` bytes.
fn line(bytes: &[u8], limit: usize) -> Result<Option<&[u8]>, Refused> {
    let searched = &bytes[..bytes.len().min(limit)];
    match memchr::memchr(b'\n', searched) {
        Some(end) => searched[..end].strip_suffix(b"\r").map(Some).ok_or(Refused::bad("a bare line feed")),
        None if bytes.len() >= limit => Err(Refused::bad("a line that is too long")),
        None => Ok(None),
    }
}

/// Hexadecimal, and how many bytes of extensions.
fn chunk_size(line: &[u8]) -> Result<(u64, usize), Refused> {
    const NONE: Refused = Refused::bad("a chunk size that is none");
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty()
        || digits.len() > 15
        || !digits.iter().all(u8::is_ascii_hexdigit)
        || line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return Err(NONE);
    }
    let extension = line.len() - digits.len();
    let digits = std::str::from_utf8(digits).map_err(|_| NONE)?;
    u64::from_str_radix(digits, 16).map(|size| (size, extension)).map_err(|_| NONE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: HeadLimits = HeadLimits { bytes: 100, fields: 3 };
    const CHUNKED: &[u8] = b"5;x=y\r\nGET /\r\nA\r\n0123456789\r\n000\r\nT: v\r\nU:\r\n\r\nGET";

    /// Data and trailers that came out, and how many bytes were taken, when bytes arrive in pieces.
    fn read(
        length: Length,
        bytes: &[u8],
        pieces: impl Iterator<Item = usize>,
    ) -> Result<(String, usize), Refused> {
        let (mut body, mut out, mut at, mut there) = (Body::new(length, LIMITS), Vec::new(), 0, 0);
        for piece in pieces {
            there = bytes.len().min(there + piece);
            loop {
                at += match body.step(&bytes[at..there])? {
                    Step::More => break,
                    Step::Done => return Ok((String::from_utf8(out).unwrap(), at)),
                    Step::Framing(used) => used,
                    Step::Data(used) | Step::Trailer(used) => {
                        out.extend(&bytes[at..at + used]);
                        used
                    }
                };
            }
        }
        body.end().map(|()| (String::from_utf8(out).unwrap(), at))
    }

    fn whole(length: Length, bytes: &[u8]) -> Result<(String, usize), Refused> {
        read(length, bytes, std::iter::once(usize::MAX))
    }

    #[test]
    fn a_body_ends_where_its_head_said() {
        assert_eq!(whole(Length::Sized(3), b"abcGET"), Ok(("abc".to_owned(), 3)));
        assert_eq!(whole(Length::None, b"GET"), Ok((String::new(), 0)));
        assert_eq!(whole(Length::UntilClose, b"abc"), Ok(("abc".to_owned(), 3)));
        let chunked = ("GET /0123456789T: v\r\nU:\r\n".to_owned(), CHUNKED.len() - 3);
        assert_eq!(whole(Length::Chunked, CHUNKED), Ok(chunked));
    }

    #[test]
    fn a_body_that_breaks_off_is_never_whole() {
        assert!(whole(Length::Sized(4), b"abc").is_err());
        for n in 0..CHUNKED.len() - 3 {
            assert!(whole(Length::Chunked, &CHUNKED[..n]).is_err(), "{n}");
        }
    }

    #[test]
    fn chunks_that_lie_are_refused() {
        for chunks in [
            "-1\r\n",
            "+1\r\n",
            "0x1\r\n",
            "\r\n",
            ";x\r\n",
            "5\n",
            "g\r\n",
            "1 \r\n",
            " 1\r\n",
            "1 ;x\r\n",
            "1\r\nab\r\n",
            "1\r\na\n",
            "1;\0\r\n",
            "1;\r\r\n",
            "1;x\n\r\n",
            "0\r\nX\r\n",
            "0\r\n T: v\r\n",
            "0\r\nT : v\r\n",
            "0\r\nT: v\n\r\n",
            "0\r\nT: a\rb\r\n",
            "0\r\n\n",
            "1234567890123456\r\n",
            "0\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n",
        ] {
            let outcome = whole(Length::Chunked, chunks.as_bytes());
            assert!(outcome.unwrap_err().why != "a body that broke off", "{chunks:?}");
        }
        let long = |line: String| whole(Length::Chunked, line.as_bytes()).unwrap_err().why;
        assert_eq!(long(format!("1;{}", "x".repeat(MAX_CHUNK_LINE))), "a line that is too long");
        assert_eq!(long(format!("0\r\nT: {}", "x".repeat(100))), "a line that is too long");
        assert_eq!(long(format!("1;{}\r\na\r\n", "x".repeat(200)).repeat(82)), "too many chunk extensions");
    }

    proptest! {
        /// However bytes arrive, the same ones are the body's.
        #[test]
        fn pieces_make_no_difference(pieces in prop::collection::vec(1_usize..9, CHUNKED.len())) {
            prop_assert_eq!(read(Length::Chunked, CHUNKED, pieces.into_iter()), whole(Length::Chunked, CHUNKED));
        }
    }
}
