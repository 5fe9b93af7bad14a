//! The latency screen: percentiles on a log axis, one numbered curve per architecture, and the table that is
//! their legend.
//!
//! ```text
//! 40.0│                                            7
//!     │                       7777777777777 33333333
//! 1.90│777777777 333333333331111111111111111
//!     └50%─────────90%──────────────99%─────────────
//! ```
//!
//! A curve is drawn with the number of its architecture, so that no meaning rests on colour.

use ratatui::{
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::Line,
};
use scenarios::event::ValidityFlag;
use testbed::vocabulary::Phase;

use crate::{
    model::{
        curves::{self, Curve},
        numbers::{count, millis},
    },
    tui::paint::{Scene, list, row, word},
};

/// Columns of the scale, its line included.
const SCALE: u16 = 7;
/// Rows a chart needs to say anything, frame included.
const CHART: u16 = 7;
/// The percentiles that are marked.
const MARKS: [(&str, f64); 6] =
    [("50%", 0.5), ("90%", 0.9), ("99%", 0.99), ("99.9%", 0.999), ("99.99%", 0.9999), ("99.999%", 0.99999)];

/// Draws it; returns how far the table can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let curves = shown(scene);
    let wanted = curves.len() as u16 + 3;
    let below = wanted.min(area.height.saturating_sub(CHART)).max(4);
    let [top, bottom] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(area);
    chart(scene, &curves, top, buffer);
    table(scene, &curves, bottom, buffer)
}

/// The table alone, for where there is no room.
pub fn small(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    table(scene, &shown(scene), area, buffer)
}

fn shown(scene: &Scene<'_>) -> Vec<Curve> {
    curves::of(scene.snapshot, scene.view.curves.scenario.as_deref(), phase(scene))
}

const fn phase(scene: &Scene<'_>) -> Phase {
    if scene.view.curves.attack { Phase::Attack } else { Phase::Baseline }
}

/// `baseline of all scenarios`.
fn title(scene: &Scene<'_>) -> String {
    let of = scene.view.curves.scenario.as_deref().unwrap_or("all scenarios");
    let invalid =
        if scene.snapshot.valid(ValidityFlag::Performance) { "" } else { " INVALID, not to be ranked" };
    format!("{} of {of}: latency by percentile, ms{invalid}", phase(scene))
}

fn chart(scene: &Scene<'_>, curves: &[Curve], area: Rect, buffer: &mut Buffer) {
    let inner = scene.block(&title(scene), area, buffer);
    let width = usize::from(inner.width.saturating_sub(SCALE + 1));
    let height = usize::from(inner.height.saturating_sub(1));
    let columns = points(curves, width);
    let values = || columns.iter().flatten().flatten().copied();
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if high <= 0.0 || height < 2 || width < 10 {
        let said = " too few requests of this phase are completed for a curve";
        row(&Line::from(word(said, scene.theme.faint)), 0, inner, buffer);
        return;
    }
    let scale = Log { low: low.max(1e-3), high: (high * 1.02).max(low * 1.1), rows: height };
    axis(scene, &scale, curves::decades(curves), inner, buffer);
    for x in 0..width {
        for y in 0..height {
            let here = |(curve, of): (&'_ Curve, &Vec<Option<f64>>)| {
                of[x].is_some_and(|value| usize::from(scale.row(value)) == y).then_some(curve.number)
            };
            let met: Vec<usize> = curves.iter().zip(&columns).filter_map(here).collect();
            if let Some(curve) = front(scene, curves, &met, x) {
                let (x, y) = (inner.x + SCALE + x as u16, inner.y + y as u16);
                buffer.set_string(x, y, label(curve.number), style(scene, curve));
            }
        }
    }
}

/// Which of the curves that meet in a place is drawn there: the picked one, else each in turn.
fn front<'a>(scene: &Scene<'_>, curves: &'a [Curve], met: &[usize], turn: usize) -> Option<&'a Curve> {
    let picked = |number: &&usize| scene.view.pinned.as_deref() == Some(curves[**number].name.as_str());
    let number = met.iter().find(picked).or_else(|| met.get(turn % met.len().max(1)))?;
    curves.get(*number)
}

/// Per curve, its value in each column.
fn points(curves: &[Curve], width: usize) -> Vec<Vec<Option<f64>>> {
    let decades = curves::decades(curves);
    let at = |x: usize| curves::quantile(decades * x as f64 / (width.max(2) - 1) as f64);
    curves.iter().map(|curve| (0..width).map(|x| curve.spread.quantile_ms(at(x))).collect()).collect()
}

/// A log scale from bottom to top.
struct Log {
    low: f64,
    high: f64,
    rows: usize,
}

impl Log {
    /// The row of a value, from the top.
    fn row(&self, value: f64) -> u16 {
        let share = (value / self.low).ln() / (self.high / self.low).ln();
        let last = (self.rows - 1) as f64;
        (last - (share.clamp(0.0, 1.0) * last).round()) as u16
    }

    /// The value in the middle of a row.
    fn value(&self, row: usize) -> f64 {
        let share = 1.0 - row as f64 / (self.rows - 1) as f64;
        self.low * (self.high / self.low).powf(share)
    }
}

fn axis(scene: &Scene<'_>, scale: &Log, decades: f64, inner: Rect, buffer: &mut Buffer) {
    let glyphs = scene.glyphs;
    let [_, side, _, wall, _, corner] = glyphs.frame;
    let every = if scale.rows < 9 { scale.rows - 1 } else { 4 };
    for at in 0..scale.rows {
        let value = if at % every == 0 { millis(Some(scale.value(at))) } else { String::new() };
        let said = Line::from(word(format!("{value:>5} {wall}"), scene.theme.faint));
        row(&said, at, Rect { width: SCALE, ..inner }, buffer);
    }
    let width = usize::from(inner.width.saturating_sub(SCALE + 1));
    let mut line = vec![side.to_owned(); width];
    let mut free = 0;
    for (name, q) in MARKS {
        let at = (-(1.0 - q).log10() / decades * (width - 1) as f64).round();
        let start = (at as usize).saturating_sub(name.len() / 2);
        if at <= (width - 1) as f64 && start >= free && start + name.len() <= width {
            for (offset, letter) in name.chars().enumerate() {
                line[start + offset] = letter.to_string();
            }
            free = start + name.len() + 1;
        }
    }
    let said = format!("{:5} {corner}{}", "", line.concat());
    row(&Line::from(word(said, scene.theme.faint)), scale.rows, inner, buffer);
}

/// One letter an architecture: `1` to `9`, then `A` on.
fn label(number: usize) -> String {
    let letter = u32::try_from(number + 1).ok().and_then(|n| char::from_digit(n, 36)).unwrap_or('*');
    letter.to_ascii_uppercase().to_string()
}

fn style(scene: &Scene<'_>, curve: &Curve) -> Style {
    if scene.view.pinned.as_deref() == Some(curve.name.as_str()) {
        scene.theme.accent
    } else {
        scene.theme.text
    }
}

/// Widths of the table.
struct Columns {
    name: usize,
    full: bool,
}

impl Columns {
    fn of(curves: &[Curve], width: usize) -> Self {
        let full = width >= 74;
        let longest = curves.iter().map(|curve| curve.name.chars().count()).max().unwrap_or(0);
        let room = width.saturating_sub(if full { 56 } else { 24 });
        Self { name: longest.min(room).max(4), full }
    }

    fn line(&self, number: &str, name: &str, figures: [String; 9]) -> String {
        let [count, rate, p50, p90, p99, p999, max, late, errors] = figures;
        let head = format!(" {number} {name:width$}", width = self.name);
        if self.full {
            format!(
                "{head} {count:>6} {rate:>4} {p50:>5} {p90:>5} {p99:>5} {p999:>5} {max:>5} {late:>4} {errors:>4}"
            )
        } else {
            format!("{head} {p50:>6} {p90:>6} {p99:>6}")
        }
    }
}

fn table(scene: &Scene<'_>, curves: &[Curve], area: Rect, buffer: &mut Buffer) -> usize {
    let unreadable: u64 = curves.iter().map(|curve| curve.work.unreadable).sum();
    let title = match unreadable {
        0 => String::from("From intended start, ms"),
        lost => format!("From intended start, ms: {lost} damaged seconds are left out"),
    };
    let inner = scene.block(&title, area, buffer);
    let columns = Columns::of(curves, usize::from(inner.width));
    let heading = ["done", "rps", "p50", "p90", "p99", "p99.9", "max", "late", "fail"].map(String::from);
    row(&Line::from(word(columns.line("#", "", heading), scene.theme.dim)), 0, inner, buffer);
    let lines: Vec<_> = curves.iter().map(|curve| line(scene, curve, &columns)).collect();
    let body = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    if lines.is_empty() {
        return list(&[Line::from(word(" nothing has run yet", scene.theme.faint))], 0, body, buffer);
    }
    list(&lines, scene.view.scroll, body, buffer)
}

fn line(scene: &Scene<'_>, curve: &Curve, columns: &Columns) -> Line<'static> {
    let figures = [
        count(curve.spread.count()),
        curve.rate().map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}")),
        millis(curve.spread.quantile_ms(0.5)),
        millis(curve.spread.quantile_ms(0.9)),
        millis(curve.spread.quantile_ms(0.99)),
        millis(curve.spread.quantile_ms(0.999)),
        millis(curve.spread.max_ms()),
        count(curve.work.late),
        count(curve.work.errors),
    ];
    let name = scene.glyphs.fit(&curve.name, columns.name);
    let said = columns.line(&label(curve.number), &name, figures);
    let style = if curve.spread.count() == 0 { scene.theme.faint } else { style(scene, curve) };
    Line::from(word(said, style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_logarithmic_from_bottom_to_top() {
        let scale = Log { low: 1.0, high: 100.0, rows: 5 };
        assert_eq!([1.0, 10.0, 100.0].map(|value| scale.row(value)), [4, 2, 0]);
        assert_eq!([0.1, 1000.0].map(|value| scale.row(value)), [4, 0], "what lies outside stays inside");
        assert!((scale.value(2) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn every_curve_has_one_letter() {
        assert_eq!([0, 8, 9, 34, 99].map(label), ["1", "9", "A", "Z", "*"]);
    }
}
