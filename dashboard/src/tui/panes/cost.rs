//! What each architecture costs at baseline, one line each, for below the matrix.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use scenarios::event::ValidityFlag;

use crate::{
    model::{cost, numbers::millis},
    tui::paint::{Scene, list, word},
};

/// Rows it wants, frame included.
pub fn height(scene: &Scene<'_>) -> u16 {
    scene.snapshot.run.as_ref().map_or(0, |run| run.architectures.len() as u16) + 3
}

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let valid = scene.snapshot.valid(ValidityFlag::Performance);
    let title = if valid { "Cost at baseline" } else { "Cost at baseline: INVALID, not to be ranked" };
    let inner = scene.block(title, area, buffer);
    let Some(run) = &scene.snapshot.run else { return };
    let figures = |name: &str, said: [String; 5]| {
        let said = said.map(|figure| format!("{figure:>9}")).concat();
        format!(" {:22}{said}", scene.glyphs.fit(name, 22))
    };
    let heading = figures("", ["rps", "p50 ms", "p99 ms", "cpu us/r", "errors"].map(String::from));
    let mut lines = vec![Line::from(word(heading, scene.theme.dim))];
    for name in &run.architectures {
        let Some(row) = cost::baseline(scene.snapshot, name) else {
            lines.push(Line::from(word(figures(name, [const { String::new() }; 5]), scene.theme.faint)));
            continue;
        };
        let said = [
            format!("{:.0}", cost::rps(row)),
            millis(row.p50_ms),
            millis(row.p99_ms),
            cost::cpu(row),
            row.errors.to_string(),
        ];
        lines.push(Line::from(word(figures(name, said), scene.theme.text)));
    }
    list(&lines, 0, inner, buffer);
}
