//! Everything known about one cell of the matrix: verdict by asset, why, where to look, at what cost.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use scenarios::event::{Cell, Evidence, Positive, RunStarted, Verdict};
use testbed::vocabulary::Asset;

use super::{
    figures::{self, Columns},
    matrix::{state_style, verdict_style},
};
use crate::{
    model::{goodput, mask::mask, matrix},
    tui::paint::{Scene, list, word, wrap},
};

/// Draws it; returns how far it can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let inner = scene.block("Evidence of the cell", area, buffer);
    let Some((run, architecture)) = cursor(scene) else { return 0 };
    let Some(scenario) = run.scenarios.get(scene.view.cursor.row) else { return 0 };
    let theme = scene.theme;
    let state = matrix::state(scene.snapshot, architecture, &scenario.id);
    let mut lines = vec![Line::from(vec![
        word(format!(" {} on {architecture}: ", scenario.id), theme.title),
        word(state.said(), state_style(scene, &state)),
    ])];
    let width = usize::from(inner.width);
    let ids = scenario.attack_ids.join(" ");
    let about = format!("{} ({}, {ids}, rows {})", scenario.title, scenario.vantage, scenario.rows.join(" "));
    if inner.height >= 6 {
        lines.extend(indented(&about, 1, width, theme.dim));
    }
    let mut cells: Vec<_> = matrix::cells(scene.snapshot, architecture, &scenario.id).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(matrix::weight(cell.verdict)));
    for cell in cells {
        lines.push(verdict(scene, cell, width));
        lines.extend(indented(&cell.reason, 3, width, theme.text));
        lines.extend(footnotes(scene, cell, width));
        lines.extend(cell.evidence.iter().flat_map(|it| evidence(scene, it, width)));
    }
    lines.extend(price(scene, architecture, &scenario.id, inner.width));
    list(&lines, scene.view.scroll, inner, buffer)
}

/// The run and the architecture under the cursor.
fn cursor<'a>(scene: &Scene<'a>) -> Option<(&'a RunStarted, &'a str)> {
    let run = scene.snapshot.run.as_ref()?;
    run.architectures.get(scene.view.cursor.column).map(|architecture| (run, architecture.as_str()))
}

fn indented(text: &str, by: usize, width: usize, style: ratatui::style::Style) -> Vec<Line<'static>> {
    wrap(text, width.saturating_sub(by))
        .into_iter()
        .map(|line| Line::from(word(format!("{:by$}{line}", ""), style)))
        .collect()
}

fn verdict(scene: &Scene<'_>, cell: &Cell, width: usize) -> Line<'static> {
    let theme = scene.theme;
    let said = if cell.verdict == Verdict::Broken { "BROKEN" } else { cell.verdict.word() };
    let counts = match cell.asset {
        Asset::Reach => format!("{} tried, {} served", cell.sent, cell.exposed),
        _ => format!("{} sent, {} exposed", cell.sent, cell.exposed),
    };
    let positive = match cell.control.positive {
        Positive::Passed => "passed",
        Positive::Failed => "FAILED",
        Positive::Missing => "missing",
    };
    let crossed = match cell.control.crossed {
        None => "",
        Some(true) => ", crossed",
        Some(false) => ", crossing unproved",
    };
    Line::from(vec![
        word(format!(" {:16} ", cell.asset), theme.title),
        word(format!("{said:13} "), verdict_style(scene, cell.verdict)),
        word(format!("{counts}  {}  ", cell.method), theme.text),
        word(format!("{}{positive}{crossed}", if width >= 90 { "control " } else { "" }), theme.dim),
    ])
}

/// Weakness, deviation and the attacker's own score, where there are any.
fn footnotes(scene: &Scene<'_>, cell: &Cell, width: usize) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines = Vec::new();
    if let Some(expected) = cell.expected.filter(|expected| *expected != cell.verdict) {
        lines.extend(indented(&format!("deviates: expected {}", expected.word()), 3, width, theme.unsure));
    }
    if let Some(weakness) = &cell.weakness {
        lines.extend(indented(&format!("weakness applied: {weakness}"), 3, width, theme.unsure));
    }
    if let Some(hunt) = cell.hunt {
        let said = format!(
            "the attacker's own parsing found {:.0} % of what was exposed; {:.0} % of its finds are real",
            100.0 * hunt.recall,
            100.0 * hunt.precision
        );
        lines.extend(indented(&said, 3, width, theme.dim));
    }
    lines
}

fn evidence(scene: &Scene<'_>, it: &Evidence, width: usize) -> Vec<Line<'static>> {
    let mut parts = Vec::new();
    if let Some(attempt) = &it.attempt {
        parts.push(format!("tried {attempt}: {}", it.answer.as_deref().unwrap_or("no answer")));
    }
    if !it.capture.is_empty() {
        let frames: Vec<_> = it.frames.iter().map(u64::to_string).collect();
        let said = if frames.len() == 1 { "frame" } else { "frames" };
        parts.push(format!("{} {said} {}", it.capture, frames.join(", ")));
    }
    for part in [&it.segment, &it.link, &it.encoding] {
        if !part.is_empty() {
            parts.push(part.clone());
        }
    }
    if let Some(canary) = &it.canary {
        parts.push(mask(canary, scene.view.reveal));
    }
    if parts.is_empty() {
        // What was found inside a process crossed no link and stands in no frame.
        parts.push("not on a wire".into());
    }
    let mark = scene.glyphs.running;
    indented(&format!("{mark} {}", parts.join(&format!(" {} ", scene.glyphs.dot))), 3, width, scene.theme.dim)
}

/// What it cost: a flood's goodput, and the pair's performance rows.
fn price(scene: &Scene<'_>, architecture: &str, scenario: &str, width: u16) -> Vec<Line<'static>> {
    let theme = scene.theme;
    let mut lines = Vec::new();
    if let Some(goodput) = goodput::of(scene.snapshot, architecture, scenario) {
        let decoy = goodput.decoy.map_or("unknown".into(), |decoy| format!("{decoy:.0} %"));
        let recovery =
            goodput.recovery_ms.map_or("not seen".into(), |ms| format!("{:.1} s", ms as f64 / 1e3));
        let said = format!(
            "goodput under flood: victim {:.0} % of its baseline, decoy {decoy}; only the difference is the \
             architecture's. Back at 95 %: {recovery}.",
            goodput.victim
        );
        lines.extend(indented(&said, 1, usize::from(width), theme.text));
    }
    let rows: Vec<_> = scene
        .snapshot
        .performance
        .iter()
        .filter(|row| row.architecture == architecture && row.scenario == scenario && row.operation == "all")
        .collect();
    if !rows.is_empty() {
        let columns = Columns::of(width, false);
        lines.push(Line::default());
        lines.push(figures::heading(scene, &columns));
        lines.extend(rows.into_iter().map(|row| figures::line(scene, row, &columns)));
    }
    lines
}
