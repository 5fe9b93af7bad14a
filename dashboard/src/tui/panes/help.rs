//! The help over the screen, from the key table.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Line,
    widgets::{Clear, Widget},
};

use crate::tui::{
    keys,
    paint::{Scene, list, word},
};

/// Draws it; returns how far it can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let lines = lines(scene);
    let width = lines.iter().map(Line::width).max().unwrap_or(0) as u16 + 4;
    let area = centred(area, width, lines.len() as u16 + 2);
    Clear.render(area, buffer);
    let inner = scene.block("Help: ? or Esc closes, j k scroll", area, buffer);
    list(&lines, scene.view.scroll, inner, buffer)
}

/// A rectangle of at most this size in the middle of `area`.
pub(super) fn centred(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

fn lines(scene: &Scene<'_>) -> Vec<Line<'static>> {
    let keys = keys::help();
    let width = keys.iter().map(|(keys, _)| keys.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<_> = keys
        .into_iter()
        .map(|(keys, what)| {
            Line::from(vec![
                word(format!(" {keys:width$}  "), scene.theme.accent),
                word(what, scene.theme.text),
            ])
        })
        .collect();
    lines.push(Line::default());
    let legend = [
        ("BROKEN 48", "exposed or served, how often"),
        ("held", "asked, and stayed protected"),
        ("inconcl", "proof is missing on one side"),
        ("n/e", "not exercised: the question was not put"),
        ("71/96%", "goodput under flood: victim / decoy"),
        ("~  !", "modelled, not measured; not as expected"),
    ];
    for (sign, meaning) in legend {
        let sign = word(format!(" {sign:width$}  "), scene.theme.title);
        lines.push(Line::from(vec![sign, word(meaning, scene.theme.text)]));
    }
    lines
}
