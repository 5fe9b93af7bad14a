//! Tables for spreadsheets and data frames: one file per table, a heading row, comma and line feed, RFC 4180
//! quotes. What is unknown is an empty field.
//!
//! ```text
//! cells.csv        seed architecture scenario vantage asset verdict method sent exposed weakness expected
//!                  positive_control crossed recall precision evidence capture segment link frames encoding
//!                  attempt answer reason exposure_valid
//! performance.csv  seed architecture scenario arm phase operation offered completed in_time errors late
//!                  seconds p50_ms p90_ms p99_ms p999_ms max_ms cpu_us_per_request cpu_us_by_node recovery_ms
//!                  performance_valid
//! ```
//!
//! `evidence` counts the places in `matrix.json`; the first one is spelled out, without its canary. A row that is
//! pasted elsewhere still says whether it may be trusted. Text that a spreadsheet would take for a formula is
//! quoted with an apostrophe: answers come from sockets.

use std::fmt::Write;

use super::{ExportError, Exporter, Recorded, matrix::Matrix, words::clean};
use crate::event::{Cell, Performance, Positive, ValidityFlag};

/// A table of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Verdicts.
    Cells,
    /// Figures.
    Performance,
}

impl Table {
    /// Every table.
    pub const ALL: &'static [Self] = &[Self::Cells, Self::Performance];

    /// Its file.
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Cells => "cells.csv",
            Self::Performance => "performance.csv",
        }
    }
}

/// Writes one table.
pub struct Csv {
    /// Which one.
    pub table: Table,
}

impl Exporter for Csv {
    fn export(&self, recorded: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let matrix = Matrix::of(recorded)?;
        let seed = matrix.run.seed;
        let text = match self.table {
            Table::Cells => {
                let valid = recorded.snapshot.valid(ValidityFlag::Exposure);
                table(CELLS, matrix.cells.iter().map(|cell| of_cell(cell, seed, valid)))
            }
            Table::Performance => {
                let valid = recorded.snapshot.valid(ValidityFlag::Performance);
                table(PERFORMANCE, matrix.performance.iter().map(|row| of_row(row, seed, valid)))
            }
        };
        Ok(text.into_bytes())
    }
}

const CELLS: [&str; 25] = [
    "seed",
    "architecture",
    "scenario",
    "vantage",
    "asset",
    "verdict",
    "method",
    "sent",
    "exposed",
    "weakness",
    "expected",
    "positive_control",
    "crossed",
    "recall",
    "precision",
    "evidence",
    "capture",
    "segment",
    "link",
    "frames",
    "encoding",
    "attempt",
    "answer",
    "reason",
    "exposure_valid",
];

const PERFORMANCE: [&str; 21] = [
    "seed",
    "architecture",
    "scenario",
    "arm",
    "phase",
    "operation",
    "offered",
    "completed",
    "in_time",
    "errors",
    "late",
    "seconds",
    "p50_ms",
    "p90_ms",
    "p99_ms",
    "p999_ms",
    "max_ms",
    "cpu_us_per_request",
    "cpu_us_by_node",
    "recovery_ms",
    "performance_valid",
];

fn of_cell(cell: &Cell, seed: u64, valid: bool) -> [String; CELLS.len()] {
    let first = cell.evidence.first();
    let place = |of: fn(&crate::event::Evidence) -> &String| first.map_or(String::new(), |it| text(of(it)));
    let said = |said: Option<&Option<String>>| said.and_then(Option::as_deref).map_or(String::new(), text);
    let frames =
        first.map_or(String::new(), |it| it.frames.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    let positive = match cell.control.positive {
        Positive::Passed => "passed",
        Positive::Failed => "failed",
        Positive::Missing => "missing",
    };
    [
        seed.to_string(),
        text(&cell.architecture),
        text(&cell.scenario),
        cell.vantage.to_string(),
        cell.asset.to_string(),
        cell.verdict.word().to_owned(),
        cell.method.to_string(),
        cell.sent.to_string(),
        cell.exposed.to_string(),
        said(Some(&cell.weakness)),
        cell.expected.map_or(String::new(), |verdict| verdict.word().to_owned()),
        positive.to_owned(),
        number(cell.control.crossed),
        number(cell.hunt.map(|hunt| hunt.recall)),
        number(cell.hunt.map(|hunt| hunt.precision)),
        cell.evidence.len().to_string(),
        place(|it| &it.capture),
        place(|it| &it.segment),
        place(|it| &it.link),
        frames,
        place(|it| &it.encoding),
        said(first.map(|it| &it.attempt)),
        said(first.map(|it| &it.answer)),
        text(&cell.reason),
        valid.to_string(),
    ]
}

fn of_row(row: &Performance, seed: u64, valid: bool) -> [String; PERFORMANCE.len()] {
    let nodes = row.cpu_us_per_request.iter().filter(|(node, _)| *node != "total");
    let nodes: Vec<String> = nodes.map(|(node, us)| format!("{node}={us}")).collect();
    [
        seed.to_string(),
        text(&row.architecture),
        text(&row.scenario),
        text(&row.arm),
        row.phase.to_string(),
        text(&row.operation),
        row.offered.to_string(),
        row.completed.to_string(),
        number(row.in_time),
        row.errors.to_string(),
        row.late.to_string(),
        row.seconds.to_string(),
        number(row.p50_ms),
        number(row.p90_ms),
        number(row.p99_ms),
        number(row.p999_ms),
        number(row.max_ms),
        number(row.cpu_us_per_request.get("total")),
        text(&nodes.join(" ")),
        number(row.recovery_ms),
        valid.to_string(),
    ]
}

fn number(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}

/// Text that is neither a control sequence nor a formula.
fn text(text: &str) -> String {
    let text = clean(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text }
}

fn table<const N: usize>(heading: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut all = format!("{}\n", heading.join(","));
    for row in rows {
        let fields: Vec<String> = row.iter().map(|field| quoted(field)).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(all, "{}", fields.join(","));
    }
    all
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        event::{Event, Stamped},
        sample,
    };

    fn exported(table: Table, events: &[Stamped]) -> Vec<Vec<String>> {
        let text = String::from_utf8(Csv { table }.export(&Recorded::of(events)).unwrap()).unwrap();
        text.lines().map(fields).collect()
    }

    /// What a reader of RFC 4180 makes of a line.
    fn fields(line: &str) -> Vec<String> {
        let (mut fields, mut quoted) = (vec![String::new()], false);
        let mut letters = line.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if quoted && letters.peek() == Some(&'"') => {
                    letters.next();
                    fields.last_mut().unwrap().push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        fields
    }

    fn column(rows: &[Vec<String>], name: &str) -> Vec<String> {
        let at = rows[0].iter().position(|heading| heading == name).unwrap();
        rows[1..].iter().map(|row| row[at].clone()).collect()
    }

    #[test]
    fn every_cell_and_every_row_is_a_line_of_the_documented_columns() {
        let events = sample::run();
        let recorded = Recorded::of(&events);
        let matrix = Matrix::of(&recorded).unwrap();
        let cells = exported(Table::Cells, &events);
        assert_eq!(cells.len(), 1 + matrix.cells.len());
        assert_eq!(column(&cells, "verdict")[0], "broken");
        assert_eq!(column(&cells, "frames")[0], "118 121");
        assert_eq!(column(&cells, "exposure_valid")[0], "true");
        let rows = exported(Table::Performance, &events);
        assert_eq!(rows.len(), 1 + matrix.performance.len());
        assert_eq!(column(&rows, "cpu_us_by_node")[0], "edge/tls-proxy=41");
        assert_eq!(column(&rows, "p999_ms")[0], "", "too few samples: unknown, not zero");
        assert!(column(&rows, "performance_valid").iter().all(|valid| valid == "false"));
        for row in cells.iter().chain(&rows) {
            assert!(row.len() == CELLS.len() || row.len() == PERFORMANCE.len(), "{row:?}");
        }
    }

    #[test]
    fn the_documentation_names_every_column_in_its_order() {
        let header: Vec<&str> =
            include_str!("csv.rs").lines().take_while(|line| line.starts_with("//!")).collect();
        let words: Vec<&str> = header.iter().flat_map(|line| line[3..].split_whitespace()).collect();
        for columns in [&CELLS[..], &PERFORMANCE[..]] {
            assert!(words.windows(columns.len()).any(|window| window == columns), "{columns:?}");
        }
    }

    #[test]
    fn a_hostile_answer_is_neither_a_formula_nor_a_second_row() {
        let mut events = sample::run();
        for stamped in &mut events {
            if let Event::Cell(cell) = &mut stamped.event {
                cell.reason = String::from("=cmd|'/c calc'!A1, \"then\"\nmore");
            }
        }
        let rows = exported(Table::Cells, &events);
        assert!(column(&rows, "reason").iter().all(|reason| reason == "'=cmd|'/c calc'!A1, \"then\"?more"));
    }

    #[test]
    fn no_canary_is_in_a_table() {
        for table in Table::ALL {
            let rows = exported(*table, &sample::every_variant());
            assert!(!rows.concat().concat().contains("cnry-"));
        }
    }
}
