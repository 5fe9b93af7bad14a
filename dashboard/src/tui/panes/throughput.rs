//! The throughput screen: the chart, and every performance row of the shown architecture below it.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    text::Line,
};
use scenarios::event::ValidityFlag;

use super::{
    chart,
    figures::{self, Columns},
};
use crate::tui::paint::{Scene, list, row, word};

/// Draws it; returns how far the table can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let chart_height = (area.height * 2 / 5).clamp(6, 22);
    let [top, bottom] = Layout::vertical([Constraint::Length(chart_height), Constraint::Min(0)]).areas(area);
    chart::draw(scene, top, buffer);
    table(scene, bottom, buffer)
}

fn table(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let valid = scene.snapshot.valid(ValidityFlag::Performance);
    let title =
        if valid { "Latency from intended start, ms" } else { "Latency, ms: INVALID, not to be ranked" };
    let inner = scene.block(title, area, buffer);
    let name = scene.view.architecture(scene.snapshot).unwrap_or_default();
    let columns = Columns::of(inner.width, true);
    row(&figures::heading(scene, &columns), 0, inner, buffer);
    let rows =
        scene.snapshot.performance.iter().filter(|row| row.architecture == name && row.operation == "all");
    let lines: Vec<_> = rows.map(|row| figures::line(scene, row, &columns)).collect();
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    if lines.is_empty() {
        return list(&[Line::from(word(" no phase is over yet", scene.theme.faint))], 0, body, buffer);
    }
    list(&lines, scene.view.scroll, body, buffer)
}
