//! Where a head ends, searched once however its bytes arrive.

use memchr::memchr;

use super::{Refused, text::is_token_byte};

/// The search for the end of one head.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadEnd {
    seen: usize,
}

impl HeadEnd {
    /// The length of the head at the beginning of `bytes`, its empty line included; `None` until more of it is
    /// there. Empty lines before a head are for the caller to skip: see [`blank`].
    pub fn find(&mut self, bytes: &[u8], limit: usize) -> Result<Option<usize>, Refused> {
        if bytes.first().is_some_and(|byte| !is_token_byte(*byte) && *byte != b'\r') {
            return Err(Refused::bad("no head begins like this"));
        }
        while let Some(offset) = memchr(b'\n', &bytes[self.seen..]) {
            let at = self.seen + offset;
            if !bytes[..at].ends_with(b"\r") {
                return Err(Refused::bad("a bare line feed"));
            }
            self.seen = at + 1;
            if self.seen > limit {
                break;
            }
            if bytes[..at].ends_with(b"\r\n\r") || at == 1 {
                return Ok(Some(at + 1));
            }
        }
        if bytes.len() >= limit {
            return Err(Refused::too_large("a head that is too long"));
        }
        self.seen = bytes.len();
        Ok(None)
    }
}

/// Bytes of empty lines at the beginning, which may come before a request.
pub fn blank(bytes: &[u8]) -> usize {
    bytes.chunks_exact(2).take_while(|pair| pair == b"\r\n").count() * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_at_the_same_place_in_any_pieces() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        let whole = HeadEnd::default().find(bytes, 100);
        let mut bit_by_bit = HeadEnd::default();
        let found = (0..=bytes.len()).find_map(|n| bit_by_bit.find(&bytes[..n], 100).transpose());
        assert_eq!((whole, found), (Ok(Some(27)), Some(Ok(27))));
    }

    #[test]
    fn what_is_no_head_is_known_before_it_ends() {
        for bytes in ["\x16\x03\x01", " GET", "GET / HTTP/1.1\n", "\n"] {
            assert_eq!(HeadEnd::default().find(bytes.as_bytes(), 100).unwrap_err().status, 400, "{bytes:?}");
        }
        assert_eq!(HeadEnd::default().find(&[b'a'; 100], 100).unwrap_err().status, 431);
        assert_eq!(HeadEnd::default().find(b"GET / HTTP/1.1\r\n\r\n", 17).unwrap_err().status, 431);
        assert_eq!(HeadEnd::default().find(b"GET / HTTP/1.1\r\n\r\n", 18), Ok(Some(18)));
    }

    #[test]
    fn empty_lines_are_counted_in_whole() {
        assert_eq!((blank(b"\r\n\r\nGET"), blank(b"\r"), blank(b"\n\r\n")), (4, 0, 0));
    }
}
