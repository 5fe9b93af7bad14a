//! Where requests begin and end in a byte stream, so that each is judged before any of it is handed on. Pure.
//!
//! ```text
//!   Head ─┬─ Content-Length ─▶ Sized ───────────────────────────────▶ Head
//!         └─ chunked ─▶ ChunkSize ─▶ Chunk ─▶ ChunkEnd ─▶ ChunkSize …
//!                           └─ 0 ─▶ Trailer ────────────────────────▶ Head
//! ```

use super::{
    MAX_HEAD,
    head::{Body, Refusal, field, judge},
};

/// Bytes of a chunk's size line, extensions included.
const MAX_CHUNK_LINE: usize = 256;

/// The reading position.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
}

#[derive(Debug)]
enum State {
    /// `seen` bytes of the head were searched for its end.
    Head {
        seen: usize,
    },
    Sized(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    /// This many bytes of trailer lines went by.
    Trailer(usize),
}

impl Default for State {
    fn default() -> Self {
        Self::Head { seen: 0 }
    }
}

impl Framing {
    /// How many bytes at the beginning of `bytes` may be handed on, and whether what follows them never may.
    /// Otherwise the rest is to be shown again, with more.
    pub(super) fn admit(&mut self, bytes: &[u8]) -> (usize, Option<Refusal>) {
        let mut admitted = 0;
        loop {
            match self.step(&bytes[admitted..]) {
                Ok(Some(used)) => admitted += used,
                Ok(None) => return (admitted, None),
                Err(refusal) => return (admitted, Some(refusal)),
            }
        }
    }

    /// One whole unit, or `None` until more of it is there.
    fn step(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        if bytes.is_empty() {
            return Ok(None);
        }
        match self.state {
            State::Head { seen } => self.head(bytes, seen),
            State::Sized(left) => Ok(Some(self.skip(bytes, left, State::Sized, State::default()))),
            State::Chunk(left) => Ok(Some(self.skip(bytes, left, State::Chunk, State::ChunkEnd))),
            State::ChunkEnd => self.line(bytes, 2, |line| match line {
                [] => Ok(State::ChunkSize),
                _ => Err(Refusal("a chunk longer than its size")),
            }),
            State::ChunkSize => self.line(bytes, MAX_CHUNK_LINE, |line| {
                Ok(match chunk_size(line)? {
                    0 => State::Trailer(0),
                    size => State::Chunk(size),
                })
            }),
            State::Trailer(before) => self.line(bytes, MAX_HEAD - before, |line| match line {
                [] => Ok(State::default()),
                _ => field(line).map(|_| State::Trailer(before + line.len() + 2)),
            }),
        }
    }

    fn head(&mut self, bytes: &[u8], seen: usize) -> Result<Option<usize>, Refusal> {
        // An empty line before a request is ignored, as hyper does.
        if seen == 0 && bytes.starts_with(b"\r\n") {
            return Ok(Some(2));
        }
        for (at, _) in bytes.iter().enumerate().skip(seen).filter(|(_, byte)| **byte == b'\n') {
            if !bytes[..at].ends_with(b"\r") {
                return Err(Refusal("a bare line feed"));
            }
            if at < MAX_HEAD && bytes[..=at].ends_with(b"\r\n\r\n") {
                self.state = match judge(&bytes[..=at])? {
                    Body::Sized(0) => State::default(),
                    Body::Sized(length) => State::Sized(length),
                    Body::Chunked => State::ChunkSize,
                };
                return Ok(Some(at + 1));
            }
        }
        if bytes.len() >= MAX_HEAD {
            return Err(Refusal("a head that is too long"));
        }
        // A lone "\r" may become an empty line.
        self.state = State::Head { seen: if bytes == b"\r" { 0 } else { bytes.len() } };
        Ok(None)
    }

    fn skip(&mut self, bytes: &[u8], left: u64, on: fn(u64) -> State, done: State) -> usize {
        let used = left.min(bytes.len() as u64);
        self.state = if used == left { done } else { on(left - used) };
        used as usize
    }

    fn line(
        &mut self,
        bytes: &[u8],
        limit: usize,
        next: impl FnOnce(&[u8]) -> Result<State, Refusal>,
    ) -> Result<Option<usize>, Refusal> {
        let searched = &bytes[..bytes.len().min(limit)];
        let Some(end) = searched.iter().position(|byte| *byte == b'\n') else {
            return if bytes.len() >= limit { Err(Refusal("a line that is too long")) } else { Ok(None) };
        };
        let line = searched[..end].strip_suffix(b"\r").ok_or(Refusal("a bare line feed"))?;
        self.state = next(line)?;
        Ok(Some(end + 1))
    }
}

/// Hexadecimal, and extensions that nobody reads.
fn chunk_size(line: &[u8]) -> Result<u64, Refusal> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    if digits.is_empty()
        || digits.len() > 15
        || !digits.iter().all(u8::is_ascii_hexdigit)
        || line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
        return Err(Refusal("a chunk size that is none"));
    }
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    u64::from_str_radix(digits, 16).map_err(|_| Refusal("a chunk size that is none"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const SIZED: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                           5;x=y\r\nGET /\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
    const SMUGGLED: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\
                            Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

    /// What comes out, and whether the end was a refusal, when the bytes arrive in pieces.
    fn passed(bytes: &[u8], pieces: impl Iterator<Item = usize>) -> (Vec<u8>, bool) {
        let (mut framing, mut held, mut out) = (Framing::default(), Vec::new(), Vec::new());
        let mut rest = bytes;
        for piece in pieces {
            let (now, later) = rest.split_at(piece.min(rest.len()));
            (rest, held) = (later, [held.as_slice(), now].concat());
            let (admitted, refusal) = framing.admit(&held);
            out.extend(held.drain(..admitted));
            if refusal.is_some() {
                return (out, true);
            }
        }
        (out, false)
    }

    #[test]
    fn requests_in_a_row_pass_whole_and_the_refused_one_not_at_all() {
        let good = [GET, SIZED, CHUNKED, "\r\n", GET].concat();
        let all = [good.as_str(), SMUGGLED, GET].concat();
        assert_eq!(passed(good.as_bytes(), std::iter::once(usize::MAX)), (good.clone().into_bytes(), false));
        assert_eq!(passed(all.as_bytes(), std::iter::once(usize::MAX)), (good.clone().into_bytes(), true));
        assert_eq!(passed(all.as_bytes(), std::iter::repeat_n(1, all.len())), (good.into_bytes(), true));
    }

    #[test]
    fn a_head_is_held_back_until_it_is_complete() {
        let mut framing = Framing::default();
        assert_eq!(framing.admit(&GET.as_bytes()[..GET.len() - 1]), (0, None));
        assert_eq!(framing.admit(GET.as_bytes()), (GET.len(), None));
    }

    #[test]
    fn chunks_that_lie_are_refused_and_so_is_a_head_without_end() {
        let head = CHUNKED.split_inclusive("\r\n\r\n").next().unwrap();
        for chunks in [
            "-1\r\n",
            "\r\n",
            "5\n",
            "g\r\n",
            "1 \r\n",
            "1\r\nab\r\n",
            "1;\0\r\n",
            "0\r\nX\r\n",
            "0\r\n T: v\r\n",
        ] {
            let all = [head, chunks].concat();
            let (out, refused) = passed(all.as_bytes(), std::iter::once(usize::MAX));
            assert!(refused && out.len() < all.len(), "{chunks:?}");
        }
        let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(MAX_HEAD));
        assert!(Framing::default().admit(endless.as_bytes()).1.is_some());
        let endless = format!("{head}1;{}", "x".repeat(MAX_CHUNK_LINE));
        assert!(Framing::default().admit(endless.as_bytes()).1.is_some());
    }

    proptest! {
        /// However bytes arrive, the same ones pass.
        #[test]
        fn pieces_make_no_difference(pieces in prop::collection::vec(1_usize..400, 400)) {
            let all = [GET, CHUNKED, SIZED, "\r\n", SMUGGLED, GET].concat();
            let whole = [GET, CHUNKED, SIZED, "\r\n"].concat();
            prop_assert_eq!(passed(all.as_bytes(), pieces.into_iter()), (whole.into_bytes(), true));
        }

        #[test]
        fn nothing_a_peer_sends_breaks_it(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let (out, _) = passed(&bytes, std::iter::repeat_n(7, 100));
            prop_assert!(bytes.starts_with(&out));
        }
    }
}
