//! The topology screen: map where there is room, links, evidence, throughput of the shown architecture.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
};

use super::{chart, evidence, links, map, matrix, strip};
use crate::tui::paint::Scene;

/// Wide enough for two columns.
const WIDE: u16 = 150;
/// Rows the evidence never goes below.
const EVIDENCE: u16 = 5;
/// Rows the chart never goes below on a stage.
const CHART: u16 = 8;

/// Draws it; returns how far the evidence can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    if area.width >= WIDE && area.height >= 30 {
        stage(scene, area, buffer)
    } else {
        stack(scene, area, buffer)
    }
}

/// Everything below each other.
fn stack(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let wanted = links::height(scene);
    let room = area.height.saturating_sub(strip::HEIGHT + EVIDENCE);
    let drawn = map::size(scene).filter(|size| size.1 + wanted <= room && size.0 <= area.width);
    let map_height = drawn.map_or(0, |size| size.1);
    let [top, middle, low, bottom] = Layout::vertical([
        Constraint::Length(map_height),
        Constraint::Length(wanted.min(room)),
        Constraint::Min(0),
        Constraint::Length(strip::HEIGHT),
    ])
    .areas(area);
    if drawn.is_some() {
        map::draw(scene, top, buffer);
    }
    strip::draw(scene, bottom, buffer);
    lists(scene, middle, low, buffer)
}

/// Links and evidence; scrolling moves the links first, where they do not fit, then the evidence.
fn lists(scene: &Scene<'_>, links: Rect, evidence: Rect, buffer: &mut Buffer) -> usize {
    let scroll = scene.view.scroll;
    let end = links::draw(scene, links, scroll, buffer);
    end + evidence::draw(scene, evidence, scroll.saturating_sub(end), buffer)
}

/// Map, links and chart on the left, evidence and matrix on the right: for a projector.
fn stage(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let grid = matrix::wanted_width(scene).min(area.width * 2 / 5);
    let [left, right] = Layout::horizontal([Constraint::Fill(1), Constraint::Length(grid)]).areas(area);
    let wanted = links::height(scene);
    let room = left.height.saturating_sub(CHART);
    let drawn = map::size(scene).filter(|size| size.1 + wanted <= room && size.0 <= left.width);
    let map_height = drawn.map_or(0, |size| size.1);
    let [top, middle, low] = Layout::vertical([
        Constraint::Length(map_height),
        Constraint::Length(wanted.min(room)),
        Constraint::Fill(1),
    ])
    .areas(left);
    if drawn.is_some() {
        map::draw(scene, top, buffer);
    }
    chart::draw(scene, low, buffer);
    let below = matrix::wanted_height(scene, right.width).min(right.height / 2);
    let [above, below] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(right);
    matrix::grid(scene, below, buffer);
    lists(scene, middle, above, buffer)
}
