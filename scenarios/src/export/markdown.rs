//! `report.md`: the run for people, to attach to a ticket or a review.
//!
//! It shows no canary; to look one up in the capture take it from `matrix.json`.

use std::fmt::Write;

use testbed::vocabulary::Method;

use super::{
    ExportError, Exporter, Recorded,
    grid::Columns,
    matrix::{Matrix, invalid_reasons},
    table::{self, Line},
    words::{clean, proof},
};
use crate::{
    event::{Positive, ValidityFlag},
    verdict::{counts, deviations},
};

/// Writes `report.md`.
pub struct Markdown;

impl Exporter for Markdown {
    fn export(&self, recorded: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let matrix = Matrix::of(recorded)?;
        let names = &matrix.run.architectures;
        let mut text = head(recorded, &matrix);
        text.push_str(&section(
            "Verdicts",
            &grid("scenario", names, &table::verdicts(&matrix, Columns::Wide)),
        ));
        text.push_str(
            "Counts are exposed/sent: canaries, or for reach attempts served of attempts made. A star marks a \
             verdict that rests on the testbed's own model rather than on a socket's answer.\n\n",
        );
        text.push_str(&summary(&matrix));
        let costs = grid("honest work, undisturbed", names, &table::costs(recorded, &matrix, Columns::Wide)?);
        text.push_str(&section("Cost", &costs));
        text.push_str(&section(
            "Under flood",
            &grid("scenario", names, &table::flood_lines(&matrix, Columns::Wide)),
        ));
        text.push_str(&section("Deviations from the expectation", &deviating(recorded)));
        text.push_str(&section("Every cell", &cells(&matrix)));
        text.push_str(&section("Scenarios", &scenarios(&matrix)));
        Ok(format!("{}\n", text.trim_end()).into_bytes())
    }
}

fn head(recorded: &Recorded<'_>, matrix: &Matrix<'_>) -> String {
    let run = matrix.run;
    let mut text = String::from("# TLS architectures compared\n\n");
    let _ = writeln!(
        text,
        "Started {}, seed {}, profile {}, version {}.\n",
        cell(&run.started),
        run.seed,
        cell(&run.profile),
        cell(&run.version)
    );
    let snapshot = &recorded.snapshot;
    if snapshot.interrupted {
        let _ = writeln!(text, "**Interrupted** after {} of {} steps.\n", snapshot.steps_done, run.steps);
    } else if snapshot.ended.is_none() {
        let (done, steps) = (snapshot.steps_done, run.steps);
        let _ = writeln!(text, "**The record breaks off** after {done} of {steps} steps.\n");
    }
    let word = |flag| if snapshot.valid(flag) { "valid" } else { "**invalid**" };
    let _ = writeln!(
        text,
        "Exposure: {}. Performance: {}.\n",
        word(ValidityFlag::Exposure),
        word(ValidityFlag::Performance)
    );
    for reason in invalid_reasons(recorded) {
        let _ = writeln!(text, "- {}", cell(&reason));
    }
    text.push('\n');
    text
}

fn summary(matrix: &Matrix<'_>) -> String {
    let mut text = String::new();
    for method in Method::ALL {
        let counts = counts(matrix.cells.iter().copied(), *method);
        let _ = writeln!(
            text,
            "- {method}: {} held, {} broken, {} inconclusive, {} not exercised",
            counts.held, counts.broken, counts.inconclusive, counts.not_exercised
        );
    }
    text.push('\n');
    text
}

fn deviating(recorded: &Recorded<'_>) -> String {
    let line = |deviation: &crate::verdict::Deviation| format!("- {}\n", cell(&deviation.to_string()));
    deviations(&recorded.snapshot.cells).iter().map(line).collect()
}

fn cells(matrix: &Matrix<'_>) -> String {
    let mut text = String::from(
        "| scenario | architecture | asset | verdict | method | exposed/sent | control | why | where to look |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for one in &matrix.cells {
        let control = match one.control.positive {
            Positive::Passed => "passed",
            Positive::Failed => "failed",
            Positive::Missing => "missing",
        };
        let place = match (one.evidence.first(), &one.weakness) {
            (None, _) => String::new(),
            (Some(first), None) => format!("{} {}", first.capture, proof(one)),
            (Some(first), Some(weakness)) => {
                format!("{} {} (weakness {weakness})", first.capture, proof(one))
            }
        };
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {}/{} | {control} | {} | {} |",
            cell(&one.scenario),
            cell(&one.architecture),
            one.asset,
            one.verdict.word(),
            one.method,
            one.exposed,
            one.sent,
            cell(&one.reason),
            cell(place.trim()),
        );
    }
    text
}

fn scenarios(matrix: &Matrix<'_>) -> String {
    let mut text = String::from(
        "| scenario | what it asks | vantage | ATT&CK | requirements |\n| --- | --- | --- | --- | --- |\n",
    );
    for scenario in &matrix.run.scenarios {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            cell(&scenario.id),
            cell(&scenario.title),
            scenario.vantage,
            cell(&scenario.attack_ids.join(", ")),
            cell(&scenario.rows.join(", ")),
        );
    }
    text
}

fn grid(corner: &str, names: &[String], lines: &[Line]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let row = |label: &str, entries: &[String]| {
        let entries: Vec<String> = entries.iter().map(|entry| cell(entry)).collect();
        format!("| {} | {} |\n", label, entries.join(" | "))
    };
    let mut text = row(corner, names);
    text.push_str(&"| --- ".repeat(names.len() + 1));
    text.push_str("|\n");
    for (label, entries) in lines {
        let indent = if label.starts_with(' ') { "&nbsp;&nbsp;" } else { "" };
        text.push_str(&row(&format!("{indent}{}", cell(label.trim_start())), entries));
    }
    text
}

fn section(title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("## {title}\n\n{body}\n") }
}

/// Text that stays text: no markup, no HTML, no table break.
fn cell(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => safe.extend(['\\', letter]),
            _ => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{event::Event, sample};

    fn exported(events: &[crate::event::Stamped]) -> String {
        String::from_utf8(Markdown.export(&Recorded::of(events)).unwrap()).unwrap()
    }

    #[test]
    fn the_report_is_as_reviewed() {
        insta::assert_snapshot!(exported(&sample::run()));
    }

    #[test]
    fn a_name_cannot_become_markup() {
        assert_eq!(cell("a|b<script>`x`\n"), "a\\|b&lt;script&gt;\\`x\\`?");
        let mut events = sample::run();
        for stamped in &mut events {
            if let Event::Cell(cell) = &mut stamped.event {
                cell.reason = String::from("<img src=x> | a | b");
            }
        }
        let text = exported(&events);
        assert!(!text.contains("<img"));
        // Nine columns, every row: ten bars that are not escaped.
        let rows = text.lines().filter(|line| line.contains("img src"));
        assert!(rows.clone().count() > 10);
        for row in rows {
            assert_eq!(row.replace("\\|", "").matches('|').count(), 10, "{row}");
        }
    }

    #[test]
    fn no_canary_is_shown() {
        assert!(!exported(&sample::run()).contains("cnry"));
    }
}
