//! Completed honest requests by second, with the seconds under attack marked below by shape, not only colour.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};
use scenarios::snapshot::Second;

use crate::tui::paint::{Scene, row, word};

/// Columns of the scale.
const SCALE: u16 = 7;

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let name = scene.view.architecture(scene.snapshot).unwrap_or("no architecture yet");
    let inner = scene.block(&format!("Honest requests per second, {name}"), area, buffer);
    let seconds = seconds(scene);
    if seconds.is_empty() || inner.height < 3 || inner.width <= SCALE + 2 {
        row(&Line::from(word(" no request completed yet", scene.theme.faint)), 0, inner, buffer);
        return;
    }
    let room = usize::from(inner.width - SCALE - 1);
    let shown = &seconds[seconds.len().saturating_sub(room)..];
    // Bars get as wide as there is room for.
    let wide = (room / shown.len()).clamp(1, 4);
    let top = shown.iter().map(|second| rate(second)).fold(1.0, f64::max);
    let rows = usize::from(inner.height) - 2;
    for at in 0..rows {
        row(&bars(scene, shown, (rows - 1 - at, rows, top), wide), at, inner, buffer);
    }
    row(&marks(scene, shown, wide), rows, inner, buffer);
    row(&legend(scene, shown), rows + 1, inner, buffer);
}

/// The shown architecture's seconds, oldest first.
pub(super) fn seconds<'a>(scene: &Scene<'a>) -> Vec<&'a Second> {
    let name = scene.view.architecture(scene.snapshot).unwrap_or_default();
    scene.snapshot.throughput.iter().filter(|second| second.architecture == name).collect()
}

/// Completed requests per second.
pub(super) fn rate(second: &Second) -> f64 {
    if second.length_ms == 0 { 0.0 } else { second.completed as f64 * 1000.0 / second.length_ms as f64 }
}

/// `value` as a height of at most `steps`; anything above nothing is at least one step high.
pub(super) fn level(value: f64, top: f64, steps: usize) -> usize {
    let level = (value / top * steps as f64).round() as usize;
    if value > 0.0 { level.clamp(1, steps) } else { 0 }
}

/// The style of failed and late requests.
pub(super) const fn trouble(scene: &Scene<'_>, second: &Second) -> Style {
    if second.errors + second.late > 0 { scene.theme.unsure } else { scene.theme.dim }
}

/// One row of bars; `place` is (row from below, rows, highest value).
fn bars(scene: &Scene<'_>, shown: &[&Second], place: (usize, usize, f64), wide: usize) -> Line<'static> {
    let (from_below, rows, top) = place;
    let scale = match from_below {
        0 => format!("{:>6} ", 0),
        at if at + 1 == rows => format!("{top:>6.0} "),
        at if rows >= 6 && at == rows / 2 => format!("{:>6.0} ", top * (at as f64 + 0.5) / rows as f64),
        _ => format!("{:>6} ", ""),
    };
    let mut words = vec![word(scale, scene.theme.faint)];
    for second in shown {
        let filled = level(rate(second), top, rows * 8).saturating_sub(from_below * 8).min(8);
        let bar = if filled == 0 { " " } else { scene.glyphs.bars[filled - 1] };
        let style = if second.attack { scene.theme.bad } else { scene.theme.bar };
        words.push(word(bar.repeat(wide), style));
    }
    Line::from(words)
}

/// The row below the bars: seconds under attack, and those with failed or late requests.
fn marks(scene: &Scene<'_>, shown: &[&Second], wide: usize) -> Line<'static> {
    let mut words = vec![word(format!("{:>6} ", "attack"), scene.theme.faint)];
    for second in shown {
        let mark = match (second.attack, second.errors + second.late > 0) {
            (true, false) => "^",
            (true, true) => "!",
            (false, true) => "e",
            (false, false) => scene.glyphs.dot,
        };
        let style = if second.attack { scene.theme.bad } else { scene.theme.faint };
        words.push(word(mark.repeat(wide), style));
    }
    Line::from(words)
}

fn legend(scene: &Scene<'_>, shown: &[&Second]) -> Line<'static> {
    let theme = scene.theme;
    let Some(last) = shown.last() else { return Line::default() };
    Line::from(vec![
        word(format!("{:5.0} rps", rate(last)), theme.title),
        word(format!("  errors {}  late {}", last.errors, last.late), trouble(scene, last)),
        word("   ^ attack  ! attack with errors  e errors or late", theme.faint),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_work_is_still_visible_and_none_is_not() {
        assert_eq!(level(0.0, 500.0, 8), 0);
        assert_eq!(level(1.0, 500.0, 8), 1);
        assert_eq!(level(500.0, 500.0, 8), 8);
        let rounded = |second: &Second| rate(second).round() as u64;
        assert_eq!(rounded(&Second { completed: 50, length_ms: 500, ..Second::default() }), 100);
        assert_eq!(rounded(&Second::default()), 0, "no time passed, nothing divided by it");
    }
}
