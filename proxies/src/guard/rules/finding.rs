//! What is wrong with a rule file: all of it, each with its place and a next step. Pure.

use std::{fmt, ops::Range};

/// Longer words are never compared: the distance takes the product of both lengths.
const LONGEST_WORD: usize = 100;

/// Findings printed; a file of garbage must not print a book.
const SHOWN: usize = 40;

/// Characters of a message printed; it may quote a word of any length.
const WIDEST: usize = 300;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where something is known.
    pub help: Option<String>,
}

/// Everything that is wrong with one file, in the order of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRules {
    /// The file, as the user gave it.
    pub file: String,
    /// At least one.
    pub findings: Vec<Finding>,
}

/// A finding before lines were counted.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) at: Range<usize>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Raw {
    pub(super) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None }
    }

    pub(super) fn help(self, help: Option<String>) -> Self {
        Self { help, ..self }
    }
}

impl BadRules {
    pub(super) fn new(file: &str, text: &str, mut raw: Vec<Raw>) -> Self {
        raw.sort_by_key(|finding| (finding.at.start, finding.at.end));
        let (mut findings, mut place) = (Vec::with_capacity(raw.len()), Place::default());
        for Raw { at, message, help } in raw {
            place.walk(text, at.start);
            findings.push(Finding { line: place.lines + 1, column: place.columns + 1, message, help });
        }
        Self { file: file.to_owned(), findings }
    }
}

/// A place in a text that is walked once, however many findings there are.
#[derive(Default)]
struct Place {
    at: usize,
    lines: usize,
    columns: usize,
}

impl Place {
    fn walk(&mut self, text: &str, to: usize) {
        let to = text.floor_char_boundary(to);
        for character in text.get(self.at..to).unwrap_or_default().chars() {
            if character == '\n' {
                (self.lines, self.columns) = (self.lines + 1, 0);
            } else {
                self.columns += 1;
            }
        }
        self.at = self.at.max(to);
    }
}

impl fmt::Display for BadRules {
    /// `file:line:column: what is wrong; what to do`, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.findings.iter().take(SHOWN).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(
                f,
                "{}:{}:{}: {}",
                harmless(&self.file),
                finding.line,
                finding.column,
                harmless(&finding.message)
            )?;
            if let Some(help) = &finding.help {
                write!(f, "; {}", harmless(help))?;
            }
        }
        match self.findings.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n{}: {more} more findings", harmless(&self.file)),
        }
    }
}

impl std::error::Error for BadRules {}

/// A file's own escape sequences never reach a terminal.
fn harmless(text: &str) -> String {
    text.chars()
        .take(WIDEST)
        .map(|character| if character.is_control() { '\u{fffd}' } else { character })
        .collect()
}

/// The nearest right word, or all of them where they are few.
pub(super) fn help_for<'a>(word: &str, right: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    const FEW: usize = 8;
    let length = word.chars().count();
    let most = (length / 3).max(1);
    let near = right
        .clone()
        .into_iter()
        .filter(|_| length <= LONGEST_WORD)
        .map(|right| (strsim::damerau_levenshtein(word, right), right))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance);
    if let Some((_, near)) = near {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<_> = right.into_iter().map(|right| format!("`{right}`")).collect();
    (!all.is_empty() && all.len() <= FEW).then(|| format!("known here: {}", all.join(", ")))
}
