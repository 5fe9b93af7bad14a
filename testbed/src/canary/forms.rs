//! How canaries look when written down: the patterns to search for, and how to read on from one.
//!
//! Two families share a prefix each: planted canaries the run's tag, Fernet tokens the version byte and the
//! leading zeros of the time. Each prefix is searched raw, percent-encoded byte by byte, and inside base64
//! at its three alignments. A pattern found is only a candidate; its *head*, which the ledger knows, decides.

use aho_corasick::{AhoCorasick, Input};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use crate::vocabulary::Encoding;

/// Characters of the run's tag.
pub(super) const TAG: usize = 8;

/// Characters of a planted canary, all of which are its head.
pub(super) const PLANTED_HEAD: usize = TAG + 16;

/// How every Fernet token of the years 1970 to 2038 starts: version 0x80, then 64 bits of seconds.
pub(super) const TOKEN_PREFIX: &str = "gAAAAA";

/// Characters of a token's head: version (1 byte), time (8), random vector (16) and 23 bytes of ciphertext.
pub(super) const TOKEN_HEAD: usize = 64;

/// The longest spelling of a head: a token's, percent-encoded.
pub(super) const LONGEST: usize = 3 * TOKEN_HEAD;

/// One run's patterns and the automaton over them.
pub(super) struct Forms {
    automaton: AhoCorasick,
    forms: Vec<Form>,
}

impl Forms {
    /// `None` if a pattern of this tag hides another by being its beginning: draw another tag.
    pub(super) fn new(tag: &str) -> Option<Self> {
        let mut patterns: Vec<Vec<u8>> = Vec::new();
        let mut forms = Vec::new();
        for (prefix, head) in [(tag, PLANTED_HEAD), (TOKEN_PREFIX, TOKEN_HEAD)] {
            for (pattern, spelling) in spellings(prefix.as_bytes()) {
                if !patterns.contains(&pattern) {
                    patterns.push(pattern);
                    forms.push(Form { spelling, first: prefix.as_bytes()[0], head });
                }
            }
        }
        let hides = |a: &Vec<u8>, b: &Vec<u8>| a != b && b.starts_with(a);
        if patterns.iter().any(|a| patterns.iter().any(|b| hides(a, b))) {
            return None;
        }
        let automaton = AhoCorasick::builder()
            .match_kind(aho_corasick::MatchKind::LeftmostFirst)
            .build(patterns)
            .expect("a dozen patterns of a few bytes fit any automaton");
        Some(Self { automaton, forms })
    }

    /// The next pattern at or after `from`, and where it starts.
    pub(super) fn next(&self, bytes: &[u8], from: usize) -> Option<(usize, Form)> {
        let found = self.automaton.find(Input::new(bytes).range(from..))?;
        Some((found.start(), *self.forms.get(found.pattern().as_usize())?))
    }
}

/// What a pattern stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    spelling: Spelling,
    /// First byte of the prefix.
    first: u8,
    /// Length of the head.
    head: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spelling {
    Raw,
    Percent,
    /// Bits of the first byte that stand before the first character wholly of the value: 0, 4 or 2.
    Base64(u32),
}

impl Form {
    pub(super) fn encoding(self) -> Encoding {
        match self.spelling {
            Spelling::Raw => Encoding::Raw,
            Spelling::Percent => Encoding::Percent,
            Spelling::Base64(_) => Encoding::Base64,
        }
    }

    /// How many bytes the spelled head takes, counted from the pattern's start.
    pub(super) fn length(self) -> usize {
        match self.spelling {
            Spelling::Raw => self.head,
            Spelling::Percent => self.head * 3,
            Spelling::Base64(skip) => (self.head * 8 - skip as usize).div_ceil(6),
        }
    }

    /// Reads the head from `spelled`, which starts with the pattern and is as long as [`Form::length`] says.
    pub(super) fn read(self, spelled: &[u8], head: &mut Vec<u8>) -> Option<()> {
        head.clear();
        match self.spelling {
            Spelling::Raw => head.extend_from_slice(spelled),
            Spelling::Percent => read_percent(spelled, head)?,
            Spelling::Base64(skip) => {
                read_base64(spelled, skip, head)?;
                // Some of its bits stand in a character before the pattern.
                *head.first_mut()? = self.first;
            }
        }
        Some(())
    }
}

fn read_percent(spelled: &[u8], head: &mut Vec<u8>) -> Option<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (triples, []) = spelled.as_chunks::<3>() else { return None };
    for [percent, high, low] in triples {
        if *percent != b'%' {
            return None;
        }
        head.push((digit(*high)? << 4 | digit(*low)?) as u8);
    }
    Some(())
}

/// Either alphabet. `skip` bits of the first byte are missing and read as zeros.
fn read_base64(spelled: &[u8], skip: u32, head: &mut Vec<u8>) -> Option<()> {
    let (mut bits, mut count) = (0_u32, skip);
    for character in spelled {
        let sextet = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            head.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(())
}

/// Every pattern of a prefix.
fn spellings(prefix: &[u8]) -> Vec<(Vec<u8>, Spelling)> {
    let percent = |digits: &[u8; 16]| -> Vec<u8> {
        let digit = |value: u8| digits[usize::from(value)];
        prefix.iter().flat_map(|byte| [b'%', digit(byte >> 4), digit(byte & 15)]).collect()
    };
    let mut all = vec![
        (prefix.to_vec(), Spelling::Raw),
        (percent(b"0123456789ABCDEF"), Spelling::Percent),
        (percent(b"0123456789abcdef"), Spelling::Percent),
    ];
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend(prefix);
        let text = STANDARD_NO_PAD.encode(&bytes).into_bytes();
        // Only the characters all of whose bits are the prefix's.
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        all.push((text[start..end].to_vec(), Spelling::Base64((start * 6 - before * 8) as u32)));
    }
    all
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    /// Reads the first candidate of a text.
    fn read(forms: &Forms, text: &[u8]) -> Option<(usize, Encoding, Vec<u8>)> {
        let (start, form) = forms.next(text, 0)?;
        let mut head = Vec::new();
        form.read(text.get(start..start + form.length())?, &mut head)?;
        Some((start, form.encoding(), head))
    }

    #[test]
    fn a_head_is_read_back_from_every_spelling() {
        let forms = Forms::new("Tag12345").unwrap();
        // Ends in one bits, so that its last base64 character depends on the alphabet.
        let planted = b"Tag12345abcdefghijklmnoo".to_vec();
        let token = [b"gAAAAAB".to_vec(), b"xy-_Z019".repeat(8)].concat()[..TOKEN_HEAD].to_vec();
        for head in [planted, token] {
            assert_eq!(read(&forms, &head), Some((0, Encoding::Raw, head.clone())));
            for text in [percent(&head), percent(&head).to_ascii_lowercase()] {
                assert_eq!(read(&forms, &text), Some((0, Encoding::Percent, head.clone())));
            }
            for before in 0..3 {
                for after in 0..3 {
                    let text = [vec![0xff; before], head.clone(), vec![0xff; after]].concat();
                    let start = (before * 8).div_ceil(6);
                    for text in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                        let expected = Some((start, Encoding::Base64, head.clone()));
                        assert_eq!(read(&forms, text.as_bytes()), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_not_written_to_its_end_is_not_read() {
        let forms = Forms::new("Tag12345").unwrap();
        let mut text = percent(b"Tag12345abcdefghijklmnop");
        text[50] = b'!';
        assert_eq!(read(&forms, &text), None);
        let mut text = STANDARD_NO_PAD.encode(b"Tag12345abcdefghijklmnop").into_bytes();
        text[20] = b'\n';
        assert_eq!(read(&forms, &text), None);
    }

    #[test]
    fn a_tag_that_would_hide_tokens_is_refused() {
        assert!(Forms::new("gAAAAABx").is_none());
        assert!(Forms::new("12345678").is_some(), "both percent forms are the same one");
    }

    #[test]
    fn nothing_is_longer_than_the_longest() {
        let forms = Forms::new("Tag12345").unwrap();
        assert_eq!(forms.forms.iter().map(|form| form.length()).max(), Some(LONGEST));
    }

    fn percent(text: &[u8]) -> Vec<u8> {
        text.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect()
    }
}
