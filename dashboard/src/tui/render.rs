//! The screen as a pure function of snapshot, view and theme. No clock, no I/O.
//!
//! ```text
//! header   title, seed, state, progress
//! tabs     screens, flags
//! step     architecture > scenario > phase, attacker
//! body     one screen
//! footer   keys, or a notice
//! ```

use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Constraint, Layout, Rect},
};
use scenarios::snapshot::Snapshot;

use super::{
    glyphs::Glyphs,
    paint::Scene,
    panes::{ask, footer, header, help, latency, matrix, small, throughput, topology},
    theme::Theme,
    view::{Overlay, Screen, View},
};

/// Below this, one pane and a hint.
const ENOUGH: (u16, u16) = (60, 16);

/// Draws the screen; returns how far its list can be scrolled.
pub fn render(snapshot: &Snapshot, view: &View, theme: &Theme, frame: &mut Frame<'_>) -> usize {
    let area = frame.area();
    let scene = Scene { snapshot, view, theme, glyphs: Glyphs::of(view.charset) };
    let buffer = frame.buffer_mut();
    buffer.set_style(area, theme.text);
    let end = if area.width < ENOUGH.0 || area.height < ENOUGH.1 {
        small::draw(&scene, area, buffer)
    } else {
        full(&scene, area, buffer)
    };
    match view.overlay {
        Overlay::Nothing => end,
        Overlay::Help => help::draw(&scene, area, buffer),
        Overlay::Asking { .. } => {
            ask::draw(&scene, area, buffer);
            end
        }
    }
}

fn full(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let [top, body, bottom] =
        Layout::vertical([Constraint::Length(header::HEIGHT), Constraint::Min(0), Constraint::Length(1)])
            .areas(area);
    header::draw(scene, top, buffer);
    footer::draw(scene, bottom, buffer);
    screen(scene, body, buffer)
}

/// The body of the present screen.
fn screen(scene: &Scene<'_>, body: Rect, buffer: &mut Buffer) -> usize {
    match scene.view.screen {
        Screen::Topology => topology::draw(scene, body, buffer),
        Screen::Matrix => matrix::draw(scene, body, buffer),
        Screen::Latency => latency::draw(scene, body, buffer),
        Screen::Throughput => throughput::draw(scene, body, buffer),
    }
}
