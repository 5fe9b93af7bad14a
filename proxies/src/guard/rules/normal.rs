//! Normal forms: what is done to bytes before a rule looks at them, one by one as they come. Pure.
//!
//! ```text
//!   byte ─▶ plus is a space ─▶ percent-decoded, up to twice ─▶ lower case ─▶ automaton
//! ```
//!
//! A percent sign that begins nothing stays one. Between two pieces of a body at most four bytes are held back.

/// Which of them, always in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Normal {
    /// `+` is a space, as forms write it.
    pub plus: bool,
    /// How often percent-decoded: 0, 1 or 2.
    pub percent: u8,
    /// A to Z become a to z.
    pub lower: bool,
}

/// A normal form in the middle of its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Normalise {
    form: Normal,
    outer: Percent,
    inner: Percent,
}

/// A percent sequence that may be unfinished.
#[derive(Clone, Copy, Debug, Default)]
enum Percent {
    #[default]
    Nothing,
    Sign,
    Digit(u8),
}

impl Normalise {
    pub(super) fn new(form: Normal) -> Self {
        Self { form, outer: Percent::Nothing, inner: Percent::Nothing }
    }

    /// The normal form of `bytes`, in blocks.
    pub(super) fn feed(&mut self, bytes: &[u8], mut out: impl FnMut(&[u8])) {
        for piece in bytes.chunks(BLOCK) {
            let mut block = Block::of(piece);
            if self.form.plus {
                block.bytes_mut().iter_mut().filter(|byte| **byte == b'+').for_each(|byte| *byte = b' ');
            }
            if self.form.percent > 0 {
                self.outer.decode(&mut block);
            }
            if self.form.percent > 1 {
                self.inner.decode(&mut block);
            }
            Self::last(self.form, &mut block, &mut out);
        }
    }

    /// There is no more: what was held back is what it looks like.
    pub(super) fn end(&mut self, mut out: impl FnMut(&[u8])) {
        if matches!((&self.outer, &self.inner), (Percent::Nothing, Percent::Nothing)) {
            return;
        }
        let mut block = Block::of(&[]);
        self.outer.end(&mut |byte| block.push(byte));
        if self.form.percent > 1 {
            self.inner.decode(&mut block);
            self.inner.end(&mut |byte| block.push(byte));
        }
        Self::last(self.form, &mut block, &mut out);
    }

    fn last(form: Normal, block: &mut Block, out: &mut impl FnMut(&[u8])) {
        if form.lower {
            block.bytes_mut().make_ascii_lowercase();
        }
        out(block.bytes_mut());
    }
}

/// Bytes that are made normal at a time.
const BLOCK: usize = 256;

/// One block, with room for what two decoders may have held back from the one before.
struct Block {
    bytes: [u8; BLOCK + 8],
    length: usize,
}

impl Block {
    fn of(piece: &[u8]) -> Self {
        let mut block = Self { bytes: [0; BLOCK + 8], length: piece.len() };
        block.bytes[..piece.len()].copy_from_slice(piece);
        block
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.length]
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

impl Percent {
    /// Nothing to do for most blocks.
    fn decode(&mut self, block: &mut Block) {
        if matches!(self, Self::Nothing) && !block.bytes_mut().contains(&b'%') {
            return;
        }
        let mut decoded = Block::of(&[]);
        for &byte in &*block.bytes_mut() {
            self.push(byte, &mut |byte| decoded.push(byte));
        }
        *block = decoded;
    }

    fn push(&mut self, byte: u8, out: &mut impl FnMut(u8)) {
        match (*self, hex(byte)) {
            (Self::Sign, Some(_)) => *self = Self::Digit(byte),
            (Self::Digit(high), Some(low)) => {
                *self = Self::Nothing;
                out(hex(high).unwrap_or_default() << 4 | low);
            }
            (_, _) => {
                self.end(out);
                if byte == b'%' {
                    *self = Self::Sign;
                } else {
                    out(byte);
                }
            }
        }
    }

    fn end(&mut self, out: &mut impl FnMut(u8)) {
        match std::mem::take(self) {
            Self::Nothing => {}
            Self::Sign => out(b'%'),
            Self::Digit(high) => {
                out(b'%');
                out(high);
            }
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(form: Normal, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut normalise, mut out) = (Normalise::new(form), Vec::new());
        for piece in pieces {
            normalise.feed(piece, |bytes| out.extend(bytes));
        }
        normalise.end(|bytes| out.extend(bytes));
        out
    }

    fn form(plus: bool, percent: u8, lower: bool) -> Normal {
        Normal { plus, percent, lower }
    }

    #[test]
    fn forms_do_what_they_say() {
        let cases: [(Normal, &str, &str); 10] = [
            (form(false, 0, false), "A+%41", "A+%41"),
            (form(true, 0, true), "A+B", "a b"),
            (form(false, 1, false), "%41%6a%6A", "Ajj"),
            (form(false, 1, true), "%41", "a"),
            (form(true, 1, false), "+%2B", " +"),
            (form(false, 1, false), "%%41%4%zz%", "%A%4%zz%"),
            (form(false, 1, false), "%2541", "%41"),
            (form(false, 2, false), "%2541", "A"),
            (form(false, 2, false), "%25%34%31", "A"),
            (form(false, 2, false), "%252541 %25 %4", "%41 % %4"),
        ];
        for (form, from, to) in cases {
            let found = normal(form, &[from.as_bytes()]);
            assert_eq!(String::from_utf8_lossy(&found), to, "{from} as {form:?}");
        }
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            bytes in proptest::collection::vec(prop_oneof![Just(b'%'), Just(b'2'), Just(b'5'), Just(b'+'), any::<u8>()], 0..600),
            at in 0_usize..600,
            plus: bool,
            percent in 0_u8..3,
            lower: bool,
        ) {
            let form = form(plus, percent, lower);
            let (one, other) = bytes.split_at(at.min(bytes.len()));
            prop_assert_eq!(normal(form, &[one, other]), normal(form, &[&bytes]));
        }
    }
}
