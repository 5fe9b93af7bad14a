//! What every pane draws with: a scene to read from, framed blocks, lines of styled words.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::{Block, Widget},
};
use scenarios::snapshot::Snapshot;

use super::{glyphs::Glyphs, theme::Theme, view::View};

/// All a pane may look at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The run.
    pub snapshot: &'a Snapshot,
    /// What the user chose.
    pub view: &'a View,
    /// Styles.
    pub theme: &'a Theme,
    /// Characters.
    pub glyphs: &'static Glyphs,
}

impl Scene<'_> {
    /// Draws a frame with a title and returns what is inside.
    pub fn block(&self, title: &str, area: Rect, buffer: &mut Buffer) -> Rect {
        let room = usize::from(area.width.saturating_sub(4));
        let title =
            if title.is_empty() { String::new() } else { format!(" {} ", self.glyphs.fit(title, room)) };
        let block = Block::bordered()
            .border_set(self.glyphs.border)
            .border_style(self.theme.border)
            .title(Span::styled(title, self.theme.title));
        let inner = block.inner(area);
        block.render(area, buffer);
        inner
    }
}

impl Scene<'_> {
    /// On the lower border of `area`: how many lines are out of sight.
    pub fn more(&self, below: usize, area: Rect, buffer: &mut Buffer) {
        let said = format!(" {below} more below, j ");
        let width = said.len() as u16;
        if below > 0 && area.width > width + 4 && area.height > 1 {
            let (x, y) = (area.right() - width - 2, area.bottom() - 1);
            buffer.set_string(x, y, said, self.theme.unsure);
        }
    }
}

/// A styled word.
pub fn word(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// Draws `line` in row `row` of `area`; rows outside are left out.
pub fn row(line: &Line<'_>, row: usize, area: Rect, buffer: &mut Buffer) {
    if row < usize::from(area.height) {
        line.render(Rect { y: area.y + row as u16, height: 1, ..area }, buffer);
    }
}

/// Draws the lines that fit, from `scroll` on, and returns how far the list can be scrolled.
pub fn list(lines: &[Line<'_>], scroll: usize, area: Rect, buffer: &mut Buffer) -> usize {
    let end = lines.len().saturating_sub(usize::from(area.height));
    for (at, line) in lines.iter().skip(scroll.min(end)).take(usize::from(area.height)).enumerate() {
        row(line, at, area, buffer);
    }
    end
}

/// Breaks text at spaces into lines of at most `width` characters; longer words are broken anywhere.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let letters: Vec<char> = word.chars().collect();
        for piece in letters.chunks(width) {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(last) if last.chars().count() + 1 + piece.chars().count() <= width => {
                    last.push(' ');
                    last.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_spaces_and_long_words_anywhere() {
        assert_eq!(wrap("the token was read in clear", 10), ["the token", "was read", "in clear"]);
        assert_eq!(wrap("aaaaabbbbbcc d", 5), ["aaaaa", "bbbbb", "cc d"]);
        assert_eq!(wrap("any", 0), ["a", "n", "y"]);
    }
}
