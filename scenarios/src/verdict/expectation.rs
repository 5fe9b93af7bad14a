//! What the scenario file expected against what was found. A cell without an expectation never deviates.

use std::fmt;

use testbed::vocabulary::Asset;

use crate::event::{Cell, Verdict};

/// A verdict other than the expected one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Which asset.
    pub asset: Asset,
    /// What the file says.
    pub expected: Verdict,
    /// What this run found.
    pub found: Verdict,
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { architecture, scenario, asset, expected, found } = self;
        write!(
            f,
            "{scenario} on {architecture}, {asset}: expected {}, found {}",
            expected.word(),
            found.word()
        )
    }
}

/// Every cell that differs from its expectation, in the order of `cells`.
pub fn deviations(cells: &[Cell]) -> Vec<Deviation> {
    let differs = |cell: &Cell| {
        let expected = cell.expected.filter(|expected| *expected != cell.verdict)?;
        Some(Deviation {
            architecture: cell.architecture.clone(),
            scenario: cell.scenario.clone(),
            asset: cell.asset,
            expected,
            found: cell.verdict,
        })
    };
    cells.iter().filter_map(differs).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn only_a_different_verdict_deviates() {
        let with = |expected| Cell {
            expected,
            ..sample::cell("open", "public-sniff", Asset::Token, Verdict::Broken)
        };
        let cells = [with(None), with(Some(Verdict::Broken)), with(Some(Verdict::Held))];
        let found = deviations(&cells);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "public-sniff on open, token: expected held, found broken");
    }

    #[test]
    fn a_better_verdict_than_expected_deviates_too() {
        let cell = Cell {
            expected: Some(Verdict::Broken),
            ..sample::cell("open", "public-sniff", Asset::Token, Verdict::Held)
        };
        assert_eq!(deviations(&[cell]).len(), 1);
    }
}
