//! A body as it arrives: follows its framing to the end and keeps a bounded part of it.
//!
//! Bytes past the bound are counted as read and dropped, so that the next message is still found.

use bytes::{Buf, BytesMut};
use httparse::Status;

use super::http::Framing;

/// Bytes of one body that are kept.
pub(super) const MAX_BODY: usize = 256 * 1024;
/// Longest line of chunk framing that is waited for.
const MAX_LINE: usize = 1024;

/// How far a body got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// More bytes are needed.
    More,
    /// The body is complete; what remains in the buffer belongs to the next message.
    Done,
    /// The framing makes no sense.
    Broken,
}

/// Reads one body.
#[derive(Debug)]
pub(super) struct BodyReader {
    state: State,
    kept: Vec<u8>,
    cut: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Plain(u64),
    UntilEnd,
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
    Done,
}

impl BodyReader {
    pub(super) fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(length) => State::Plain(length),
            Framing::Chunked => State::ChunkSize,
            Framing::UntilEnd => State::UntilEnd,
        };
        Self { state, kept: Vec::new(), cut: false }
    }

    /// Takes what belongs to the body off the front of `buffer`.
    pub(super) fn feed(&mut self, buffer: &mut BytesMut) -> Progress {
        loop {
            let step = match self.state {
                State::Done => return Progress::Done,
                State::Plain(left) => self.data(buffer, left, State::Plain, State::Done),
                State::Chunk(left) => self.data(buffer, left, State::Chunk, State::ChunkEnd),
                State::UntilEnd => {
                    self.data(buffer, u64::MAX, |_| State::UntilEnd, State::UntilEnd);
                    return Progress::More;
                }
                State::ChunkSize => self.chunk_size(buffer),
                State::ChunkEnd => self.line(buffer, State::ChunkSize, None),
                State::Trailers => self.line(buffer, State::Done, Some(State::Trailers)),
            };
            match step {
                Progress::Done => {}
                stuck => return stuck,
            }
        }
    }

    /// The body so far; `ended` when nothing more can come of it.
    pub(super) fn finish(self, ended: bool) -> (Vec<u8>, bool) {
        let complete = match self.state {
            State::Done => true,
            State::UntilEnd => ended,
            _ => false,
        };
        (self.kept, complete && !self.cut)
    }

    fn data(&mut self, buffer: &mut BytesMut, left: u64, on: fn(u64) -> State, after: State) -> Progress {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let taken = buffer.split_to(here);
        let room = MAX_BODY.saturating_sub(self.kept.len()).min(taken.len());
        self.cut |= room < taken.len();
        self.kept.extend(taken.iter().take(room));
        let left = left - here as u64;
        self.state = if left == 0 { after } else { on(left) };
        if left == 0 { Progress::Done } else { Progress::More }
    }

    fn chunk_size(&mut self, buffer: &mut BytesMut) -> Progress {
        match httparse::parse_chunk_size(buffer) {
            Ok(Status::Complete((line, size))) => {
                buffer.advance(line);
                self.state = if size == 0 { State::Trailers } else { State::Chunk(size) };
                Progress::Done
            }
            Ok(Status::Partial) if buffer.len() <= MAX_LINE => Progress::More,
            Ok(Status::Partial) | Err(_) => Progress::Broken,
        }
    }

    /// One line: an empty one leads on, another is allowed only where `full` says what follows it.
    fn line(&mut self, buffer: &mut BytesMut, empty: State, full: Option<State>) -> Progress {
        let Some(end) = buffer.iter().position(|&byte| byte == b'\n') else {
            return if buffer.len() <= MAX_LINE { Progress::More } else { Progress::Broken };
        };
        let line = buffer.split_to(end + 1);
        match (line.trim_ascii().is_empty(), full) {
            (true, _) => self.state = empty,
            (false, Some(state)) => self.state = state,
            (false, None) => return Progress::Broken,
        }
        Progress::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(framing: Framing, text: &str) -> (Progress, String, bool, String) {
        let mut buffer = BytesMut::from(text);
        let mut reader = BodyReader::new(framing);
        let progress = reader.feed(&mut buffer);
        let (body, whole) = reader.finish(true);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (progress, text(&body), whole, text(&buffer))
    }

    #[test]
    fn a_length_leaves_the_next_message_alone() {
        let got = read(Framing::Length(5), "helloGET /");
        assert_eq!(got, (Progress::Done, "hello".into(), true, "GET /".into()));
    }

    #[test]
    fn chunks_with_extensions_and_trailers_are_joined() {
        let got = read(Framing::Chunked, "4;x=1\r\nwiki\r\n1\r\n!\r\n0\r\nA: b\r\n\r\nHTTP");
        assert_eq!(got, (Progress::Done, "wiki!".into(), true, "HTTP".into()));
    }

    #[test]
    fn broken_chunk_framing_is_told_apart_from_a_short_one() {
        assert_eq!(read(Framing::Chunked, "zz\r\n").0, Progress::Broken);
        assert_eq!(read(Framing::Chunked, "1\r\nab\r\n").0, Progress::Broken);
        assert_eq!(read(Framing::Chunked, "4\r\nwi"), (Progress::More, "wi".into(), false, String::new()));
    }

    #[test]
    fn a_body_without_framing_is_whole_when_the_flow_ends() {
        assert_eq!(read(Framing::UntilEnd, "all"), (Progress::More, "all".into(), true, String::new()));
    }

    #[test]
    fn what_is_too_long_is_cut_and_still_read_to_its_end() {
        let long = "x".repeat(MAX_BODY + 10);
        let (progress, body, whole, rest) = read(Framing::Length(long.len() as u64), &(long + "GET"));
        assert_eq!((progress, body.len(), whole, rest.as_str()), (Progress::Done, MAX_BODY, false, "GET"));
    }
}
