//! The matrix screen: scenarios down, architectures across, the evidence of the cell under the cursor.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::Line,
};
use scenarios::event::{RunStarted, Verdict};

use super::{cost, detail};
use crate::{
    model::matrix::{self, State, Tally, tally_words},
    tui::paint::{Scene, list, row, word},
};

/// Columns of one architecture: `BROKEN 99999~!` and a space.
const CELL: usize = 16;
/// Rows of the heading: names break at their hyphens.
const HEADING: usize = 2;
/// Rows the evidence keeps before the cost is shown, too.
const DETAIL: u16 = 14;
/// Wide enough for evidence beside the matrix.
const WIDE: u16 = 150;

/// Draws it; returns how far the evidence can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    if scene.view.cursor.open {
        return detail::draw(scene, area, buffer);
    }
    let rows = wanted_height(scene);
    let price = cost::height(scene);
    if area.width >= WIDE {
        let wide = wanted_width(scene).min(area.width * 3 / 5);
        let [left, right] = Layout::horizontal([Constraint::Length(wide), Constraint::Fill(1)]).areas(area);
        let price = if left.height >= rows + price { price } else { 0 };
        let [top, bottom] = Layout::vertical([Constraint::Fill(1), Constraint::Length(price)]).areas(left);
        grid(scene, top, buffer);
        cost::draw(scene, bottom, buffer);
        return detail::draw(scene, right, buffer);
    }
    let price = if area.height >= rows + price + DETAIL { price } else { 0 };
    let [top, middle, bottom] = Layout::vertical([
        Constraint::Length(rows.min(area.height.saturating_sub(5))),
        Constraint::Fill(1),
        Constraint::Length(price),
    ])
    .areas(area);
    grid(scene, top, buffer);
    cost::draw(scene, bottom, buffer);
    detail::draw(scene, middle, buffer)
}

/// Columns a grid of every architecture takes, frame included.
pub(super) fn wanted_width(scene: &Scene<'_>) -> u16 {
    let run = scene.snapshot.run.as_ref();
    run.map_or(40, |run| names_width(run) + run.architectures.len() * CELL) as u16 + 2
}

/// Rows a grid of every scenario takes, frame included.
pub(super) fn wanted_height(scene: &Scene<'_>) -> u16 {
    scene.snapshot.run.as_ref().map_or(1, |run| run.scenarios.len() + HEADING) as u16 + 2
}

/// Draws the grid alone; it scrolls with the cursor.
pub fn grid(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let inner = scene.block(&title(scene), area, buffer);
    let Some(run) = &scene.snapshot.run else {
        return list(&[Line::from(word(" nothing has run yet", scene.theme.faint))], 0, inner, buffer);
    };
    let names = names_width(run).min(usize::from(inner.width).saturating_sub(CELL)).max(1);
    let fitting = (usize::from(inner.width).saturating_sub(names) / CELL).max(1);
    let first = scene.view.cursor.column.saturating_sub(fitting - 1);
    let shown = &run.architectures[first.min(run.architectures.len())..];
    let shown = &shown[..fitting.min(shown.len())];
    for at in 0..HEADING {
        row(&heading(scene, shown, names, at), at, inner, buffer);
    }
    let body = Rect {
        y: inner.y + (HEADING as u16).min(inner.height),
        height: inner.height.saturating_sub(HEADING as u16),
        ..inner
    };
    let scroll = (scene.view.cursor.row + 1).saturating_sub(usize::from(body.height));
    let lines: Vec<_> =
        (0..run.scenarios.len()).map(|at| line(scene, run, (at, first), (shown, names))).collect();
    list(&lines, scroll, body, buffer);
    0
}

fn names_width(run: &RunStarted) -> usize {
    run.scenarios.iter().map(|scenario| scenario.id.chars().count() + 1).max().unwrap_or(1)
}

fn title(scene: &Scene<'_>) -> String {
    let tally = Tally::of(scene.snapshot);
    if scene.snapshot.cells.is_empty() {
        return "Matrix".into();
    }
    let modelled = tally_words(tally.modelled);
    format!("Matrix  measured: {}  modelled~: {modelled}", tally_words(tally.measured))
}

/// Row `at` of the heading: a name that does not fit breaks at its last fitting hyphen.
fn heading(scene: &Scene<'_>, shown: &[String], names: usize, at: usize) -> Line<'static> {
    let mut words = vec![word(format!("{:names$}", ""), scene.theme.dim)];
    for name in shown {
        let (first, second) = broken(name, CELL - 2);
        let part = if at + 1 == HEADING && second.is_empty() {
            first
        } else if at + 1 == HEADING {
            second
        } else if second.is_empty() {
            ""
        } else {
            first
        };
        words.push(word(format!(" {:1$}", scene.glyphs.fit(part, CELL - 2), CELL - 1), scene.theme.title));
    }
    Line::from(words)
}

fn broken(name: &str, width: usize) -> (&str, &str) {
    if name.chars().count() <= width {
        return (name, "");
    }
    let fitting = name.match_indices('-').map(|(at, _)| at + 1).take_while(|at| *at <= width).last();
    fitting.map_or((name, ""), |at| name.split_at(at))
}

/// One scenario; `place` is (its row, the first shown column), `shape` the shown columns and the name's width.
fn line(
    scene: &Scene<'_>,
    run: &RunStarted,
    place: (usize, usize),
    shape: (&[String], usize),
) -> Line<'static> {
    let ((at, first), (shown, names)) = (place, shape);
    let scenario = &run.scenarios[at];
    let under = at == scene.view.cursor.row;
    let name = format!("{:names$}", scene.glyphs.fit(&scenario.id, names));
    let mut words = vec![word(name, if under { scene.theme.title } else { scene.theme.text })];
    for (offset, architecture) in shown.iter().enumerate() {
        let state = matrix::state(scene.snapshot, architecture, &scenario.id);
        let said = scene.glyphs.fit(&state.short(), CELL - 2);
        let cursor = under && first + offset == scene.view.cursor.column;
        let mut style = state_style(scene, &state);
        if cursor {
            style = style.patch(scene.theme.selected);
        }
        let (open, close) = if cursor { ("[", "]") } else { (" ", " ") };
        words.push(word(format!("{open}{said}{close}"), style));
        words.push(word(" ".repeat(CELL - 2 - said.chars().count()), scene.theme.text));
    }
    Line::from(words)
}

/// The style of a state.
pub(super) const fn state_style(scene: &Scene<'_>, state: &State) -> Style {
    match state {
        State::Judged(judged) => verdict_style(scene, judged.verdict),
        State::Running(_) => scene.theme.accent,
        State::Flooded(_) | State::Measured => scene.theme.text,
        State::Pending => scene.theme.faint,
    }
}

/// The style of a verdict.
pub(super) const fn verdict_style(scene: &Scene<'_>, verdict: Verdict) -> Style {
    match verdict {
        Verdict::Broken => scene.theme.bad,
        Verdict::Held => scene.theme.good,
        Verdict::Inconclusive => scene.theme.unsure,
        Verdict::NotExercised => scene.theme.faint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_break_at_a_hyphen() {
        assert_eq!(broken("separate-environments", 14), ("separate-", "environments"));
        assert_eq!(broken("proxy-in-front", 14), ("proxy-in-front", ""));
        assert_eq!(broken("averyverylongname", 8), ("averyverylongname", ""));
    }
}
