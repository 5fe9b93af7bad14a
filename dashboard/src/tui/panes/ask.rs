//! The question before a running comparison is left.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Clear, Widget},
};

use super::help::centred;
use crate::tui::paint::{Scene, row, word};

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let area = centred(area, 46, 5);
    Clear.render(area, buffer);
    let inner = scene.block("The comparison is still running", area, buffer);
    row(&Line::from(" Stop it? What is finished is written."), 0, inner, buffer);
    let keys = vec![
        word(" y ", scene.theme.accent),
        word("stop and quit   ", scene.theme.text),
        word("n ", scene.theme.accent),
        word("go on", scene.theme.text),
    ];
    row(&Line::from(keys), 2, inner, buffer);
}
