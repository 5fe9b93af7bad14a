//! Links grouped by segment. Shape and word say what the bytes showed:
//!
//! ```text
//! edge/proxy   ══════ TLS ══════▶  api/identity
//! edge/proxy   - - - CLEAR - - -▶  api/identity   48 tokens, 12 passwords
//! api/proxy    · · · local · · ·▶  api/identity
//! ```

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};
use scenarios::event::Topology;
use testbed::vocabulary::{SecurityDomain, Vantage};

use crate::{
    model::{
        lanes::{self, Group, Lane, Shape},
        numbers,
    },
    tui::{
        glyphs::Glyphs,
        paint::{Scene, list, word},
    },
};

/// Columns of a drawn link, at least.
const ARROW: usize = 14;
/// As above, on a narrow terminal: `- CLEAR -▶`.
const SHORT_ARROW: usize = 10;
/// Below this, names and links leave no room for anything else.
const NARROW: usize = 56;

/// The shown architecture's topology.
pub(super) fn topology<'a>(scene: &Scene<'a>) -> Option<&'a Topology> {
    let name = scene.view.architecture(scene.snapshot)?;
    scene.snapshot.topologies.iter().find(|topology| topology.architecture == name)
}

/// Groups that have links.
pub(super) fn groups(scene: &Scene<'_>) -> Vec<Group> {
    let mut groups =
        topology(scene).map(|topology| lanes::groups(scene.snapshot, topology)).unwrap_or_default();
    groups.retain(|group| !group.lanes.is_empty());
    groups
}

/// Rows it wants, frame included.
pub fn height(scene: &Scene<'_>) -> u16 {
    let rows: usize = groups(scene).iter().map(|group| 1 + group.lanes.len()).sum();
    rows.max(1) as u16 + 2
}

/// Draws it from line `scroll` on; returns how far it can be scrolled. Where not everything fits, links inside a
/// host become one line, and the links of a segment that gave something away come first.
pub fn draw(scene: &Scene<'_>, area: Rect, scroll: usize, buffer: &mut Buffer) -> usize {
    let title = topology(scene).map_or("Links".into(), |it| format!("{}: {}", it.architecture, it.title));
    let inner = scene.block(&title, area, buffer);
    let mut groups = groups(scene);
    if groups.is_empty() {
        let said = if scene.view.pinned.is_some() {
            " this architecture has not run yet"
        } else {
            " no architecture is up yet"
        };
        return list(&[Line::from(word(said, scene.theme.faint))], 0, inner, buffer);
    }
    let columns = Columns::of(&groups, usize::from(inner.width));
    let tight = usize::from(height(scene)) > usize::from(area.height);
    let mut lines = Vec::new();
    for group in &mut groups {
        let folded = tight && group.segment.is_none();
        lines.push(heading(scene, group, usize::from(inner.width), folded));
        if tight {
            group.lanes.sort_by_key(|lane| (lane.exposed.is_empty(), !lane.surprise()));
        }
        if !folded {
            lines.extend(group.lanes.iter().map(|lane| line(scene, lane, &columns)));
        }
    }
    let end = list(&lines, scroll, inner, buffer);
    scene.more(end.saturating_sub(scroll), area, buffer);
    end
}

/// Widths of the columns.
struct Columns {
    name: usize,
    arrow: usize,
    /// Is there room for connections and bytes?
    volume: bool,
}

impl Columns {
    fn of(groups: &[Group], width: usize) -> Self {
        let lanes = || groups.iter().flat_map(|group| &group.lanes);
        let longest = lanes().map(|lane| lane.from.len().max(lane.to.len())).max().unwrap_or(0);
        if width < NARROW {
            // No room for what was read: the segment's line says it.
            let name = longest.min(width.saturating_sub(SHORT_ARROW + 4) / 2).max(6);
            return Self { name, arrow: SHORT_ARROW, volume: false };
        }
        // Two names, a link, and at least as much again for what was read.
        let name = longest.min(width.saturating_sub(ARROW + 24) / 2).max(6);
        let volume = width >= 2 * name + ARROW + 60;
        let spare = width.saturating_sub(2 * name + 60 + if volume { 24 } else { 0 });
        Self { name, arrow: spare.clamp(ARROW, 44), volume }
    }
}

fn heading(scene: &Scene<'_>, group: &Group, width: usize, folded: bool) -> Line<'static> {
    let theme = scene.theme;
    let Some((name, domain)) = &group.segment else {
        let count = if folded { format!("  {} links", group.lanes.len()) } else { String::new() };
        let mut words = vec![
            word(" inside a host", theme.title),
            word(format!("{count}  on no segment, no sniffer sees it"), theme.faint),
        ];
        if let Some(vantage) = attacker(scene).filter(|vantage| in_host(*vantage)) {
            words.push(word(format!("  {} attacker: {vantage}", scene.glyphs.attacker), theme.accent));
        }
        return Line::from(words);
    };
    let mut words = vec![word(format!(" {name}"), theme.title)];
    if name != domain.word() {
        words.push(word(format!(" ({domain})"), theme.dim));
    }
    words.push(word(format!("  {}", shape_word(group.shape())), shape_style(scene, group.shape())));
    let read = lanes::read_words(&group.exposed());
    if width < NARROW && !read.is_empty() {
        words.push(word(format!("  {read}"), theme.bad));
    }
    if let Some(vantage) = attacker(scene).filter(|vantage| domain_of(*vantage) == Some(*domain)) {
        words.push(word(format!("  {} attacker: {vantage}", scene.glyphs.attacker), theme.accent));
    }
    Line::from(words)
}

fn line(scene: &Scene<'_>, lane: &Lane, columns: &Columns) -> Line<'static> {
    let (theme, glyphs, name) = (scene.theme, scene.glyphs, columns.name);
    let mut words = vec![
        word(format!("   {:name$} ", glyphs.fit(&lane.from, name)), theme.text),
        word(arrow(lane.shape, columns.arrow, glyphs), shape_style(scene, lane.shape)),
        word(format!(" {:name$}", glyphs.fit(&lane.to, name)), theme.text),
    ];
    if columns.volume {
        let said = format!("  {:>6} conns  {:>9}", numbers::count(lane.flows), numbers::bytes(lane.bytes));
        words.push(word(if lane.flows > 0 { said } else { format!("{:25}", "") }, theme.dim));
    }
    if lane.surprise() {
        let declared = if lane.declared_tls { "  file says TLS!" } else { "  file says clear!" };
        words.push(word(declared, theme.unsure));
    }
    let read = lane.read();
    if !read.is_empty() {
        words.push(word(format!("  {read}"), theme.bad));
    }
    Line::from(words)
}

/// A link of `width` columns, its head included.
fn arrow(shape: Shape, width: usize, glyphs: &Glyphs) -> String {
    let stroke = match shape {
        Shape::Encrypted => glyphs.encrypted,
        Shape::Clear => glyphs.clear,
        Shape::Local => glyphs.local,
        Shape::Idle => " ",
    };
    let label = format!(" {} ", shape_word(shape));
    let body = width.saturating_sub(label.len() + 1);
    let (before, after) = (body / 2, body - body / 2);
    let gaps = matches!(shape, Shape::Clear | Shape::Local);
    let side = |length: usize, mirrored: bool| -> String {
        let mut side: Vec<&str> =
            (0..length).map(|at| if gaps && at % 2 == 1 { " " } else { stroke }).collect();
        if mirrored {
            side.reverse();
        }
        side.concat()
    };
    format!("{}{label}{}{}", side(before, false), side(after, true), glyphs.head)
}

pub(super) const fn shape_word(shape: Shape) -> &'static str {
    match shape {
        Shape::Idle => "idle",
        Shape::Encrypted => "TLS",
        Shape::Clear => "CLEAR",
        Shape::Local => "local",
    }
}

pub(super) const fn shape_style(scene: &Scene<'_>, shape: Shape) -> Style {
    match shape {
        Shape::Idle | Shape::Local => scene.theme.faint,
        Shape::Encrypted => scene.theme.good,
        Shape::Clear => scene.theme.bad,
    }
}

/// Where the running scenario's attacker stands.
pub(super) fn attacker(scene: &Scene<'_>) -> Option<Vantage> {
    let step = scene.snapshot.current.as_ref()?;
    if scene.view.architecture(scene.snapshot) != Some(&step.architecture) {
        return None;
    }
    let run = scene.snapshot.run.as_ref()?;
    run.scenarios.iter().find(|scenario| scenario.id == step.scenario).map(|scenario| scenario.vantage)
}

/// Does this attacker stand on a host, among its processes?
const fn in_host(vantage: Vantage) -> bool {
    matches!(vantage, Vantage::ApiHostNeighbour | Vantage::ServiceProcess | Vantage::ApiHostRoot)
}

/// The domain whose segments a vantage stands on; `None` for vantages inside a host or off the network.
pub(super) const fn domain_of(vantage: Vantage) -> Option<SecurityDomain> {
    match vantage {
        Vantage::PublicSniffer | Vantage::PublicInPath => Some(SecurityDomain::Public),
        Vantage::ManagementSniffer | Vantage::ManagementInPath | Vantage::EscapedHost => {
            Some(SecurityDomain::Management)
        }
        Vantage::Guest => Some(SecurityDomain::Guest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::glyphs::Charset;

    #[test]
    fn shape_and_word_tell_links_apart_without_colour_in_both_sets() {
        for charset in [Charset::Unicode, Charset::Ascii] {
            let glyphs = Glyphs::of(charset);
            let drawn = [Shape::Idle, Shape::Encrypted, Shape::Clear, Shape::Local].map(|shape| {
                let drawn = arrow(shape, ARROW, glyphs);
                assert_eq!(drawn.chars().count(), ARROW, "{drawn}");
                (drawn.replace(char::is_alphabetic, ""), shape_word(shape))
            });
            for (at, one) in drawn.iter().enumerate() {
                for other in &drawn[at + 1..] {
                    assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
                }
            }
        }
        assert_eq!(arrow(Shape::Clear, 18, Glyphs::of(Charset::Unicode)), "- - - CLEAR - - -▶");
    }
}
