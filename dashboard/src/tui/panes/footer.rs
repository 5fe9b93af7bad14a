//! The last row: a notice, or the keys of the present screen.

use ratatui::{buffer::Buffer, layout::Rect, text::Line, widgets::Widget};

use crate::tui::{
    paint::{Scene, word},
    view::{Screen, over},
};

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    match &scene.view.notice {
        Some(notice) => Line::from(word(format!(" {notice}"), scene.theme.unsure)).render(area, buffer),
        None => keys(scene).render(area, buffer),
    }
}

fn keys(scene: &Scene<'_>) -> Line<'static> {
    let running = !over(scene.view, scene.snapshot);
    let mut shown: Vec<(&str, &str)> = match (scene.view.screen, scene.view.open) {
        (Screen::Matrix, true) => vec![("Esc", "back"), ("j k", "scroll"), ("h l", "architecture")],
        (Screen::Matrix, false) => vec![("hjkl", "move"), ("Enter", "evidence")],
        (Screen::Topology, _) => vec![("a", "architecture"), ("j k", "scroll")],
        (Screen::Throughput, _) => vec![("a", "architecture"), ("j k", "scroll")],
    };
    if running {
        shown.extend([("x", "stop attack"), ("Space", if scene.view.paused { "go on" } else { "hold" })]);
    }
    shown.extend([("f", "freeze"), ("v", "reveal"), ("t", "theme"), ("?", "help"), ("q", "quit")]);
    let words = shown.into_iter().flat_map(|(key, what)| {
        [word(format!(" {key} "), scene.theme.accent), word(format!("{what} "), scene.theme.dim)]
    });
    Line::from(words.collect::<Vec<_>>())
}
