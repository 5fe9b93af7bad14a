//! The rows of the matrix as words, for text and markdown alike: one column per architecture.

use testbed::vocabulary::{Asset, Method};

use super::{
    ExportError, Recorded,
    cost::{Cost, FloodArm, floods},
    grid::Columns,
    matrix::Matrix,
    words::figure,
};
use crate::{
    event::Verdict,
    verdict::{Row, row},
};

/// A label and one entry per architecture.
pub(super) type Line = (String, Vec<String>);

/// Verdicts: one line per scenario, and one per asset where the assets of a scenario disagree.
pub(super) fn verdicts(matrix: &Matrix<'_>, columns: Columns) -> Vec<Line> {
    let entry = match columns {
        Columns::Wide => entry,
        Columns::Narrow => brief,
    };
    let mut lines = Vec::new();
    for (scenario, cells) in matrix.lines() {
        lines.push((scenario.to_owned(), cells.iter().map(|cell| entry(cell.as_ref())).collect()));
        if !disagree(matrix, scenario) {
            continue;
        }
        for asset in Asset::ALL {
            let of = |name: &String| row(matrix.at(scenario, name).filter(|cell| cell.asset == *asset));
            let rows: Vec<Option<Row>> = matrix.run.architectures.iter().map(of).collect();
            if rows.iter().any(Option::is_some) {
                lines.push((format!("  {asset}"), rows.iter().map(|cell| entry(cell.as_ref())).collect()));
            }
        }
    }
    lines
}

/// Cost of honest work.
pub(super) fn costs(
    recorded: &Recorded<'_>,
    matrix: &Matrix<'_>,
    columns: Columns,
) -> Result<Vec<Line>, ExportError> {
    let costs: Vec<Cost> =
        matrix.run.architectures.iter().map(|name| Cost::of(recorded, name)).collect::<Result<_, _>>()?;
    let line = |label: &str, of: &dyn Fn(&Cost) -> String| (label.to_owned(), costs.iter().map(of).collect());
    let resources = [
        line("CPU us per request", &|cost| figure(cost.cpu_us)),
        line("requests per second", &|cost| figure(cost.per_second)),
    ];
    Ok(match columns {
        Columns::Wide => {
            let latency = line("p50 / tail ms", &|cost| {
                let tail = cost
                    .tail_ms()
                    .map_or_else(|| String::from("-"), |(name, ms)| format!("{name} {}", figure(Some(ms))));
                format!("{} / {tail}", figure(cost.p50_ms))
            });
            let trouble = line("errors / late", &|cost| format!("{} / {}", cost.errors, cost.late));
            [latency].into_iter().chain(resources).chain([trouble]).collect()
        }
        Columns::Narrow => {
            let latency = [
                line("p50 ms", &|cost| figure(cost.p50_ms)),
                line("p90 ms", &|cost| figure(cost.p90_ms)),
                line("p99 ms", &|cost| figure(cost.p99_ms)),
            ];
            let trouble = [
                line("errors", &|cost| cost.errors.to_string()),
                line("late", &|cost| cost.late.to_string()),
            ];
            latency.into_iter().chain(resources).chain(trouble).collect()
        }
    })
}

/// Floods: victim beside decoy, since only the difference is the architecture's.
pub(super) fn flood_lines(matrix: &Matrix<'_>, columns: Columns) -> Vec<Line> {
    let mut lines = Vec::new();
    for scenario in floods(matrix) {
        let line = |label: String, arm: &str, of: &dyn Fn(&FloodArm<'_>) -> String| {
            let entry = |name: &String| {
                FloodArm::of(matrix, scenario, name, arm).map_or_else(|| String::from("-"), |arm| of(&arm))
            };
            (label, matrix.run.architectures.iter().map(entry).collect())
        };
        let goodput = |arm: &FloodArm<'_>| {
            let word = if columns == Columns::Wide { "goodput " } else { "" };
            arm.goodput().map_or_else(|| String::from("-"), |share| format!("{word}{:.0} %", share * 100.0))
        };
        let tail = |arm: &FloodArm<'_>| {
            arm.tail_ms().map_or_else(
                || String::from("-"),
                |(name, [before, during])| {
                    format!("{name} {} > {}", figure(Some(before)), figure(Some(during)))
                },
            )
        };
        let during = |arm: &FloodArm<'_>| figure(arm.tail_ms().map(|(_, [_, during])| during));
        let back =
            |arm: &FloodArm<'_>| arm.recovery_ms().map_or_else(|| String::from("-"), |ms| format!("{ms}"));
        lines.push(line(scenario.to_owned(), "victim", &goodput));
        lines.push(line(String::from("  decoy goodput"), "decoy", &goodput));
        if columns == Columns::Wide {
            lines.push(line(String::from("  ms before > during"), "victim", &tail));
            lines.push(line(String::from("  decoy ms"), "decoy", &tail));
        } else {
            lines.push(line(String::from("  tail ms during"), "victim", &during));
            lines.push(line(String::from("  decoy tail ms"), "decoy", &during));
        }
        lines.push(line(String::from("  back after ms"), "victim", &back));
    }
    lines
}

/// `broken`, `held`, `n/e`, `incon`, in six letters with its star.
fn brief(row: Option<&Row>) -> String {
    let Some(row) = row else { return String::from("-") };
    match (row.verdict.brief(), row.method) {
        (word, Method::Measured) => word.to_owned(),
        (word, Method::Modelled) => format!("{word:.5}*"),
    }
}

/// `broken 48/48`, `held 0/48`, `inconclusive`; a star where our own model answered.
fn entry(row: Option<&Row>) -> String {
    let Some(row) = row else { return String::from("-") };
    let star = if row.method == Method::Modelled { "*" } else { "" };
    match row.verdict {
        Verdict::Broken | Verdict::Held => {
            let whole = format!("{} {}/{}{star}", row.verdict.word(), row.exposed, row.sent);
            // Columns are narrow: the exposed count is what a reader came for.
            if whole.len() <= 15 { whole } else { format!("{} {}{star}", row.verdict.word(), row.exposed) }
        }
        Verdict::NotExercised | Verdict::Inconclusive => format!("{}{star}", row.verdict.word()),
    }
}

/// Do two assets of the scenario tell different stories on one architecture? An asset that does not
/// travel there tells none.
fn disagree(matrix: &Matrix<'_>, scenario: &str) -> bool {
    matrix.run.architectures.iter().any(|name| {
        let mut told = matrix
            .at(scenario, name)
            .filter(|cell| cell.asset != Asset::Metadata)
            .map(|cell| cell.verdict)
            .filter(|verdict| *verdict != Verdict::NotExercised);
        told.next().is_some_and(|first| told.any(|other| other != first))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        event::{Event, Stamped},
        sample,
    };

    #[test]
    fn assets_get_their_own_lines_only_where_they_disagree() {
        let mut events = sample::run();
        let recorded = Recorded::of(&events);
        let lines = verdicts(&Matrix::of(&recorded).unwrap(), Columns::Wide);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[1].1, ["broken 96/96", "broken 96/96", "held 0/96"]);
        let cell = sample::cell("both-legs-sealed", "management-sniff", Asset::Token, Verdict::Broken);
        events.push(Stamped { at_ms: 0, event: Event::Cell(cell) });
        let recorded = Recorded::of(&events);
        let lines = verdicts(&Matrix::of(&recorded).unwrap(), Columns::Wide);
        let labels: Vec<&str> = lines.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "public-sniff",
                "management-sniff",
                "  password",
                "  token",
                "  internal-message",
                "direct-connect"
            ]
        );
        assert_eq!(lines[1].1[2], "broken 48/48");
        assert_eq!(lines[2].1[2], "held 0/48");
    }

    #[test]
    fn a_modelled_cell_is_starred_and_large_counts_still_fit() {
        let mut row = Row {
            verdict: Verdict::Held,
            method: Method::Modelled,
            sent: 3,
            exposed: 0,
            assets: vec![Asset::Reach],
        };
        assert_eq!(entry(Some(&row)), "held 0/3*");
        (row.verdict, row.sent, row.exposed) = (Verdict::Broken, 123_456, 123_456);
        assert_eq!(entry(Some(&row)), "broken 123456*");
        assert_eq!(brief(Some(&row)), "broke*");
        assert_eq!(entry(None), "-");
    }

    #[test]
    fn a_flood_shows_victim_and_decoy() {
        let events = sample::run();
        let recorded = Recorded::of(&events);
        let lines = flood_lines(&Matrix::of(&recorded).unwrap(), Columns::Wide);
        assert_eq!(lines[0], (String::from("connect-flood"), vec![String::from("goodput 100 %"); 3]));
        assert_eq!(lines[1].0, "  decoy goodput");
        assert_eq!(lines[4].1[0], "2000");
    }
}
