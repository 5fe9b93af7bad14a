//! Where HTTP/2 frames begin and end in a stream of bytes. Pure: it looks at the nine bytes of each frame's head
//! and counts the rest; it keeps no payload and judges nothing.

/// What a client says before its first frame.
pub(super) const PREFACE: usize = 24;
/// Bytes of a frame's head.
const HEAD: usize = 9;

/// The kinds of frame this crate tells apart.
pub(super) mod kind {
    pub(in super::super) const DATA: u8 = 0;
    pub(in super::super) const HEADERS: u8 = 1;
    pub(in super::super) const PRIORITY: u8 = 2;
    pub(in super::super) const RST_STREAM: u8 = 3;
    pub(in super::super) const SETTINGS: u8 = 4;
    pub(in super::super) const PING: u8 = 6;
    pub(in super::super) const GOAWAY: u8 = 7;
    pub(in super::super) const WINDOW_UPDATE: u8 = 8;
    pub(in super::super) const CONTINUATION: u8 = 9;
}

/// `END_STREAM` of DATA and HEADERS; `ACK` of SETTINGS and PING.
const FIRST_FLAG: u8 = 0x1;
/// `END_HEADERS` of HEADERS and CONTINUATION.
const END_HEADERS: u8 = 0x4;

/// The head of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Bytes of payload.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl Head {
    fn of(bytes: [u8; HEAD]) -> Self {
        Self {
            length: u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]),
            kind: bytes[3],
            flags: bytes[4],
            stream: u32::from_be_bytes([bytes[5], bytes[6], bytes[7], bytes[8]]) & 0x7fff_ffff,
        }
    }

    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, kind::DATA | kind::HEADERS) && self.flags & FIRST_FLAG != 0
    }

    pub(super) const fn acknowledges(self) -> bool {
        matches!(self.kind, kind::SETTINGS | kind::PING) && self.flags & FIRST_FLAG != 0
    }

    pub(super) fn ends_headers(self) -> bool {
        self.flags & END_HEADERS != 0
    }
}

/// A moment in the life of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// Its head is whole.
    Begun(Head),
    /// Its last byte is there.
    Ended(Head),
}

/// Where one direction of a connection stands.
#[derive(Debug)]
pub(super) struct Scan {
    preface: usize,
    partial: [u8; HEAD],
    filled: usize,
    within: Option<(Head, u32)>,
}

impl Scan {
    /// From a client: the preface comes first.
    pub(super) fn client() -> Self {
        Self { preface: PREFACE, ..Self::server() }
    }

    /// From a server: frames only.
    pub(super) fn server() -> Self {
        Self { preface: 0, partial: [0; HEAD], filled: 0, within: None }
    }

    /// Tells what happens in these bytes, in order, until `each` objects.
    pub(super) fn feed<E>(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(Moment) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            let (step, moment) = self.step(bytes);
            bytes = &bytes[step..];
            if let Some(head) = moment {
                each(Moment::Begun(head))?;
            }
            if let Some((head, 0)) = self.within {
                self.within = None;
                each(Moment::Ended(head))?;
            }
        }
        Ok(())
    }

    /// How many bytes make one step, and the head they complete if they do. Never zero for bytes that are there.
    fn step(&mut self, bytes: &[u8]) -> (usize, Option<Head>) {
        if self.preface > 0 {
            let step = self.preface.min(bytes.len());
            self.preface -= step;
            return (step, None);
        }
        if let Some((_, left)) = &mut self.within {
            let step = (*left as usize).min(bytes.len());
            *left -= step as u32;
            return (step, None);
        }
        let step = (HEAD - self.filled).min(bytes.len());
        self.partial[self.filled..self.filled + step].copy_from_slice(&bytes[..step]);
        self.filled += step;
        if self.filled < HEAD {
            return (step, None);
        }
        self.filled = 0;
        let head = Head::of(self.partial);
        self.within = Some((head, head.length));
        (step, Some(head))
    }

    /// True between two frames.
    pub(super) fn at_boundary(&self) -> bool {
        self.preface == 0 && self.filled == 0 && self.within.is_none()
    }

    /// How many of these bytes still belong to the frame that has begun.
    pub(super) fn until_boundary(&self, bytes: &[u8]) -> usize {
        if self.at_boundary() {
            return 0;
        }
        if let Some((_, left)) = self.within {
            return bytes.len().min(left as usize);
        }
        let missing = HEAD - self.filled;
        if bytes.len() < missing {
            return bytes.len();
        }
        let mut head = self.partial;
        head[self.filled..].copy_from_slice(&bytes[..missing]);
        let left = missing + Head::of(head).length as usize;
        left.min(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn frame(length: u8, kind: u8, flags: u8, stream: u8) -> Vec<u8> {
        let mut bytes = vec![0, 0, length, kind, flags, 0, 0, 0, stream];
        bytes.resize(HEAD + usize::from(length), 0xee);
        bytes
    }

    fn moments(scan: &mut Scan, bytes: &[u8]) -> Vec<Moment> {
        let mut seen = Vec::new();
        let told: Result<(), Infallible> = scan.feed(bytes, |moment| {
            seen.push(moment);
            Ok(())
        });
        assert!(told.is_ok());
        seen
    }

    #[test]
    fn every_cut_of_the_same_bytes_tells_the_same_story() {
        let preface = vec![b'P'; PREFACE];
        let bytes =
            [preface, frame(6, kind::SETTINGS, 0, 0), frame(0, kind::SETTINGS, 1, 0), frame(3, 1, 4, 7)]
                .concat();
        let whole = moments(&mut Scan::client(), &bytes);
        assert_eq!(whole.len(), 6);
        for cut in 1..bytes.len() {
            let mut scan = Scan::client();
            let mut parts = moments(&mut scan, &bytes[..cut]);
            parts.extend(moments(&mut scan, &bytes[cut..]));
            assert_eq!(parts, whole, "cut at {cut}");
            assert!(scan.at_boundary());
        }
    }

    #[test]
    fn a_frame_that_has_begun_says_how_much_of_it_is_left() {
        let bytes = [frame(5, kind::DATA, 0, 1), frame(2, kind::PING, 0, 0)].concat();
        for sent in 0..bytes.len() {
            let mut scan = Scan::server();
            moments(&mut scan, &bytes[..sent]);
            let left = if sent == 0 || sent == 14 {
                0
            } else if sent < 14 {
                14 - sent
            } else {
                25 - sent
            };
            assert_eq!(scan.until_boundary(&bytes[sent..]), left, "after {sent}");
        }
    }

    #[test]
    fn flags_mean_what_the_kind_makes_of_them() {
        let head = |kind, flags| Head { length: 0, kind, flags, stream: 1 };
        assert!(head(kind::DATA, 1).ends_stream() && !head(kind::PING, 1).ends_stream());
        assert!(head(kind::PING, 1).acknowledges() && !head(kind::DATA, 1).acknowledges());
        assert!(head(kind::CONTINUATION, 4).ends_headers());
    }
}
