//! One line for several cells: the worst of a scenario's assets, and counts with measured and modelled apart.

use testbed::vocabulary::{Asset, Method};

use crate::event::{Cell, Verdict};

/// The verdict a scenario's one-line cell shows: broken, else inconclusive, else held, else not exercised.
pub fn worst(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
    verdicts.into_iter().min_by_key(|verdict| rank(*verdict))
}

/// A scenario on one architecture in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The worst verdict over the assets.
    pub verdict: Verdict,
    /// `modelled` only if no cell with that verdict was measured.
    pub method: Method,
    /// Summed over the cells with that verdict.
    pub sent: u64,
    /// As above.
    pub exposed: u64,
    /// The assets with that verdict.
    pub assets: Vec<Asset>,
}

/// The line over `cells` (of one scenario on one architecture); `None` without any. Metadata is left out:
/// no architecture hides it, so it would drown every row.
pub fn row<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> Option<Row> {
    let cells: Vec<&Cell> = cells.into_iter().filter(|cell| cell.asset != Asset::Metadata).collect();
    let verdict = worst(cells.iter().map(|cell| cell.verdict))?;
    let deciding = || cells.iter().filter(|cell| cell.verdict == verdict);
    let measured = deciding().any(|cell| cell.method == Method::Measured);
    Some(Row {
        verdict,
        method: if measured { Method::Measured } else { Method::Modelled },
        sent: deciding().map(|cell| cell.sent).sum(),
        exposed: deciding().map(|cell| cell.exposed).sum(),
        assets: deciding().map(|cell| cell.asset).collect(),
    })
}

/// How many cells of one method have which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cells that held.
    pub held: u64,
    /// Cells that broke.
    pub broken: u64,
    /// Cells whose question was not put.
    pub not_exercised: u64,
    /// Cells without proof on one side.
    pub inconclusive: u64,
}

impl Counts {
    /// All cells counted.
    pub fn total(&self) -> u64 {
        self.held + self.broken + self.not_exercised + self.inconclusive
    }
}

/// Counts of the cells with this method; methods are never added up.
pub fn counts<'a>(cells: impl IntoIterator<Item = &'a Cell>, method: Method) -> Counts {
    let mut counts = Counts::default();
    for cell in cells.into_iter().filter(|cell| cell.method == method) {
        *match cell.verdict {
            Verdict::Held => &mut counts.held,
            Verdict::Broken => &mut counts.broken,
            Verdict::NotExercised => &mut counts.not_exercised,
            Verdict::Inconclusive => &mut counts.inconclusive,
        } += 1;
    }
    counts
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Broken => 0,
        Verdict::Inconclusive => 1,
        Verdict::Held => 2,
        Verdict::NotExercised => 3,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample;

    fn cell(asset: Asset, verdict: Verdict) -> Cell {
        sample::cell("open", "public-sniff", asset, verdict)
    }

    #[test]
    fn the_line_shows_the_worst_and_only_its_counts() {
        let cells = [
            cell(Asset::Password, Verdict::Broken),
            cell(Asset::Token, Verdict::Held),
            cell(Asset::RequestBody, Verdict::Broken),
            cell(Asset::InternalMessage, Verdict::NotExercised),
        ];
        let line = row(&cells).unwrap();
        assert_eq!(line.verdict, Verdict::Broken);
        assert_eq!(line.assets, [Asset::Password, Asset::RequestBody]);
        assert_eq!(line.exposed, cells[0].exposed + cells[2].exposed);
    }

    #[test]
    fn an_asset_that_does_not_travel_spoils_no_line_and_metadata_never_does() {
        let cells = [
            cell(Asset::Token, Verdict::Held),
            cell(Asset::InternalMessage, Verdict::NotExercised),
            cell(Asset::Metadata, Verdict::Broken),
        ];
        assert_eq!(row(&cells).unwrap().verdict, Verdict::Held);
        assert_eq!(row(&cells[2..]), None);
    }

    #[test]
    fn methods_are_counted_apart() {
        let mut modelled = cell(Asset::Reach, Verdict::Held);
        modelled.method = Method::Modelled;
        let cells = [modelled, cell(Asset::Token, Verdict::Held), cell(Asset::Token, Verdict::Broken)];
        let measured = counts(&cells, Method::Measured);
        assert_eq!((measured.held, measured.broken, measured.total()), (1, 1, 2));
        assert_eq!(counts(&cells, Method::Modelled).held, 1);
    }

    proptest! {
        #[test]
        fn one_more_cell_never_makes_the_line_better(ranks in prop::collection::vec(0usize..4, 1..6), more in 0usize..4) {
            let all = [Verdict::Broken, Verdict::Inconclusive, Verdict::Held, Verdict::NotExercised];
            let before = worst(ranks.iter().map(|at| all[*at])).unwrap();
            let after = worst(ranks.iter().chain([&more]).map(|at| all[*at])).unwrap();
            prop_assert!(rank(after) <= rank(before));
        }
    }
}
