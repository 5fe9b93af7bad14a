//! Plain functions that take any bytes and check what must hold of them; they panic where it does not.
//!
//! For fuzzers, which need nothing but a function of bytes, and for proptests.

use super::{
    HeadLimits, Length, Version,
    body::{Body, Step},
    encode::Encoder,
    end::{HeadEnd, blank},
    response::ResponseHead,
    room,
    write::{self, Onward, reframed},
};

/// Limits small enough to be met often.
pub const LIMITS: HeadLimits = HeadLimits { bytes: 4096, fields: 32 };

/// A response's head that is passed on is read again as one of the same meaning, for callers of both versions; and
/// nothing is left over.
pub fn fuzz_response(bytes: &[u8]) {
    let Ok(Some(length)) = HeadEnd::default().find(bytes, LIMITS.bytes) else { return };
    for version in [Version::Http10, Version::Http11] {
        for to_head in [false, true] {
            let mut first = room();
            let Ok(head) = ResponseHead::parse(&bytes[..length], &mut first, LIMITS, to_head) else {
                continue;
            };
            let framed = reframed(head.length, version);
            let onward = Onward { version, length: framed, keep: framed != Length::UntilClose, date: b"now" };
            let mut out = Vec::new();
            write::response(&head, &onward, &mut out);
            let larger = HeadLimits { bytes: 4 * LIMITS.bytes, fields: LIMITS.fields + 4 };
            assert_eq!(HeadEnd::default().find(&out, larger.bytes), Ok(Some(out.len())), "one head went out");
            let mut second = room();
            let again =
                ResponseHead::parse(&out, &mut second, larger, to_head).expect("a head of ours is one");
            assert_eq!((again.status, again.length), (head.status, framed), "it says the same");
        }
    }
}

/// Where heads end, and what bodies hold, does not depend on how their bytes arrive; and a body written anew is read
/// again as the same. The first byte says how large the pieces are.
pub fn fuzz_body(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let (size, skipped) = (usize::from(*size).max(1), blank(bytes));
    let mut by_pieces = HeadEnd::default();
    let ends = (0..=bytes.len()).step_by(size).chain([bytes.len()]);
    let found = ends.map(|end| by_pieces.find(&bytes[..end], LIMITS.bytes)).find(|found| *found != Ok(None));
    let whole = HeadEnd::default().find(bytes, LIMITS.bytes);
    assert_eq!(found.unwrap_or(Ok(None)).ok(), whole.ok(), "a head ends where it ends");
    assert!(skipped <= bytes.len());

    for length in [Length::Chunked, Length::Sized(bytes.len() as u64 / 2), Length::UntilClose] {
        let whole = decoded(length, bytes, bytes.len().max(1));
        assert_eq!(whole, decoded(length, bytes, size), "pieces make no difference");
        let Some((data, _, true)) = whole else { continue };
        let (mut encoder, mut out) = (Encoder::new(Length::Chunked), Vec::new());
        data.chunks(size).for_each(|part| encoder.data(part, &mut out));
        encoder.end(&mut out);
        let again = decoded(Length::Chunked, &out, size);
        assert_eq!(again, Some((data, out.len(), true)), "a body written anew is the same");
    }
}

/// The data, how many bytes it took, and whether that was all of it; `None` for a body that is refused.
fn decoded(length: Length, bytes: &[u8], size: usize) -> Option<(Vec<u8>, usize, bool)> {
    let (mut body, mut data, mut at, mut there) = (Body::new(length, LIMITS), Vec::new(), 0, 0);
    loop {
        match body.step(&bytes[at..there]).ok()? {
            Step::Done => return Some((data, at, true)),
            Step::More if there == bytes.len() => return Some((data, at, body.end().is_ok())),
            Step::More => there = bytes.len().min(there + size),
            Step::Framing(used) | Step::Trailer(used) => at += used,
            Step::Data(used) => {
                data.extend_from_slice(&bytes[at..at + used]);
                at += used;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that look like messages often enough to get past the first line.
    fn messages() -> impl Strategy<Value = Vec<u8>> {
        let word = prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.0 204 No Content\r\n",
            "HTTP/1.1 101 X\r\n",
            "Content-Length: 5\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: close, x\r\n",
            "X: y\r\n",
            "Date: d\r\n",
            "\r\n",
            "5\r\n",
            "5;x=y\r\n",
            "hello",
            "0\r\n",
            "T: v\r\n",
            "\n",
            "\r",
            " ",
            "-1",
            "\0",
        ]);
        let odd = prop::collection::vec(any::<u8>(), 1..4);
        prop::collection::vec(
            prop_oneof![9 => word.prop_map(|word| word.as_bytes().to_vec()), 1 => odd],
            0..14,
        )
        .prop_map(|words| words.concat())
    }

    proptest! {
        #[test]
        fn answers(bytes in messages()) {
            fuzz_response(&bytes);
            fuzz_response(&[b"HTTP/1.1 200 OK\r\n".as_slice(), &bytes].concat());
        }

        #[test]
        fn bodies(bytes in messages(), size: u8) {
            fuzz_body(&[&[size], bytes.as_slice()].concat());
        }

        #[test]
        fn anything(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            fuzz_response(&bytes);
            fuzz_body(&bytes);
        }
    }
}
