//! What attackers found and tried on the shown architecture, newest first, secrets masked.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use scenarios::snapshot::Recent;

use crate::{
    model::{mask::mask, numbers::clock},
    tui::paint::{Scene, list, word},
};

/// Draws it from line `scroll` on; returns how far it can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, scroll: usize, buffer: &mut Buffer) -> usize {
    let shown = scene.view.architecture(scene.snapshot).unwrap_or_default();
    let inner = scene.block("Evidence, newest first", area, buffer);
    let lines: Vec<_> = scene
        .snapshot
        .recent
        .iter()
        .rev()
        .filter(|(_, recent)| recent.architecture().is_none_or(|of| of == shown))
        .map(|(at_ms, recent)| line(scene, *at_ms, recent))
        .collect();
    if lines.is_empty() {
        return list(
            &[Line::from(word(" nothing found, nothing tried", scene.theme.faint))],
            0,
            inner,
            buffer,
        );
    }
    list(&lines, scroll, inner, buffer)
}

fn line(scene: &Scene<'_>, at_ms: u64, recent: &Recent) -> Line<'static> {
    let theme = scene.theme;
    let mut words = vec![word(format!(" {}.{} ", clock(at_ms), at_ms % 1000 / 100), theme.faint)];
    match recent {
        Recent::Exposed(it) => {
            let secret = mask(&it.canary, scene.view.reveal);
            words.push(word(format!("READ {:13} ", it.asset), theme.bad));
            words.push(word(format!("{secret:11} "), theme.text));
            words.push(word(format!("{} on {}  {}", it.encoding, it.segment, it.link), theme.dim));
        }
        Recent::Attempt(it) => {
            let (said, style) = if it.served { ("SERVED ", theme.bad) } else { ("refused", theme.good) };
            words.push(word(format!("{said} {:9} ", it.attack_id), style));
            words.push(word(format!("{}: ", it.target), theme.text));
            words.push(word(format!("{} ({}, {})", it.answer, it.technique, it.method), theme.dim));
        }
        Recent::Impact(it) => {
            let (said, style) =
                if it.confirmed { ("IMPACT ", theme.attack) } else { ("claimed", theme.unsure) };
            words.push(word(format!("{said} {:9} ", it.attack_id), style));
            words.push(word(it.what.clone(), theme.text));
        }
        Recent::Flood(it) => {
            words.push(word(format!("FLOOD {:9} {:6} ", it.kind, it.arm), theme.unsure));
            let said = format!("{} started, {} completed, {} failed", it.started, it.completed, it.failed);
            words.push(word(said, theme.dim));
        }
        Recent::Note(text) => words.push(word(text.clone(), theme.dim)),
    }
    Line::from(words)
}
