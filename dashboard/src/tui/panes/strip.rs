//! Honest throughput of the shown architecture in one row.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::chart;
use crate::tui::paint::{Scene, row, word};

/// Rows it takes.
pub const HEIGHT: u16 = 3;

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let inner = scene.block("Honest work", area, buffer);
    let seconds = chart::seconds(scene);
    let Some(last) = seconds.last() else {
        row(&Line::from(word(" no request completed yet", scene.theme.faint)), 0, inner, buffer);
        return;
    };
    let theme = scene.theme;
    let mut said = vec![
        word(format!("{:5.0} rps ", chart::rate(last)), theme.title),
        word(format!(" errors {}  late {} ", last.errors, last.late), chart::trouble(scene, last)),
    ];
    if last.attack {
        said.push(word(" under attack ", theme.attack));
    }
    let said = Line::from(said);
    let room = usize::from(inner.width).saturating_sub(said.width() + 2);
    let top = seconds.iter().map(|second| chart::rate(second)).fold(1.0, f64::max);
    let from = seconds.len().saturating_sub(room);
    let mut words = vec![word(" ", theme.text)];
    for second in &seconds[from..] {
        let bar = scene.glyphs.bars[chart::level(chart::rate(second), top, 8).saturating_sub(1)];
        words.push(word(bar, if second.attack { theme.bad } else { theme.bar }));
    }
    words.push(word(" ", theme.text));
    words.extend(said.spans);
    row(&Line::from(words), 0, inner, buffer);
}
