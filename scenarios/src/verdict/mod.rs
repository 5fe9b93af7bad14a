//! From facts to a verdict: the only place that decides what a cell of the matrix says.
//!
//! ```text
//! capture, matcher, opener ─▶ PassiveFacts ─┐
//! impostor, captured alerts ─▶ InPathFacts ─┼─▶ judge ─▶ Judgement ─▶ Cell
//! attempts and answers ─────▶ ReachFacts ──┤       ▲
//! memory, key files ────────▶ CustodyFacts ┘       │
//! key files and their bytes ▶ KeyFileFacts ┘       │
//!                     cells of the controls ─▶ resolve
//! ```
//!
//! Pure: values in, values out. No I/O, no clock, and no architecture, host or segment is known by name.
//! It deliberately does not find canaries, open TLS or talk to anyone; whoever gathers the facts answers
//! for them. A flood makes no cell and is not judged here.

mod control;
mod custody;
mod exit;
mod expectation;
mod in_path;
mod key_file;
mod passive;
mod reach;
mod summary;

pub use control::{ControlRef, failed_controls, resolve};
pub use custody::{CustodyFacts, KeyFacts};
pub use exit::{Finding, exit_code, findings};
pub use expectation::{Deviation, deviations};
pub use in_path::{Beyond, InPathFacts, RedirectedLink};
pub use key_file::{KeyFileFacts, TriedKey};
pub use passive::{Leg, PassiveFacts};
pub use reach::{Attempted, Outcome, ReachFacts};
pub use summary::{Counts, Row, counts, row, worst};

use testbed::vocabulary::{Asset, Method, Vantage};

use crate::event::{Cell, Control, Evidence, Positive, Verdict};

/// Which cell a judgement is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Where the attacker stood.
    pub vantage: Vantage,
    /// What was at stake.
    pub asset: Asset,
    /// The weakness applied before launch.
    pub weakness: Option<String>,
}

/// A verdict and what it rests on, without saying for which cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Whose answer it rests on.
    pub method: Method,
    /// Canaries proved to have crossed, or attempts made.
    pub sent: u64,
    /// Canaries exposed, or attempts served.
    pub exposed: u64,
    /// Why, for people.
    pub reason: String,
    /// The controls behind it.
    pub control: Control,
}

impl Judgement {
    /// The question could not even be put.
    pub fn not_exercised(why: &str) -> Self {
        Self {
            verdict: Verdict::NotExercised,
            method: Method::Modelled,
            sent: 0,
            exposed: 0,
            reason: why.to_owned(),
            control: Control { positive: Positive::Missing, crossed: None },
        }
    }

    /// The cell of `subject`; hunt and expectation are left empty for the caller to set.
    pub fn into_cell(self, subject: Subject, evidence: Vec<Evidence>) -> Cell {
        Cell {
            architecture: subject.architecture,
            scenario: subject.scenario,
            vantage: subject.vantage,
            asset: subject.asset,
            verdict: self.verdict,
            method: self.method,
            sent: self.sent,
            exposed: self.exposed,
            weakness: subject.weakness,
            reason: self.reason,
            evidence,
            control: self.control,
            hunt: None,
            expected: None,
        }
    }
}

/// `held` may rest only on a passed positive control: what a question that was put and answered in the
/// defender's favour is worth.
fn held_if_controlled(positive: Positive, reason: String) -> (Verdict, String) {
    match positive {
        Positive::Passed => (Verdict::Held, reason),
        Positive::Failed => (
            Verdict::Inconclusive,
            format!(
                "{reason} But the same probe found nothing where it must, so its silence proves nothing."
            ),
        ),
        Positive::Missing => (
            Verdict::Inconclusive,
            format!("{reason} But no control showed that the probe can get this asset at all."),
        ),
    }
}

/// `1 canary`, `2 canaries`.
fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `a`, `a and b`, `a, b and 3 more`: enough names to look at, not a list to scroll through.
fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.into_iter().collect();
    match all.as_slice() {
        [] => String::from("none"),
        [one] => (*one).to_owned(),
        [a, b] => format!("{a} and {b}"),
        [a, b, rest @ ..] => format!("{a}, {b} and {} more", rest.len()),
    }
}
