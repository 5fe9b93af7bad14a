//! Finds canaries in one direction of a flow, as its bytes come.
//!
//! Nothing is ever pending: an occurrence is reported by the push that brings its last byte. For that the
//! matcher keeps the last bytes of the stream, one fewer than the longest occurrence has, and searches the
//! seam between them and the new bytes before the new bytes themselves.

use std::ops::Range;

use super::{
    canaries::{Canaries, CanaryId},
    forms::LONGEST,
};
use crate::vocabulary::{Asset, Encoding};

/// Any longer occurrence that starts before the kept bytes ended before them too.
const KEPT: usize = LONGEST - 1;

/// One occurrence of a canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Which one.
    pub canary: CanaryId,
    /// What it stands for.
    pub asset: Asset,
    /// How it is written.
    pub encoding: Encoding,
    /// Offset in the stream of the first character that is wholly the canary's.
    pub start: u64,
    /// Offset after the last character of what identifies it: its end, or that of a token's 64th character.
    pub end: u64,
}

/// Searches one direction of one flow. The automaton is the ledger's, shared by all matchers of a run.
pub struct Matcher {
    ledger: Canaries,
    /// The last bytes of the stream, at most [`KEPT`].
    kept: Vec<u8>,
    /// How many bytes the stream had so far.
    offset: u64,
    head: Vec<u8>,
}

impl Matcher {
    /// At the start of a stream.
    pub fn new(ledger: &Canaries) -> Self {
        Self { ledger: ledger.clone(), kept: Vec::new(), offset: 0, head: Vec::new() }
    }

    /// The next bytes of the stream, split anywhere; adds every occurrence that ends in them.
    pub fn push(&mut self, bytes: &[u8], found: &mut Vec<Hit>) {
        let before = self.kept.len();
        let mut seam = std::mem::take(&mut self.kept);
        seam.extend_from_slice(bytes.get(..KEPT).unwrap_or(bytes));
        self.scan(&seam, self.offset - before as u64, before..before, found);
        self.scan(bytes, self.offset, 0..bytes.len(), found);
        self.offset += bytes.len() as u64;

        if let Some((_, last)) = bytes.split_last_chunk::<KEPT>() {
            seam.clear();
            seam.extend_from_slice(last);
        } else {
            seam.drain(..seam.len().saturating_sub(KEPT));
        }
        self.kept = seam;
    }

    /// Reports what starts before `within.end` and ends after `within.start`.
    fn scan(&mut self, bytes: &[u8], offset: u64, within: Range<usize>, found: &mut Vec<Hit>) {
        let ledger = &self.ledger;
        let mut from = 0;
        while let Some((start, form)) = ledger.forms().next(bytes, from) {
            if start >= within.end {
                return;
            }
            from = start + 1;
            let end = start + form.length();
            let Some(spelled) = bytes.get(start..end).filter(|_| end > within.start) else { continue };
            let canary = form.read(spelled, &mut self.head).and_then(|()| ledger.lookup(&self.head));
            found.extend(canary.map(|canary| Hit {
                canary,
                asset: ledger.asset(canary),
                encoding: form.encoding(),
                start: offset + start as u64,
                end: offset + end as u64,
            }));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::{
        Engine,
        engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
    };
    use proptest::prelude::*;

    use super::*;
    use crate::canary::search;

    /// A Fernet token; the fill stands for its random vector and all that follows.
    fn token(fill: &str) -> String {
        format!("gAAAAABq{}", fill.repeat(112 / fill.len()))
    }

    /// A ledger that knows one planted canary and two tokens of the same second.
    fn ledger() -> (Canaries, [String; 3]) {
        let ledger = Canaries::new(5);
        let mint = ledger.mint();
        let values = [mint.plant(Asset::Password), token("Zz-_"), token("Zz-0")];
        for token in &values[1..] {
            mint.adopt_token(token).unwrap();
        }
        (ledger, values)
    }

    /// A value in every spelling there is, with bytes around it, and how it is to be reported.
    fn spellings(value: &str) -> Vec<(Vec<u8>, Encoding)> {
        let percent = value.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
        let mut all = vec![
            (format!("{{\"p\":\"{value}\"}}").into_bytes(), Encoding::Raw),
            (format!("p={percent}&q").into_bytes(), Encoding::Percent),
            (format!("p={}", percent.to_lowercase()).into_bytes(), Encoding::Percent),
        ];
        for before in ["", "u", "us", "user:", "\u{ff}", "\u{ff}?"] {
            let text = format!("{before}{value}");
            all.push((format!("Basic {}\r\n", STANDARD.encode(&text)).into_bytes(), Encoding::Base64));
            all.push((URL_SAFE_NO_PAD.encode(format!("{text}\u{ff}>")).into_bytes(), Encoding::Base64));
        }
        all
    }

    /// Searches a stream that comes in these pieces.
    fn search_pieces<'a>(ledger: &Canaries, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Hit> {
        let (mut matcher, mut found) = (Matcher::new(ledger), Vec::new());
        for piece in pieces {
            matcher.push(piece, &mut found);
        }
        found
    }

    #[test]
    fn every_spelling_is_found_once_wherever_the_stream_is_cut() {
        let (ledger, values) = ledger();
        for value in &values {
            let canary = ledger.find(value.as_bytes()).unwrap();
            for (text, encoding) in spellings(value) {
                let whole = search(&ledger, &text);
                assert_eq!(whole.len(), 1, "{}", String::from_utf8_lossy(&text));
                assert_eq!((whole[0].canary, whole[0].encoding), (canary, encoding));
                for cut in 0..=text.len() {
                    let (left, right) = text.split_at(cut);
                    assert_eq!(search_pieces(&ledger, [left, right]), whole, "cut at {cut}");
                }
                assert_eq!(search_pieces(&ledger, text.chunks(1)), whole, "byte by byte");
            }
        }
    }

    #[test]
    fn a_hit_says_where_the_canary_stands() {
        let (ledger, [password, token, _]) = ledger();
        let text = format!("POST\r\n\r\n{password} {token}");

        let [first, second] = search(&ledger, text.as_bytes())[..] else { panic!("two hits") };
        assert_eq!((first.asset, second.asset), (Asset::Password, Asset::Token));
        assert_eq!(&text[first.start as usize..first.end as usize], password);
        assert_eq!(&text[second.start as usize..second.end as usize], &token[..64]);
    }

    #[test]
    fn an_occurrence_may_take_three_pushes_and_is_reported_by_the_last() {
        let (ledger, [password, ..]) = ledger();
        let (mut matcher, mut found) = (Matcher::new(&ledger), Vec::new());
        matcher.push(&[b'.'; 1000], &mut found);
        for part in [&password[..3], &password[3..23]] {
            matcher.push(part.as_bytes(), &mut found);
            assert_eq!(found, []);
        }
        matcher.push(&password.as_bytes()[23..], &mut found);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].start, found[0].end), (1000, 1024));
        matcher.push(b" and on", &mut found);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn it_keeps_no_more_than_it_needs() {
        let (ledger, _) = ledger();
        let (mut matcher, mut found) = (Matcher::new(&ledger), Vec::new());
        for size in [1, 100, 100, 5000, 1, 191, 192] {
            matcher.push(&vec![b'.'; size], &mut found);
            assert!(matcher.kept.len() <= KEPT, "after {size} bytes");
        }
    }

    #[test]
    fn each_occurrence_counts_and_neighbours_do_not_hide_each_other() {
        let (ledger, [password, token, other]) = ledger();
        let starts = format!("gAAAAA{}{token}{other}{password}{password}", &password[..20]);

        let hits = search(&ledger, starts.as_bytes());
        let values: Vec<_> = hits.iter().map(|hit| ledger.value(hit.canary)).collect();
        assert_eq!(values, [&token, &other, &password, &password].map(String::clone));
    }

    #[test]
    fn a_false_start_is_no_hit() {
        let (ledger, [password, token, _]) = ledger();
        let unknown = format!("{}0123456789abcdef", &password[..8]);
        for text in [&unknown, &token[..63], &password[..23], &"gAAAAA".repeat(40)] {
            assert_eq!(search(&ledger, text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn a_canary_of_another_run_is_no_hit() {
        let (ledger, _) = ledger();
        let stranger = Canaries::new(6).mint().plant(Asset::Password);
        assert_eq!(search(&ledger, stranger.as_bytes()), []);
    }

    #[test]
    fn encrypted_values_are_not_found() {
        use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

        let (ledger, values) = ledger();
        let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &[1; 16]).unwrap());
        let mut text = values.join("\n").repeat(50).into_bytes();
        assert_eq!(search(&ledger, &text).len(), 150);
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([2; 12]), Aad::empty(), &mut text).unwrap();
        assert_eq!(search(&ledger, &text), []);
    }

    proptest! {
        #[test]
        fn placed_anywhere_and_cut_anyhow_every_canary_is_found(
            fills in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..300), 0..3_usize, 0..15_usize), 1..6),
            sizes in prop::collection::vec(1..250_usize, 1..8),
        ) {
            let (ledger, values) = ledger();
            let (mut text, mut expected) = (Vec::new(), Vec::new());
            for (fill, value, spelling) in fills {
                text.extend(fill);
                let (spelled, encoding) = spellings(&values[value]).swap_remove(spelling);
                // A line end, so that random fill does not continue the base64 before it.
                text.push(b'\n');
                text.extend(spelled);
                text.push(b'\n');
                expected.push((ledger.find(values[value].as_bytes()).unwrap(), encoding));
            }
            let mut pieces = Vec::new();
            let (mut rest, mut sizes) = (&text[..], sizes.into_iter().cycle());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(sizes.next().unwrap().min(rest.len()));
                pieces.push(piece);
                rest = left;
            }
            let hits = search_pieces(&ledger, pieces);
            prop_assert_eq!(&hits, &search(&ledger, &text));
            let found: Vec<_> = hits.iter().map(|hit| (hit.canary, hit.encoding)).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn random_bytes_hold_no_canary(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
            prop_assert_eq!(search(&ledger().0, &bytes), []);
        }
    }
}
