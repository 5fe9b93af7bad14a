//! Rules become tables that are walked a byte at a time. Pure.
//!
//! ```text
//!   all patterns of one place and normal form ─▶ one table together, where that fits
//!                                                else the literals in one and each expression in its own
//!   an expression that does not fit alone     ─▶ a finding
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

/// One pattern of a rule, by its number.
type Named = (usize, String);

/// What is looked for in one place in one normal form.
#[derive(Default)]
struct Wanted {
    literals: Vec<Named>,
    expressions: Vec<Named>,
}

/// All searches of a file; a rule that can not be one is a finding.
pub(super) fn build(rules: &[(Rule, Range<usize>)], findings: &mut Vec<Raw>) -> Vec<Search> {
    let mut searches = Vec::new();
    let mut wanted: BTreeMap<(Place, Normal), Wanted> = BTreeMap::new();
    let mut tables = Tables { made: BTreeMap::new(), room: LARGEST };
    for (number, (rule, at)) in rules.iter().enumerate() {
        let literals = |words: &[String], before: &str, after: &str| {
            words.iter().map(|word| (number, format!("{before}{}{after}", escaped(word)))).collect()
        };
        let (literals, expression) = match &rule.pattern {
            Pattern::Contains(words) => (literals(words, "", ""), None),
            Pattern::Prefix(words) => (literals(words, r"\A", ""), None),
            Pattern::Equals(words) => (literals(words, r"\A", r"\z"), None),
            Pattern::Regex(pattern) => (Vec::new(), Some((number, pattern.clone()))),
            Pattern::LongerThan(most) => {
                let places = rule.places.iter().cloned();
                searches.extend(places.map(|place| Search::length(place, *most, number)));
                continue;
            }
        };
        if let Some(Err(reason)) = expression.as_ref().map(|one| tables.of(std::slice::from_ref(one))) {
            findings.push(Raw::new(at.clone(), reason));
            continue;
        }
        for place in &rule.places {
            let wanted = wanted.entry((place.clone(), rule.normal)).or_default();
            wanted.literals.extend_from_slice(&literals);
            wanted.expressions.extend(expression.clone());
        }
    }
    for ((place, normal), wanted) in wanted {
        match tables.of_all(&wanted) {
            Ok(tables) => {
                searches.extend(tables.into_iter().map(|table| Search::new(place.clone(), normal, table)));
            }
            Err(reason) => findings.push(Raw::new(0..0, reason)),
        }
    }
    searches
}

/// Tables made so far, each of which may serve more than one place.
struct Tables {
    made: BTreeMap<Vec<Named>, Arc<Table>>,
    room: usize,
}

impl Tables {
    fn of_all(&mut self, wanted: &Wanted) -> Result<Vec<Arc<Table>>, String> {
        let all = [&wanted.literals[..], &wanted.expressions].concat();
        if let Ok(together) = self.of(&all) {
            return Ok(vec![together]);
        }
        let each =
            wanted.expressions.chunks(1).chain((!wanted.literals.is_empty()).then_some(&wanted.literals[..]));
        each.map(|patterns| self.of(patterns)).collect()
    }

    fn of(&mut self, patterns: &[Named]) -> Result<Arc<Table>, String> {
        if let Some(made) = self.made.get(patterns) {
            return Ok(made.clone());
        }
        let made = Arc::new(table(patterns, &mut self.room)?);
        self.made.insert(patterns.to_vec(), made.clone());
        Ok(made)
    }
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
