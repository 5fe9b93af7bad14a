//! What remains on a very small terminal: one pane and the wish for more room.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};

use super::{chart, header, latency, links, matrix};
use crate::tui::{
    paint::{Scene, row, word},
    view::Screen,
};

/// Draws it; returns how far it can be scrolled.
pub fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) -> usize {
    let hint = |text: &'static str| Line::from(word(text, scene.theme.unsure));
    if area.width < 24 || area.height < 5 {
        row(&hint("enlarge to 60x16"), 0, area, buffer);
        return 0;
    }
    row(&header::state(scene), 0, area, buffer);
    let body = Rect { y: area.y + 1, height: area.height - 2, ..area };
    let end = match scene.view.screen {
        Screen::Topology => links::draw(scene, body, scene.view.scroll, buffer),
        Screen::Matrix => matrix::grid(scene, body, buffer),
        Screen::Latency => latency::small(scene, body, buffer),
        Screen::Throughput => {
            chart::draw(scene, body, buffer);
            0
        }
    };
    row(&hint(" enlarge to 60x16 for more"), usize::from(area.height - 1), area, buffer);
    end
}
