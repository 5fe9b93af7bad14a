//! The matrix screen: scenarios down, architectures across, the evidence of the cell under the cursor.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::Line,
};
use scenarios::{
    event::{RunStarted, Verdict},
    export::heads,
};

use super::{cost, detail};
use crate::{
    model::matrix::{self, State, Tally, tally_words},
    tui::paint::{Scene, list, row, word},
};

/// Columns of one architecture at most: `BROKEN 99999~!` between two brackets.
const CELL: usize = 16;
/// And at least: `BROKEN` and a bracket, the next cell's bracket closes it.
const NARROW: usize = 7;
/// Letters a scenario's name keeps when room is short.
const NAME: usize = 21;
/// Rows the evidence keeps before the cost is shown, too.
const DETAIL: u16 = 14;
/// Wide enough for evidence beside the matrix.
const WIDE: u16 = 150;

/// Draws it; returns how far the evidence can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    if scene.view.cursor.open {
        return detail::draw(scene, area, buffer);
    }
    let rows = wanted_height(scene, area.width);
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

/// Rows a grid of every scenario takes in an area of `width`, frame included.
pub(super) fn wanted_height(scene: &Scene<'_>, width: u16) -> u16 {
    let rows = scene.snapshot.run.as_ref().map_or(1, |run| {
        let shape = Shape::of(run, usize::from(width.saturating_sub(2)), 0);
        run.scenarios.len() + shape.heading(run)
    });
    rows as u16 + 2
}

/// Which columns are shown, and how wide.
struct Shape {
    /// Letters of a scenario's name.
    names: usize,
    /// Letters of a cell, its opening bracket included.
    cell: usize,
    /// The first shown architecture.
    first: usize,
    /// How many are shown.
    shown: usize,
}

impl Shape {
    /// What fits into `width` with the cursor in sight: wide cells if all architectures fit so, else narrower
    /// ones and shorter names, else as many as there is room for.
    fn of(run: &RunStarted, width: usize, cursor: usize) -> Self {
        let count = run.architectures.len().max(1);
        let longest = names_width(run);
        // The last cell's bracket closes in a column of its own.
        let width = width.saturating_sub(1);
        let least = longest.min(NAME).min(width.saturating_sub(NARROW)).max(1);
        let room = width.saturating_sub(least);
        let cell = (room / count).clamp(NARROW, CELL);
        let shown = (room / cell).clamp(1, count);
        let names = longest.min(width.saturating_sub(shown * cell)).max(1);
        let first = cursor.saturating_sub(shown - 1).min(count - shown);
        Self { names, cell, first, shown }
    }

    fn architectures<'a>(&self, run: &'a RunStarted) -> &'a [String] {
        let end = (self.first + self.shown).min(run.architectures.len());
        &run.architectures[self.first.min(end)..end]
    }

    /// Rows of the heading: names break at their hyphens.
    fn heading(&self, run: &RunStarted) -> usize {
        let names = self.architectures(run).iter().map(|name| heads(name, self.letters()).len());
        names.max().unwrap_or(1)
    }

    /// Letters between two brackets.
    const fn letters(&self) -> usize {
        if self.cell == CELL { CELL - 2 } else { self.cell - 1 }
    }
}

/// Draws the grid alone; it scrolls with the cursor.
pub fn grid(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let inner = scene.block(&title(scene, area.width), area, buffer);
    let Some(run) = &scene.snapshot.run else {
        return list(&[Line::from(word(" nothing has run yet", scene.theme.faint))], 0, inner, buffer);
    };
    let shape = Shape::of(run, usize::from(inner.width), scene.view.cursor.column);
    let heading_rows = shape.heading(run).min(usize::from(inner.height).saturating_sub(1));
    for at in 0..heading_rows {
        row(&heading(scene, run, &shape, (at, heading_rows)), at, inner, buffer);
    }
    let body = Rect {
        y: inner.y + heading_rows as u16,
        height: inner.height.saturating_sub(heading_rows as u16),
        ..inner
    };
    let scroll = (scene.view.cursor.row + 1).saturating_sub(usize::from(body.height));
    let lines: Vec<_> = (0..run.scenarios.len()).map(|at| line(scene, run, at, &shape)).collect();
    let end = list(&lines, scroll, body, buffer);
    scene.more(end.saturating_sub(scroll), area, buffer);
    0
}

fn names_width(run: &RunStarted) -> usize {
    run.scenarios.iter().map(|scenario| scenario.id.chars().count() + 1).max().unwrap_or(1)
}

/// Verdicts counted, measured and modelled apart; in fewer words where these do not fit.
fn title(scene: &Scene<'_>, width: u16) -> String {
    let tally = Tally::of(scene.snapshot);
    if scene.snapshot.cells.is_empty() {
        return "Matrix".into();
    }
    let modelled = tally_words(tally.modelled);
    let title = format!("Matrix  measured: {}  modelled~: {modelled}", tally_words(tally.measured));
    if title.chars().count() + 4 <= usize::from(width) {
        return title;
    }
    let brief = |words: String| {
        let words = words.replace("not exercised", Verdict::NotExercised.brief());
        words.replace("inconclusive", Verdict::Inconclusive.brief()).replace(',', "")
    };
    format!("{}; modelled~: {}", brief(tally_words(tally.measured)), brief(modelled))
}

/// Row `place.0` of a heading of `place.1` rows: names stand on the line below. Where not all columns are shown,
/// the corner says which.
fn heading(scene: &Scene<'_>, run: &RunStarted, shape: &Shape, place: (usize, usize)) -> Line<'static> {
    let (at, rows) = place;
    let corner = if at == 0 && shape.shown < run.architectures.len() {
        format!("{}-{} of {}, h l", shape.first + 1, shape.first + shape.shown, run.architectures.len())
    } else {
        String::new()
    };
    let names = shape.names;
    let mut words = vec![word(format!("{:names$}", scene.glyphs.fit(&corner, names)), scene.theme.dim)];
    for name in shape.architectures(run) {
        let parts = heads(name, shape.letters());
        let missing = rows.saturating_sub(parts.len());
        let part = at.checked_sub(missing).and_then(|at| parts.get(at)).map_or("", String::as_str);
        words.push(word(format!(" {part:0$}", shape.cell - 1), scene.theme.title));
    }
    Line::from(words)
}

/// One scenario.
fn line(scene: &Scene<'_>, run: &RunStarted, at: usize, shape: &Shape) -> Line<'static> {
    let scenario = &run.scenarios[at];
    let (names, under) = (shape.names, at == scene.view.cursor.row);
    let name = format!("{:names$}", scene.glyphs.fit(&scenario.id, names));
    let mut words = vec![word(name, if under { scene.theme.title } else { scene.theme.text })];
    // A bracket closes where the next cell begins.
    let mut open = " ";
    let mut gap = scene.theme.text;
    for (offset, architecture) in shape.architectures(run).iter().enumerate() {
        let state = matrix::state(scene.snapshot, architecture, &scenario.id);
        let said = scene.glyphs.fit(&state.within(shape.letters()), shape.letters());
        let cursor = under && shape.first + offset == scene.view.cursor.column;
        let style = state_style(scene, &state);
        let style = if cursor { style.patch(scene.theme.selected) } else { style };
        let rest = shape.cell - 1 - said.chars().count();
        words.push(word(if cursor { "[" } else { open }, if cursor { style } else { gap }));
        words.push(word(said, style));
        (open, gap) = (" ", scene.theme.text);
        match (cursor, rest) {
            (true, 0) => (open, gap) = ("]", style),
            (true, rest) => {
                words.push(word("]", style));
                words.push(word(" ".repeat(rest - 1), scene.theme.text));
            }
            (false, rest) => words.push(word(" ".repeat(rest), scene.theme.text)),
        }
    }
    words.push(word(open, gap));
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

    fn run(architectures: usize, scenario: &str) -> RunStarted {
        let info = scenarios::event::ScenarioInfo {
            id: scenario.into(),
            title: String::new(),
            vantage: testbed::vocabulary::Vantage::EdgeRoot,
            attack_ids: Vec::new(),
            rows: Vec::new(),
        };
        RunStarted {
            schema_version: 1,
            version: String::new(),
            started: String::new(),
            seed: 1,
            profile: String::new(),
            architectures: (0..architectures).map(|n| format!("architecture-{n}")).collect(),
            scenarios: vec![info],
            engine: None,
            steps: 0,
        }
    }

    #[test]
    fn eight_fit_a_small_terminal_and_the_cursor_is_always_in_sight() {
        let eight = run(8, "management-in-path-unverified");
        let shape = Shape::of(&eight, 78, 0);
        assert_eq!((shape.shown, shape.cell, shape.names), (8, 7, 21));
        for width in [20, 38, 60, 78, 118] {
            for cursor in 0..8 {
                let shape = Shape::of(&eight, width, cursor);
                assert!((shape.first..shape.first + shape.shown).contains(&cursor), "{width} {cursor}");
                assert!(shape.names + shape.shown * shape.cell < width, "{width}");
            }
        }
    }

    #[test]
    fn few_architectures_keep_wide_cells_and_whole_names() {
        let shape = Shape::of(&run(3, "management-in-path-unverified"), 78, 0);
        assert_eq!((shape.shown, shape.cell, shape.names), (3, 16, 29));
    }
}
