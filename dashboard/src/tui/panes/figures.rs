//! A performance row as a table line; columns appear as there is room.

use std::fmt::Write;

use ratatui::text::Line;
use scenarios::event::Performance;

use crate::{
    model::{
        cost,
        numbers::{count, millis},
    },
    tui::paint::{Scene, word},
};

/// Which columns are shown.
pub struct Columns {
    /// Width of the scenario's name; 0 = left out.
    scenario: usize,
    /// Offered arrivals.
    offered: bool,
    /// Slowest request and the 99.9th percentile.
    tail: bool,
    /// CPU and recovery.
    cost: bool,
}

impl Columns {
    /// What fits into `width`.
    pub fn of(width: u16, scenario: bool) -> Self {
        let scenario = match (scenario, width) {
            (false, _) => 0,
            (true, ..90) => 17,
            (true, _) => 30,
        };
        let fixed = 60 + scenario as u16;
        Self { scenario, offered: width >= fixed + 27, tail: width >= fixed + 43, cost: width >= fixed + 18 }
    }
}

/// The heading.
pub fn heading(scene: &Scene<'_>, columns: &Columns) -> Line<'static> {
    let mut text = String::from(" ");
    if columns.scenario > 0 {
        let _ = write!(text, "{:width$} ", "scenario", width = columns.scenario);
    }
    let _ = write!(text, "{:8} {:6} ", "phase", "arm");
    if columns.offered {
        let _ = write!(text, "{:>8} ", "offered");
    }
    let _ =
        write!(text, "{:>6} {:>6} {:>6} {:>6} {:>6} {:>5}", "done", "p50", "p90", "p99", "errors", "late");
    if columns.tail {
        let _ = write!(text, " {:>7} {:>7}", "p99.9", "max");
    }
    if columns.cost {
        let _ = write!(text, " {:>8} {:>8}", "cpu us/r", "recovery");
    }
    Line::from(word(text, scene.theme.dim))
}

/// A row.
pub fn line(scene: &Scene<'_>, row: &Performance, columns: &Columns) -> Line<'static> {
    let theme = scene.theme;
    let mut text = String::from(" ");
    if columns.scenario > 0 {
        let width = columns.scenario;
        let _ = write!(text, "{:width$} ", scene.glyphs.fit(&row.scenario, width));
    }
    let _ = write!(text, "{:8} {:6} ", row.phase, row.arm);
    if columns.offered {
        let _ = write!(text, "{:>8} ", count(row.offered));
    }
    let _ = write!(text, "{:>6} ", count(row.completed));
    let latency = [row.p50_ms, row.p90_ms, row.p99_ms].map(|ms| format!("{:>6}", millis(ms))).join(" ");
    let trouble = format!(" {:>6} {:>5}", count(row.errors), count(row.late));
    let mut words = vec![
        word(text, theme.text),
        word(latency, theme.title),
        word(trouble, if row.errors + row.late > 0 { theme.unsure } else { theme.dim }),
    ];
    if columns.tail {
        words.push(word(format!(" {:>7} {:>7}", millis(row.p999_ms), millis(row.max_ms)), theme.dim));
    }
    if columns.cost {
        let cpu = cost::cpu(row);
        let recovery = row.recovery_ms.map_or(String::new(), |ms| format!("{:.1} s", ms as f64 / 1e3));
        words.push(word(format!(" {cpu:>8} {recovery:>8}"), theme.text));
    }
    Line::from(words)
}
