//! A small request filter: rules from a file, and what they say about a request.
//!
//! ```text
//!   file ─ reading ─▶ rules ─ automaton ─▶ one table per place and normal form
//!                                            ▲
//!   head, body in any pieces ─ normal ───────┘ byte by byte ─▶ matches ─▶ Verdict
//! ```
//!
//! Pure: values in, values out; no clock, no socket. A body is judged as it passes and never kept: what is carried from
//! one piece to the next is a few numbers a rule, so that a pattern is found however the pieces are cut, at a cost that
//! does not depend on how. What it deliberately does not do: understand what it looks at (it knows no SQL and no JSON),
//! look into compressed bodies, or look at answers. It is what the literature calls a web application firewall, at its
//! smallest.

mod automaton;
mod finding;
pub mod fuzz;
mod judge;
mod normal;
mod reading;

pub use finding::{BadRules, Finding};
pub use judge::{BodyJudge, Head, Matches, Verdict};
pub use normal::Normal;

use std::sync::{Arc, OnceLock};

use judge::Search;

/// Bytes of the longest rule file.
pub const LONGEST_FILE: usize = 256 * 1024;

/// Rules of one file.
pub const MOST_RULES: usize = 256;

/// Bytes of a body that are looked at where the file does not say; what comes later passes unseen.
pub const BODY: usize = 128 * 1024;

/// The rules this crate brings along.
const DEFAULT: &str = include_str!("default.toml");

/// One rule, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What people call it.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// What it looks at.
    pub places: Vec<Place>,
    /// What it looks for.
    pub pattern: Pattern,
    /// What is done to a place before it is looked at.
    pub normal: Normal,
    /// What happens on a match.
    pub action: Action,
}

/// A part of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The body.
    Body,
    /// The values of the header fields of this name, each by itself; in lower case.
    Header(String),
    /// The values of all header fields, each by itself.
    Headers,
    /// The method.
    Method,
    /// The target up to the first question mark.
    Path,
    /// The target after it.
    Query,
}

/// What a rule looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// One of these anywhere.
    Contains(Vec<String>),
    /// One of these and nothing else.
    Equals(Vec<String>),
    /// More bytes than this, before any normal form.
    LongerThan(u64),
    /// One of these at the beginning.
    Prefix(Vec<String>),
    /// A regular expression over bytes, without Unicode classes.
    Regex(String),
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The match is reported, and the request passes.
    Log,
    /// The request is answered with this status.
    Refuse(u16),
}

/// A rule file, ready to judge; shared by threads.
pub struct Rules {
    all: Vec<Rule>,
    /// Bytes of a body that are looked at.
    body: usize,
    searches: Vec<Search>,
}

impl Rules {
    /// The rules of a file, or everything that is wrong with it.
    ///
    /// For all texts: it ends within a bounded time and memory, and either the rules can judge any request or there is
    /// at least one finding, each with a place in the text.
    pub fn read(file: &str, text: &str) -> Result<Self, BadRules> {
        let mut findings = Vec::new();
        let read = reading::read(text, &mut findings).map(|said| {
            let searches = automaton::build(&said.rules, &mut findings);
            let all = said.rules.into_iter().map(|(rule, _)| rule).collect();
            Self { all, body: said.body, searches }
        });
        match read {
            Some(rules) if findings.is_empty() => Ok(rules),
            _ => Err(BadRules::new(file, text, findings)),
        }
    }

    /// The rules this crate brings along; made once, which takes a moment, and shared.
    pub fn built_in() -> Result<Arc<Self>, BadRules> {
        static MADE: OnceLock<Arc<Rules>> = OnceLock::new();
        if let Some(made) = MADE.get() {
            return Ok(made.clone());
        }
        let made = Self::read("default.toml", DEFAULT)?;
        Ok(MADE.get_or_init(|| Arc::new(made)).clone())
    }

    /// All of them, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.all
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all.iter().map(|rule| &rule.id)).finish()
    }
}

#[cfg(test)]
mod tests;
