//! Message after message of one direction of one flow.
//!
//! Keep-alive sequences, bytes in any slices, and a start in the middle of a message: what does not begin
//! like a message is skipped until something does. It holds one head and one body at most.

use bytes::{Buf, BytesMut};

use super::{
    body::{BodyReader, Progress},
    http::{Head, Message, NoHead},
};

/// Longest head that is waited for.
const MAX_HEAD: usize = 32 * 1024;

/// Reads messages with heads of one kind.
#[derive(Debug)]
pub struct Reader<H> {
    buffer: BytesMut,
    // Bytes of the buffer already searched for the end of a head.
    searched: usize,
    open: Option<(H, BodyReader)>,
}

impl<H: Head> Default for Reader<H> {
    fn default() -> Self {
        Self { buffer: BytesMut::new(), searched: 0, open: None }
    }
}

impl<H: Head> Reader<H> {
    /// Adds bytes in their order. Call [`Self::message`] until it returns `None` before adding more.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete message; `answers_head` when it answers a request for a head alone.
    pub fn message(&mut self, answers_head: bool) -> Option<Message<H>> {
        loop {
            let Some((head, mut body)) = self.open.take() else {
                let head = self.head()?;
                let body = BodyReader::new(head.framing(answers_head));
                self.open = Some((head, body));
                continue;
            };
            match body.feed(&mut self.buffer) {
                Progress::More => {
                    self.open = Some((head, body));
                    return None;
                }
                Progress::Done | Progress::Broken => return Some(message(head, body, false)),
            }
        }
    }

    /// The message under way when the flow ends, as much of it as came.
    pub fn finish(&mut self) -> Option<Message<H>> {
        self.buffer.clear();
        self.open.take().map(|(head, body)| message(head, body, true))
    }

    /// Is there a message whose head was read and whose body has not ended?
    pub fn in_progress(&self) -> bool {
        self.open.is_some()
    }

    fn head(&mut self) -> Option<H> {
        loop {
            let start = opening::<H>(&self.buffer);
            if start > 0 {
                self.skip(start);
            }
            let Some(end) = end_of_head(&self.buffer, self.searched) else {
                if self.buffer.len() <= MAX_HEAD {
                    self.searched = self.buffer.len();
                    return None;
                }
                self.skip(1);
                continue;
            };
            let head = if end <= MAX_HEAD { H::read(self.buffer.get(..end)?) } else { Err(NoHead) };
            match head {
                Ok(head) => {
                    self.skip(end);
                    return Some(head);
                }
                Err(_) => self.skip(1),
            }
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.buffer.advance(bytes.min(self.buffer.len()));
        self.searched = 0;
    }
}

fn message<H>(head: H, body: BodyReader, ended: bool) -> Message<H> {
    let (body, whole) = body.finish(ended);
    Message { head, body, whole }
}

/// Where the next message begins, or may begin once more bytes have come.
fn opening<H: Head>(bytes: &[u8]) -> usize {
    let begins = |from: &[u8]| H::OPENINGS.iter().any(|o| o.starts_with(from) || from.starts_with(o));
    (0..bytes.len()).find(|&at| bytes.get(at..).is_some_and(begins)).unwrap_or(bytes.len())
}

/// The first byte behind a blank line, looked for from `searched` on (and a little before).
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let tail = bytes.get(from..)?;
    (0..tail.len()).find_map(|at| match tail.get(at..)? {
        [b'\n', b'\n', ..] => Some(from + at + 2),
        [b'\n', b'\r', b'\n', ..] => Some(from + at + 3),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::parse::http::{RequestHead, ResponseHead};

    fn requests(chunks: &[&[u8]]) -> Vec<String> {
        let mut reader = Reader::<RequestHead>::default();
        let mut out = Vec::new();
        for chunk in chunks {
            reader.feed(chunk);
            while let Some(message) = reader.message(false) {
                let body = String::from_utf8_lossy(&message.body).into_owned();
                out.push(format!("{} {} {body}", message.head.method, message.head.path));
            }
        }
        out
    }

    const TWO: &[u8] = b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbodyGET /b HTTP/1.1\r\n\r\n";

    #[test]
    fn a_sequence_reads_the_same_however_it_is_sliced() {
        let told = ["POST /a body", "GET /b "];
        assert_eq!(requests(&[TWO]), told);
        for cut in 0..TWO.len() {
            let (one, two) = TWO.split_at(cut);
            assert_eq!(requests(&[one, two]), told, "cut at {cut}");
        }
        let bytes: Vec<&[u8]> = TWO.chunks(1).collect();
        assert_eq!(requests(&bytes), told);
    }

    #[test]
    fn a_start_in_the_middle_of_a_body_finds_the_next_message() {
        assert_eq!(requests(&[b"d\":\"GET it\"}", b"\n\x00GET /b HT", b"TP/1.1\r\n\r\n"]), ["GET /b "]);
    }

    #[test]
    fn a_head_without_end_is_given_up_and_what_follows_is_found() {
        let endless = vec![b'a'; MAX_HEAD + 1];
        assert_eq!(requests(&[b"GET /", &endless, TWO]), ["POST /a body", "GET /b "]);
    }

    #[test]
    fn a_response_cut_by_the_end_of_the_flow_is_not_whole() {
        let mut reader = Reader::<ResponseHead>::default();
        reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        assert_eq!(reader.message(false), None);
        assert_eq!(reader.finish().map(|m| (m.body, m.whole)), Some((b"half".to_vec(), false)));
        assert_eq!(reader.finish(), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_nothing_piles_up(chunks in prop::collection::vec(noise(), 0..40)) {
            let mut asked = Reader::<RequestHead>::default();
            let mut answered = Reader::<ResponseHead>::default();
            for chunk in &chunks {
                asked.feed(chunk);
                while asked.message(false).is_some() {}
                answered.feed(chunk);
                while answered.message(false).is_some() {}
                prop_assert!(asked.buffer.len() <= MAX_HEAD && answered.buffer.len() <= MAX_HEAD);
            }
            asked.finish();
            answered.finish();
        }
    }

    /// Pieces of real messages mixed with arbitrary bytes: what finds holes in a parser.
    fn noise() -> impl Strategy<Value = Vec<u8>> {
        let pieces: &[&[u8]] = &[
            b"GET / HTTP/1.1\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"Content-Length: 7\r\n",
            b"\r\n",
            b"\n",
            b"Transfer-Encoding: chunked\r\n",
            b"5\r\nhello\r\n",
            b"0\r\n\r\n",
            b"ffffffffffffffff\r\n",
            b"Content-Length: 18446744073709551615\r\n\r\n",
        ];
        prop_oneof![
            prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..64),
        ]
    }
}
