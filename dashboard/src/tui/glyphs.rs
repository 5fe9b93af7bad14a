//! The characters things are drawn with, in Unicode and in ASCII. Shape carries meaning, so both sets keep
//! clear, encrypted, local and idle links apart.

use ratatui::symbols::border;

/// Which characters may be drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Lines, blocks and arrows.
    #[default]
    Unicode,
    /// ASCII only.
    Ascii,
}

/// A set of characters. Every entry is one column wide.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    /// Pane borders.
    pub border: border::Set<'static>,
    /// Eight heights, lowest first.
    pub bars: [&'static str; 8],
    /// An encrypted link.
    pub encrypted: &'static str,
    /// A clear link, drawn with gaps.
    pub clear: &'static str,
    /// A host-local link, drawn with gaps.
    pub local: &'static str,
    /// The end of a link.
    pub head: &'static str,
    /// A bus of the map, top and bottom joints, a vertical drop, and a crossing.
    pub drop: &'static str,
    /// A box's corners and sides, clockwise from top left: `┌─┐│┘└`.
    pub frame: [&'static str; 6],
    /// Joint on a box's top or bottom side.
    pub joint_up: &'static str,
    /// As above, downwards.
    pub joint_down: &'static str,
    /// Marks the attacker's place.
    pub attacker: &'static str,
    /// Marks the running step.
    pub running: &'static str,
    /// Ends text that was cut.
    pub cut: &'static str,
    /// Stands between facts of one line.
    pub dot: &'static str,
}

const ASCII_BORDER: border::Set = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

const UNICODE: Glyphs = Glyphs {
    border: border::PLAIN,
    bars: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    encrypted: "═",
    clear: "-",
    local: "·",
    head: "▶",
    drop: "│",
    frame: ["┌", "─", "┐", "│", "┘", "└"],
    joint_up: "┴",
    joint_down: "┬",
    attacker: "◀",
    running: "▸",
    cut: "…",
    dot: "·",
};

const ASCII: Glyphs = Glyphs {
    border: ASCII_BORDER,
    bars: [".", ".", ":", ":", "|", "|", "#", "#"],
    encrypted: "=",
    clear: "-",
    local: ".",
    head: ">",
    drop: "|",
    frame: ["+", "-", "+", "|", "+", "+"],
    joint_up: "+",
    joint_down: "+",
    attacker: "<",
    running: ">",
    cut: "~",
    dot: "-",
};

impl Glyphs {
    /// The set to draw with.
    pub const fn of(charset: Charset) -> &'static Self {
        match charset {
            Charset::Unicode => &UNICODE,
            Charset::Ascii => &ASCII,
        }
    }

    /// `text` in at most `width` columns, the cut marked.
    pub fn fit(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let kept = text.chars().take(width.saturating_sub(1));
        if width == 0 { String::new() } else { kept.chain(self.cut.chars()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_ascii() {
        let drawn = format!("{:?}", Glyphs::of(Charset::Ascii));
        assert!(drawn.is_ascii(), "{drawn}");
    }

    #[test]
    fn cut_text_says_so_and_never_grows() {
        let glyphs = Glyphs::of(Charset::Unicode);
        assert_eq!(glyphs.fit("management", 4), "man…");
        assert_eq!(glyphs.fit("held", 4), "held");
        assert_eq!(glyphs.fit("held", 0), "");
    }
}
