//! The positive control: the cell of the same asset in another run of the same probe, which must be broken.
//!
//! Whether a cell is broken never depends on its own control, so one pass over all cells settles every
//! control: judge with [`Positive::Missing`], resolve, judge again.

use testbed::vocabulary::Asset;

use crate::event::{Cell, Positive, Verdict};

/// Where the same probe must succeed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ControlRef {
    /// Which architecture; for a careless arm the cell's own.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
}

/// The outcome of `controls` for one asset of a cell on the architecture `own`: passed only if every one of
/// them is. No control, a control without such a cell, and one where the asset was never at stake are missing,
/// not failed. A careless arm on the same architecture that lost other assets but not this one does not count
/// against it, if the probe got this one elsewhere: there was carelessness, and even that did not lose it.
pub fn resolve(asset: Asset, own: &str, controls: &[ControlRef], cells: &[Cell]) -> Positive {
    let elsewhere = controls.iter().any(|control| control.architecture != own);
    let of = |control: &ControlRef| {
        let (architecture, scenario) = (control.architecture.clone(), control.scenario.clone());
        cells.iter().filter(move |cell| cell.architecture == architecture && cell.scenario == scenario)
    };
    let careless = |control: &ControlRef| {
        elsewhere && control.architecture == own && of(control).any(|cell| cell.verdict == Verdict::Broken)
    };
    let outcome = |control: &ControlRef| {
        let cell = of(control).rfind(|cell| cell.asset == asset);
        match cell.map(|cell| cell.verdict) {
            Some(Verdict::Broken) => Positive::Passed,
            Some(Verdict::Held) if careless(control) => Positive::Passed,
            Some(Verdict::Held | Verdict::Inconclusive) => Positive::Failed,
            Some(Verdict::NotExercised) | None => Positive::Missing,
        }
    };
    let outcomes: Vec<Positive> = controls.iter().map(outcome).collect();
    if outcomes.contains(&Positive::Failed) {
        Positive::Failed
    } else if outcomes.is_empty() || outcomes.contains(&Positive::Missing) {
        Positive::Missing
    } else {
        Positive::Passed
    }
}

/// Cells whose control failed, as (place, reason): each makes the exposure of the run invalid.
pub fn failed_controls(cells: &[Cell]) -> Vec<(String, String)> {
    cells
        .iter()
        .filter(|cell| cell.control.positive == Positive::Failed && cell.verdict != Verdict::NotExercised)
        .map(|cell| {
            (
                format!("{}/{}", cell.architecture, cell.scenario),
                format!("the positive control of `{}` found nothing where it must", cell.asset),
            )
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    fn control(architecture: &str) -> ControlRef {
        ControlRef { architecture: architecture.to_owned(), scenario: String::from("public-sniff") }
    }

    fn cell(architecture: &str, asset: Asset, verdict: Verdict) -> Cell {
        sample::cell(architecture, "public-sniff", asset, verdict)
    }

    #[test]
    fn every_control_must_be_broken_for_the_same_asset() {
        let cells = [
            cell("open", Asset::Token, Verdict::Broken),
            cell("open", Asset::InternalMessage, Verdict::NotExercised),
            cell("sealed", Asset::Token, Verdict::Held),
            cell("unsure", Asset::Token, Verdict::Inconclusive),
        ];
        let table: &[(Asset, &[&str], Positive)] = &[
            (Asset::Token, &["open"], Positive::Passed),
            (Asset::Token, &["open", "open"], Positive::Passed),
            (Asset::Token, &["open", "sealed"], Positive::Failed),
            (Asset::Token, &["unsure"], Positive::Failed),
            (Asset::Token, &["open", "elsewhere"], Positive::Missing),
            (Asset::Token, &["elsewhere", "sealed"], Positive::Failed),
            (Asset::Token, &[], Positive::Missing),
            (Asset::Password, &["open"], Positive::Missing),
            (Asset::InternalMessage, &["open"], Positive::Missing),
        ];
        for (asset, names, expected) in table {
            let controls: Vec<ControlRef> = names.iter().map(|name| control(name)).collect();
            assert_eq!(resolve(*asset, "own", &controls, &cells), *expected, "{asset} {names:?}");
        }
    }

    #[test]
    fn a_careless_arm_that_lost_other_things_leaves_this_one_to_the_probe_elsewhere() {
        use Verdict::{Broken, Held, Inconclusive};
        let open = cell("open", Asset::ResponseBody, Verdict::Broken);
        let both = [control("open"), control("mutual")];
        let outcome = |controls: &[ControlRef], this, other| {
            let careless = [cell("mutual", Asset::ResponseBody, this), cell("mutual", Asset::Token, other)];
            let cells: Vec<Cell> = careless.into_iter().chain([open.clone()]).collect();
            resolve(Asset::ResponseBody, "mutual", controls, &cells)
        };
        assert_eq!(outcome(&both, Held, Broken), Positive::Passed);
        assert_eq!(outcome(&both, Held, Held), Positive::Failed, "nobody there was careless");
        assert_eq!(outcome(&both, Inconclusive, Broken), Positive::Failed);
        assert_eq!(outcome(&both[1..], Held, Broken), Positive::Failed, "nothing proves the probe");
    }

    #[test]
    fn another_scenario_is_no_control() {
        let cells = [sample::cell("open", "management-sniff", Asset::Token, Verdict::Broken)];
        assert_eq!(resolve(Asset::Token, "own", &[control("open")], &cells), Positive::Missing);
    }

    #[test]
    fn a_failed_control_names_its_place() {
        let mut failed = cell("sealed", Asset::Token, Verdict::Inconclusive);
        failed.control.positive = Positive::Failed;
        let found = failed_controls(&[cell("open", Asset::Token, Verdict::Broken), failed]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "sealed/public-sniff");
    }

    proptest! {
        #[test]
        fn removing_any_control_cell_never_leaves_passed(names in prop::collection::vec("[a-c]", 1..4)) {
            let controls: Vec<ControlRef> = names.iter().map(|name| control(name)).collect();
            let cells: Vec<Cell> =
                ["a", "b", "c"].iter().map(|name| cell(name, Asset::Token, Verdict::Broken)).collect();
            prop_assert_eq!(resolve(Asset::Token, "own", &controls, &cells), Positive::Passed);
            let without: Vec<Cell> =
                cells.into_iter().filter(|cell| cell.architecture != names[0]).collect();
            prop_assert_ne!(resolve(Asset::Token, "own", &controls, &without), Positive::Passed);
        }
    }
}
