//! A body written anew: one framing, no extensions, no trailer that a service might take for a field of the head.

use super::{Length, name::Name};

/// The writing position in one body.
#[derive(Debug)]
pub enum Encoder {
    /// What is written is the body itself.
    Plain,
    /// Chunks, then these trailers, which are held back until it is sure that nothing was wrong with them.
    Chunked {
        /// Lines, each with its end.
        trailers: Vec<u8>,
    },
}

impl Encoder {
    /// For a message written with this length.
    pub const fn new(length: Length) -> Self {
        match length {
            Length::Chunked => Self::Chunked { trailers: Vec::new() },
            Length::None | Length::Sized(_) | Length::UntilClose => Self::Plain,
        }
    }

    /// True where bytes of the body may be written as they are, without [`data`](Self::data).
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }

    /// Bytes of the body; an empty part writes nothing.
    pub fn data(&self, part: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Plain => out.extend_from_slice(part),
            Self::Chunked { .. } if part.is_empty() => {}
            Self::Chunked { .. } => {
                hexadecimal(part.len(), out);
                out.extend_from_slice(part);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// One trailer line, its end included; dropped where nobody reads trailers or this one may not be believed.
    pub fn trailer(&mut self, line: &[u8]) {
        let Self::Chunked { trailers } = self else { return };
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if std::str::from_utf8(name).is_ok_and(Name::may_trail) {
            let from = trailers.len();
            trailers.extend_from_slice(line);
            trailers[from..from + name.len()].make_ascii_lowercase();
        }
    }

    /// The end of a whole body.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        if let Self::Chunked { trailers } = self {
            out.extend_from_slice(b"0\r\n");
            out.append(trailers);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A chunk's size line.
fn hexadecimal(size: usize, out: &mut Vec<u8>) {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|n| b"0123456789abcdef"[size >> (4 * n) & 15]));
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_trailers_are_written_in_one_way() {
        let (mut encoder, mut out) = (Encoder::new(Length::Chunked), Vec::new());
        encoder.data(b"", &mut out);
        encoder.data(&[b'x'; 26], &mut out);
        encoder.trailer(b"Checksum: Abc\r\n");
        encoder.trailer(b"Client-Cert: :AAAA:\r\n");
        encoder.trailer(b"content_length: 3\r\n");
        encoder.end(&mut out);
        let wanted = format!("1a\r\n{}\r\n0\r\nchecksum: Abc\r\n\r\n", "x".repeat(26));
        assert_eq!(String::from_utf8_lossy(&out), wanted);
    }

    #[test]
    fn sizes_are_plain_hexadecimal() {
        for size in [0, 1, 15, 16, 255, 256, 65_536, usize::MAX] {
            let mut out = Vec::new();
            hexadecimal(size, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), format!("{size:x}\r\n"));
        }
    }

    #[test]
    fn a_plain_body_is_its_bytes() {
        let (mut encoder, mut out) = (Encoder::new(Length::Sized(3)), Vec::new());
        encoder.data(b"abc", &mut out);
        encoder.trailer(b"checksum: 1\r\n");
        encoder.end(&mut out);
        assert_eq!(out, b"abc");
    }
}
