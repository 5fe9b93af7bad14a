//! The last row: a notice, or the keys of the present screen.

use ratatui::{buffer::Buffer, layout::Rect, text::Line, widgets::Widget};

use crate::tui::{
    paint::{Scene, word},
    view::{Life, Screen, over},
};

/// Draws it.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let stopped = stopped(scene);
    match stopped.as_ref().or(scene.view.notice.as_ref()) {
        Some(notice) => Line::from(word(format!(" {notice}"), scene.theme.unsure)).render(area, buffer),
        None => keys(scene, area.width).render(area, buffer),
    }
}

/// How long attack traffic took to end after the user asked for it.
fn stopped(scene: &Scene<'_>) -> Option<String> {
    let asked = scene.view.stop_asked?;
    let stop = scene.snapshot.attack_stop.filter(|stop| stop.ended_ms >= asked)?;
    let took = stop.ended_ms.saturating_sub(stop.requested_ms);
    Some(format!("attack traffic ended {took} ms after it was asked to"))
}

fn keys(scene: &Scene<'_>, width: u16) -> Line<'static> {
    let running = !over(scene.view, scene.snapshot);
    let mut shown: Vec<(&str, &str)> = Vec::new();
    if let Some(replay) = &scene.view.replay {
        // A replay is steered on every screen: what is its own comes first.
        let space = if replay.playing { "pause" } else { "play" };
        shown.extend([("Space", space), ("[ ]", "step"), ("+ -", "speed"), ("g G", "start, end")]);
    }
    let of_screen = match (scene.view.screen, scene.view.cursor.open) {
        (Screen::Matrix, true) => vec![("Esc", "back"), ("j k", "scroll"), ("h l", "architecture")],
        (Screen::Matrix, false) => vec![("hjkl", "move"), ("Enter", "evidence")],
        (Screen::Latency, _) => vec![("b", "attack"), ("s", "scenario"), ("a", "architecture")],
        (Screen::Topology | Screen::Throughput, _) => vec![("a", "architecture"), ("j k", "scroll")],
    };
    shown.extend(of_screen);
    if running {
        let hold = if scene.view.life == Life::Holding { "go on" } else { "hold" };
        shown.extend([("x", "stop attack"), ("Space", hold)]);
    }
    if scene.view.replay.is_none() {
        shown.push(("f", "freeze"));
    }
    shown.extend([("v", "reveal"), ("t", "theme")]);
    // How to leave is never what is cut.
    let last = ("q", "quit");
    let mut room = usize::from(width).saturating_sub(columns(last));
    let fitting = shown.into_iter().take_while(|key| {
        let fits = columns(*key) <= room;
        room = room.saturating_sub(columns(*key));
        fits
    });
    let words = fitting.collect::<Vec<_>>().into_iter().chain([last]).flat_map(|(key, what)| {
        [word(format!(" {key} "), scene.theme.accent), word(format!("{what} "), scene.theme.dim)]
    });
    Line::from(words.collect::<Vec<_>>())
}

/// Columns a key and its word take.
const fn columns((key, what): (&str, &str)) -> usize {
    key.len() + what.len() + 3
}
