//! The matrix in its stable order, for every exporter: scenarios and architectures as the run lists them,
//! assets as the vocabulary lists them, whatever the order in which things were judged.

use std::collections::BTreeMap;

use super::{ExportError, Recorded};
use crate::{
    event::{Cell, Performance, RunStarted, ValidityFlag},
    verdict::{Row, row},
};

/// A run's cells and rows in order.
pub(super) struct Matrix<'a> {
    /// What was asked for.
    pub(super) run: &'a RunStarted,
    /// Cells of listed scenarios on listed architectures.
    pub(super) cells: Vec<&'a Cell>,
    /// Every other cell: judged as a control only.
    pub(super) controls: Vec<&'a Cell>,
    /// Performance rows of listed scenarios on listed architectures.
    pub(super) performance: Vec<&'a Performance>,
}

impl<'a> Matrix<'a> {
    pub(super) fn of(recorded: &'a Recorded<'_>) -> Result<Self, ExportError> {
        let run = recorded.run()?;
        let scenarios: BTreeMap<&str, usize> =
            run.scenarios.iter().enumerate().map(|(at, scenario)| (scenario.id.as_str(), at)).collect();
        let architectures: BTreeMap<&str, usize> =
            run.architectures.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let place = |scenario: &str, architecture: &str| {
            Some((*scenarios.get(scenario)?, *architectures.get(architecture)?))
        };
        let (mut cells, mut controls): (Vec<&Cell>, Vec<&Cell>) = recorded
            .snapshot
            .cells
            .iter()
            .partition(|cell| place(&cell.scenario, &cell.architecture).is_some());
        cells.sort_by_key(|cell| (place(&cell.scenario, &cell.architecture), cell.asset));
        controls.sort_by_key(|cell| (&cell.scenario, &cell.architecture, cell.asset));
        let mut performance: Vec<&Performance> = recorded
            .snapshot
            .performance
            .iter()
            .filter(|row| place(&row.scenario, &row.architecture).is_some())
            .collect();
        performance.sort_by_key(|row| {
            // The victim before its decoy.
            let arm = (row.arm != "victim", &row.arm);
            (place(&row.scenario, &row.architecture), arm, row.phase, &row.operation)
        });
        Ok(Self { run, cells, controls, performance })
    }

    /// The cells of one scenario on one architecture.
    pub(super) fn at(&self, scenario: &str, architecture: &str) -> impl Iterator<Item = &'a Cell> {
        self.cells
            .iter()
            .copied()
            .filter(move |cell| cell.scenario == scenario && cell.architecture == architecture)
    }

    /// One line per scenario that has cells: its id and, per architecture, the worst over its assets.
    pub(super) fn lines(&self) -> Vec<(&'a str, Vec<Option<Row>>)> {
        self.run
            .scenarios
            .iter()
            .map(|scenario| {
                let cell = |name: &String| row(self.at(&scenario.id, name));
                (scenario.id.as_str(), self.run.architectures.iter().map(cell).collect())
            })
            .filter(|(_, cells): &(&str, Vec<Option<Row>>)| cells.iter().any(Option::is_some))
            .collect()
    }
}

/// Why flags are false, as one line each, without repetition.
pub(super) fn invalid_reasons(recorded: &Recorded<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    for (flag, place, reason) in &recorded.snapshot.invalid {
        let flag = match flag {
            ValidityFlag::Exposure => "exposure",
            ValidityFlag::Performance => "performance",
        };
        let line = format!("{flag}: {place}: {reason}");
        if !reasons.contains(&line) {
            reasons.push(line);
        }
    }
    reasons
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use testbed::vocabulary::Asset;

    use super::*;
    use crate::{
        event::{Event, Stamped, Verdict},
        sample,
    };

    #[test]
    fn the_order_does_not_depend_on_who_was_judged_first() {
        let events = sample::run();
        let mut shuffled = events.clone();
        let (start, rest) = shuffled.split_at_mut(1);
        assert!(matches!(start[0].event, Event::RunStarted(_)));
        rest.reverse();
        let (events, shuffled) = (Recorded::of(&events), Recorded::of(&shuffled));
        let (one, other) = (Matrix::of(&events).unwrap(), Matrix::of(&shuffled).unwrap());
        assert_eq!(one.cells, other.cells);
        assert_eq!(one.performance, other.performance);
        let first: Vec<_> = one.cells.iter().take(3).map(|cell| cell.asset).collect();
        assert_eq!(first, [Asset::Password, Asset::Token, Asset::InternalMessage]);
    }

    #[test]
    fn a_control_only_architecture_has_no_cell_of_the_matrix() {
        let mut events = sample::run();
        let cell = sample::cell("unlisted", "public-sniff", Asset::Token, Verdict::Broken);
        events.push(Stamped { at_ms: 9, event: Event::Cell(cell) });
        let recorded = Recorded::of(&events);
        let matrix = Matrix::of(&recorded).unwrap();
        assert!(matrix.cells.iter().all(|cell| cell.architecture != "unlisted"));
        assert_eq!(matrix.controls.len(), 1);
    }

    #[test]
    fn a_flood_has_no_line() {
        let events = sample::run();
        let recorded = Recorded::of(&events);
        let ids: Vec<&str> = Matrix::of(&recorded).unwrap().lines().iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, ["public-sniff", "management-sniff", "direct-connect"]);
    }
}
