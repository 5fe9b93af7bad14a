//! The exit code of a run, from what was found.

use super::deviations;
use crate::{event::ValidityFlag, snapshot::Snapshot};

/// Something that decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Finding {
    /// The run was interrupted; what was finished is written and marked.
    Interrupted,
    /// The run could not be carried out.
    RuntimeError,
    /// The command line or a file was wrong; nothing ran.
    Usage,
    /// The measurement is invalid.
    Invalid,
    /// A verdict deviates from the expectation.
    Deviation,
    /// A threshold was missed.
    ThresholdMissed,
}

impl Finding {
    /// The code of this finding alone.
    pub const fn code(self) -> u8 {
        match self {
            Self::Interrupted => 130,
            Self::RuntimeError => 1,
            Self::Usage => 2,
            Self::Invalid => 5,
            Self::Deviation => 3,
            Self::ThresholdMissed => 4,
        }
    }
}

/// The exit code: that of the weightiest finding (130, 1, 2, 5, 3, 4), 0 without any.
pub fn exit_code(findings: impl IntoIterator<Item = Finding>) -> u8 {
    // The variants are declared in that order.
    findings.into_iter().min().map_or(0, Finding::code)
}

/// What a finished run found. An invalid performance counts only where figures were asked for: `bench`
/// and performance thresholds (`asks_performance`); exposure verdicts stand without it. Errors, usage and
/// thresholds are no facts of the stream: the caller adds them.
pub fn findings(snapshot: &Snapshot, asks_performance: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    if snapshot.interrupted {
        found.push(Finding::Interrupted);
    }
    if !snapshot.valid(ValidityFlag::Exposure)
        || (asks_performance && !snapshot.valid(ValidityFlag::Performance))
    {
        found.push(Finding::Invalid);
    }
    if !deviations(&snapshot.cells).is_empty() {
        found.push(Finding::Deviation);
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use testbed::vocabulary::Asset;

    use super::*;
    use crate::{
        event::{Cell, Verdict},
        sample,
    };

    #[test]
    fn the_weightiest_finding_decides() {
        use Finding::{Deviation, Interrupted, Invalid, RuntimeError, ThresholdMissed, Usage};
        let table: &[(&[Finding], u8)] = &[
            (&[], 0),
            (&[ThresholdMissed], 4),
            (&[Deviation], 3),
            (&[Usage], 2),
            (&[ThresholdMissed, Deviation], 3),
            (&[Deviation, Invalid, ThresholdMissed], 5),
            (&[Invalid, RuntimeError], 1),
            (&[RuntimeError, Interrupted, Invalid], 130),
        ];
        for (findings, code) in table {
            assert_eq!(exit_code(findings.iter().copied()), *code, "{findings:?}");
        }
    }

    #[test]
    fn invalid_performance_counts_only_where_it_was_asked_for() {
        let place = String::from("edge-only/connect-flood");
        let reason = String::from("generator lag");
        let run =
            Snapshot { invalid: vec![(ValidityFlag::Performance, place, reason)], ..Snapshot::default() };
        assert_eq!(exit_code(findings(&run, false)), 0);
        assert_eq!(exit_code(findings(&run, true)), 5);
    }

    #[test]
    fn an_interrupted_run_with_deviations_says_130() {
        let cell = Cell {
            expected: Some(Verdict::Held),
            ..sample::cell("open", "public-sniff", Asset::Token, Verdict::Broken)
        };
        let mut run = Snapshot { cells: vec![cell], ..Snapshot::default() };
        assert_eq!(exit_code(findings(&run, false)), 3);
        run.interrupted = true;
        assert_eq!(exit_code(findings(&run, false)), 130);
    }
}
