//! Rules become tables that are walked a byte at a time. Pure.
//!
//! ```text
//!   literals of one place and normal form ─▶ one table together (they never multiply)
//!   each regular expression               ─▶ a table of its own, or a finding where it would not fit
//! ```
//!
//! A table has no memory but the state one is in, which is what makes a stream searchable however it is cut: no
//! window, no going back. The price is that an expression whose table would be too large is refused when the file is
//! read, instead of being slow later.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use regex_automata::{
    Anchored, MatchKind,
    dfa::{
        Automaton, StartKind,
        dense::{Builder, Config, DFA},
    },
    nfa::thompson,
    util::{primitives::StateID, start, syntax},
};

use super::{Normal, Pattern, Place, Rule, finding::Raw, judge::Search};

/// Bytes of one table.
const LARGEST_TABLE: usize = 1 << 20;

/// Bytes of all tables of a file, the last one not counted.
const LARGEST: usize = 16 << 20;

/// Where a table is entered, and which rule each of its patterns is of.
pub(super) struct Table {
    pub(super) dfa: DFA<Vec<u32>>,
    pub(super) start: StateID,
    pub(super) rules: Vec<usize>,
}

/// All searches of a file; a rule that can not be one is a finding.
pub(super) fn build(rules: &[(Rule, Range<usize>)], findings: &mut Vec<Raw>) -> Vec<Search> {
    let (mut searches, mut room) = (Vec::new(), LARGEST);
    let mut literals: BTreeMap<(Place, Normal), Vec<(usize, String)>> = BTreeMap::new();
    for (number, (rule, at)) in rules.iter().enumerate() {
        let places = || rule.places.iter().cloned();
        let mut collect = |words: &[String], before: &str, after: &str| {
            for place in places() {
                let patterns = literals.entry((place, rule.normal)).or_default();
                patterns
                    .extend(words.iter().map(|word| (number, format!("{before}{}{after}", escaped(word)))));
            }
        };
        match &rule.pattern {
            Pattern::Contains(words) => collect(words, "", ""),
            Pattern::Prefix(words) => collect(words, r"\A", ""),
            Pattern::Equals(words) => collect(words, r"\A", r"\z"),
            Pattern::LongerThan(most) => {
                searches.extend(places().map(|place| Search::length(place, *most, number)));
            }
            Pattern::Regex(pattern) => match table(&[(number, pattern.clone())], &mut room) {
                Ok(table) => {
                    let table = Arc::new(table);
                    searches.extend(places().map(|place| Search::new(place, rule.normal, table.clone())));
                }
                Err(reason) => findings.push(Raw::new(at.clone(), reason)),
            },
        }
    }
    for ((place, normal), patterns) in literals {
        match table(&patterns, &mut room) {
            Ok(table) => searches.push(Search::new(place, normal, Arc::new(table))),
            Err(reason) => findings.push(Raw::new(0..0, reason)),
        }
    }
    searches
}

fn table(patterns: &[(usize, String)], room: &mut usize) -> Result<Table, String> {
    let texts: Vec<&str> = patterns.iter().map(|(_, text)| text.as_str()).collect();
    let bytes = syntax::Config::new().unicode(false).utf8(false);
    for text in &texts {
        syntax::parse_with(text, &bytes).map_err(|error| last_line(&error.to_string()))?;
    }
    if *room == 0 {
        return Err(format!("the rules of this file take more than {} MiB together", LARGEST >> 20));
    }
    let config = Config::new()
        .match_kind(MatchKind::All)
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(LARGEST_TABLE))
        .determinize_size_limit(Some(LARGEST_TABLE));
    let nfa = thompson::Config::new().utf8(false).nfa_size_limit(Some(LARGEST_TABLE));
    let built = Builder::new().configure(config).thompson(nfa).syntax(bytes).build_many(&texts);
    // What was tried in vain counts too, or a file of hopeless expressions would take its time.
    *room = room.saturating_sub(built.as_ref().map_or(LARGEST_TABLE, DFA::memory_usage));
    let dfa = built.map_err(|_| {
        format!("this takes a table of more than {} KiB; write it simpler", LARGEST_TABLE >> 10)
    })?;
    let start = dfa
        .start_state(&start::Config::new().anchored(Anchored::No))
        .map_err(|error| format!("this can not be searched for: {error}"))?;
    if dfa.is_match_state(dfa.next_eoi_state(start)) {
        return Err("this matches nothing at all, and so everything".to_owned());
    }
    Ok(Table { dfa, start, rules: patterns.iter().map(|(rule, _)| *rule).collect() })
}

/// Bytes as they are, whatever they mean in an expression.
fn escaped(word: &str) -> String {
    word.bytes().fold(String::new(), |text, byte| text + &format!(r"\x{byte:02x}"))
}

/// The parser draws a picture of the expression above what it has to say.
fn last_line(error: &str) -> String {
    let line = error.trim_end().rsplit('\n').next().unwrap_or_default();
    format!("not a regular expression: {}", line.trim_start_matches("error: "))
}
