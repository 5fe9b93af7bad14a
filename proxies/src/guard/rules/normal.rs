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

    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut impl FnMut(u8)) {
        let Self { form, outer, inner } = self;
        let mut last = |byte: u8| out(if form.lower { byte.to_ascii_lowercase() } else { byte });
        for &byte in bytes {
            let byte = if form.plus && byte == b'+' { b' ' } else { byte };
            match form.percent {
                0 => last(byte),
                1 => outer.push(byte, &mut last),
                _ => outer.push(byte, &mut |byte| inner.push(byte, &mut last)),
            }
        }
    }

    /// There is no more: what was held back is what it looks like.
    pub(super) fn end(&mut self, out: &mut impl FnMut(u8)) {
        let Self { form, outer, inner } = self;
        let mut last = |byte: u8| out(if form.lower { byte.to_ascii_lowercase() } else { byte });
        match form.percent {
            0 | 1 => outer.end(&mut last),
            _ => {
                outer.end(&mut |byte| inner.push(byte, &mut last));
                inner.end(&mut last);
            }
        }
    }
}

impl Percent {
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
            normalise.feed(piece, &mut |byte| out.push(byte));
        }
        normalise.end(&mut |byte| out.push(byte));
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
            bytes in proptest::collection::vec(prop_oneof![Just(b'%'), Just(b'2'), Just(b'5'), Just(b'+'), any::<u8>()], 0..60),
            at in 0_usize..60,
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
