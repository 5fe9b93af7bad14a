//! The map: segments as buses, hosts as boxes hanging from them, one column a host.
//!
//! ```text
//! public     ══════════════════════════ TLS ══
//!              ┌─client─┐  ┌─edge──┴───┐
//!              │ users  │  │ tls-proxy │
//!              └────────┘  └─────┬─────┘
//! management  - - - - - - - - - - - - CLEAR - -
//! ```
//!
//! A host stands below the first segment it has; a line leads down to every further one, and no box stands in
//! its way. Links themselves are drawn by [`super::links`]: here a bus shows the worst of what crosses it.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use scenarios::event::{Topology, TopologyHost};

use super::links::{attacker, domain_of, shape_style, shape_word, topology};
use crate::{
    model::lanes::{self, Group, Shape},
    tui::paint::Scene,
};

/// Columns left of the first host, for segment names.
const MARGIN: u16 = 14;
/// Space between hosts.
const GAP: u16 = 2;

/// A host with its place.
struct Placed<'a> {
    host: &'a TopologyHost,
    title: String,
    /// Columns from the map's left edge.
    x: u16,
    width: u16,
    /// Indices of its segments, ascending.
    segments: Vec<usize>,
}

impl Placed<'_> {
    const fn middle(&self) -> u16 {
        self.x + self.width / 2
    }
    /// Where the box hangs from its bus: right of its title.
    const fn hook(&self) -> u16 {
        self.x + self.width - 2
    }
    fn height(&self) -> u16 {
        self.host.processes.len().max(1) as u16 + 2
    }
}

/// Width and height it wants, frame included; `None` when there is nothing to draw.
pub fn size(scene: &Scene<'_>) -> Option<(u16, u16)> {
    let topology = topology(scene)?;
    let placed = place(topology, GAP);
    let width = placed.iter().map(|placed| placed.x + placed.width).max()?;
    let rows = buses(topology, &placed).last()? + band(&placed, topology.segments.len() - 1);
    Some((width + 4, rows + 1 + 2))
}

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let inner = scene.block("Map", area, buffer);
    let Some(topology) = topology(scene) else { return };
    // Hosts stand as far apart as there is room for.
    let spare = size(scene).map_or(0, |(width, _)| area.width.saturating_sub(width));
    let placed = place(topology, (GAP + spare / topology.hosts.len().max(1) as u16).min(12));
    let buses = buses(topology, &placed);
    let groups = lanes::groups(scene.snapshot, topology);
    let mut canvas = Canvas { area: inner, buffer };
    for (index, group) in groups.iter().take(buses.len()).enumerate() {
        bus(scene, group, buses[index], &mut canvas);
    }
    for host in &placed {
        stand(scene, host, &buses, &mut canvas);
    }
}

fn place(topology: &Topology, gap: u16) -> Vec<Placed<'_>> {
    let index = |name: &String| topology.segments.iter().position(|segment| segment.name == *name);
    let mut placed: Vec<_> = topology
        .hosts
        .iter()
        .filter_map(|host| {
            let mut segments: Vec<_> = host.segments.iter().filter_map(index).collect();
            segments.sort_unstable();
            segments.first()?;
            let title = match &host.inside {
                Some(on) => format!("{} in {on}", host.name),
                None => host.name.clone(),
            };
            let inside = host.processes.iter().map(|name| name.chars().count()).max().unwrap_or(0);
            let width = (inside.max(title.chars().count()) + 4) as u16;
            Some(Placed { host, title, x: 0, width, segments })
        })
        .collect();
    settle(&mut placed, gap);
    placed
}

/// Each band is filled from the left; a box never stands in the way of a line that comes down from above.
fn settle(placed: &mut [Placed<'_>], gap: u16) {
    // Columns of lines, and the last segment each of them reaches.
    let mut lines: Vec<(u16, usize)> = Vec::new();
    let bands = placed.iter().map(|host| host.segments[0]).max().map_or(0, |last| last + 1);
    for band in 0..bands {
        let mut x = MARGIN;
        for host in placed.iter_mut().filter(|host| host.segments[0] == band) {
            let passing = lines.iter().filter(|(_, to)| *to > band).map(|(at, _)| *at);
            let mut passing: Vec<u16> = passing.collect();
            passing.sort_unstable();
            for at in passing {
                // A column on either side stays free, so that line and box do not touch.
                if (x..=x + host.width).contains(&at) || at + 1 == x {
                    x = at + 2;
                }
            }
            host.x = x;
            x += host.width + gap;
        }
        let new = placed.iter().filter(|host| host.segments[0] == band && host.segments.len() > 1);
        let last = |host: &Placed<'_>| host.segments.last().copied().unwrap_or(band);
        lines.extend(new.map(|host| (host.middle(), last(host))));
    }
}

/// Height of the band below segment `index`: the highest box, a line to the next bus.
fn band(placed: &[Placed<'_>], index: usize) -> u16 {
    let boxes = placed.iter().filter(|host| host.segments[0] == index);
    let highest = boxes.map(Placed::height).max().unwrap_or(0);
    let through =
        placed.iter().any(|host| host.segments[0] <= index && host.segments.iter().any(|at| *at > index));
    highest + u16::from(through)
}

/// Row of each bus.
fn buses(topology: &Topology, placed: &[Placed<'_>]) -> Vec<u16> {
    let mut y = 0;
    (0..topology.segments.len())
        .map(|index| {
            let at = y;
            y += 1 + band(placed, index);
            at
        })
        .collect()
}

/// Draws within an area, in its own coordinates; what lies outside is left out.
struct Canvas<'a> {
    area: Rect,
    buffer: &'a mut Buffer,
}

impl Canvas<'_> {
    fn put(&mut self, x: u16, y: u16, text: &str, style: Style) {
        if x < self.area.width && y < self.area.height {
            let room = usize::from(self.area.width - x);
            self.buffer.set_stringn(self.area.x + x, self.area.y + y, text, room, style);
        }
    }
}

fn bus(scene: &Scene<'_>, group: &Group, y: u16, canvas: &mut Canvas<'_>) {
    let Some((name, domain)) = &group.segment else { return };
    let (glyphs, shape) = (scene.glyphs, group.shape());
    let style = shape_style(scene, shape);
    canvas.put(1, y, &glyphs.fit(name, usize::from(MARGIN) - 3), scene.theme.title);
    let stroke = match shape {
        Shape::Encrypted => glyphs.encrypted,
        Shape::Clear => glyphs.clear,
        // A cable with nothing on it.
        Shape::Local | Shape::Idle => glyphs.frame[1],
    };
    for x in MARGIN - 1..canvas.area.width.saturating_sub(1) {
        let gap = shape == Shape::Clear && (x + 1 - MARGIN) % 2 == 1;
        canvas.put(x, y, if gap { " " } else { stroke }, style);
    }
    let mut said = format!(" {} ", shape_word(shape));
    let read = lanes::read_words(&group.exposed());
    if !read.is_empty() {
        said = format!("{said}{} read: {read} ", glyphs.dot);
    }
    if let Some(vantage) = attacker(scene).filter(|vantage| domain_of(*vantage) == Some(*domain)) {
        said = format!("{said}{} {vantage} ", glyphs.attacker);
    }
    let start = canvas.area.width.saturating_sub(said.chars().count() as u16 + 3);
    canvas.put(start.max(MARGIN), y, &said, style);
}

fn stand(scene: &Scene<'_>, placed: &Placed<'_>, buses: &[u16], canvas: &mut Canvas<'_>) {
    let (theme, glyphs) = (scene.theme, scene.glyphs);
    let [tl, side, tr, wall, br, bl] = glyphs.frame;
    let (x, top) = (placed.x, buses[placed.segments[0]] + 1);
    let width = usize::from(placed.width);
    let bottom = top + placed.height() - 1;
    canvas.put(x, top, &format!("{tl}{}{tr}", side.repeat(width - 2)), theme.dim);
    for y in top + 1..bottom {
        canvas.put(x, y, &format!("{wall}{:1$}{wall}", "", width - 2), theme.dim);
    }
    canvas.put(x, bottom, &format!("{bl}{}{br}", side.repeat(width - 2)), theme.dim);
    for (row, process) in placed.host.processes.iter().enumerate() {
        canvas.put(x + 2, top + 1 + row as u16, process, theme.text);
    }
    canvas.put(x + 2, top, &placed.title, theme.title);
    canvas.put(placed.hook(), top, glyphs.joint_up, theme.dim);
    if let Some(last) = placed.segments.last().filter(|_| placed.segments.len() > 1) {
        canvas.put(placed.middle(), bottom, glyphs.joint_down, theme.dim);
        for y in bottom + 1..buses[*last] {
            canvas.put(placed.middle(), y, glyphs.drop, theme.dim);
        }
    }
}
