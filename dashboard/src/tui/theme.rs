//! Colours by role. No pane names a colour, and no meaning rests on colour alone: every role has its own word
//! or shape on screen.

use ratatui::style::{Color, Modifier, Style};

/// A theme's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ThemeName {
    /// For dark backgrounds
    #[default]
    Dark,
    /// For light backgrounds
    Light,
    /// Blue and orange in place of green and red
    Colorblind,
    /// Without colour
    Mono,
}

impl ThemeName {
    /// Every theme, in the order `t` walks through them.
    pub const ALL: &'static [Self] = &[Self::Dark, Self::Light, Self::Colorblind, Self::Mono];

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Colorblind => "colorblind",
            Self::Mono => "mono",
        }
    }

    /// One line.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Dark => "for dark backgrounds",
            Self::Light => "for light backgrounds",
            Self::Colorblind => "blue and orange in place of green and red",
            Self::Mono => "without colour",
        }
    }

    /// The theme after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Colorblind,
            Self::Colorblind => Self::Mono,
            Self::Mono => Self::Dark,
        }
    }
}

/// A style per role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Text of second rank.
    pub dim: Style,
    /// Pane titles and names.
    pub title: Style,
    /// Pane borders.
    pub border: Style,
    /// Keys, the active tab, the attacker's place.
    pub accent: Style,
    /// The cursor.
    pub selected: Style,
    /// `held`, encrypted links, valid.
    pub good: Style,
    /// `broken`, clear links, what was read.
    pub bad: Style,
    /// `inconclusive`, invalid, surprises.
    pub unsure: Style,
    /// `not_exercised`, idle and local links.
    pub faint: Style,
    /// An attack is running.
    pub attack: Style,
    /// Throughput.
    pub bar: Style,
}

impl Theme {
    /// The theme of a name; without colour, always the monochrome one.
    pub fn of(name: ThemeName, coloured: bool) -> Self {
        match name {
            _ if !coloured => mono(),
            ThemeName::Dark => dark(),
            ThemeName::Light => light(),
            ThemeName::Colorblind => colorblind(),
            ThemeName::Mono => mono(),
        }
    }
}

const fn fg(color: Color) -> Style {
    Style::new().fg(color)
}

const fn bold(color: Color) -> Style {
    fg(color).add_modifier(Modifier::BOLD)
}

/// Titles stand in borders and must not inherit their faintness.
const fn title() -> Style {
    bold(Color::Reset).remove_modifier(Modifier::DIM)
}

const fn dark() -> Theme {
    Theme {
        text: Style::new(),
        dim: fg(Color::Gray),
        title: title(),
        border: fg(Color::DarkGray),
        accent: bold(Color::Cyan),
        selected: Style::new().add_modifier(Modifier::REVERSED),
        good: fg(Color::Green),
        bad: bold(Color::LightRed),
        unsure: bold(Color::Yellow),
        faint: fg(Color::DarkGray),
        attack: Style::new().fg(Color::Black).bg(Color::LightRed).add_modifier(Modifier::BOLD),
        bar: fg(Color::Cyan),
    }
}

/// Indexed colours dark enough to read on white.
const fn light() -> Theme {
    Theme {
        text: Style::new(),
        dim: fg(Color::Indexed(240)),
        title: title(),
        border: fg(Color::Indexed(247)),
        accent: bold(Color::Indexed(25)),
        selected: Style::new().add_modifier(Modifier::REVERSED),
        good: fg(Color::Indexed(28)),
        bad: bold(Color::Indexed(124)),
        unsure: bold(Color::Indexed(94)),
        faint: fg(Color::Indexed(244)),
        attack: Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(124)).add_modifier(Modifier::BOLD),
        bar: fg(Color::Indexed(25)),
    }
}

/// After Okabe and Ito: sky blue, vermilion and yellow stay apart for every common kind of colour vision.
const fn colorblind() -> Theme {
    Theme {
        good: fg(Color::Indexed(74)),
        bad: bold(Color::Indexed(202)),
        unsure: bold(Color::Indexed(220)),
        accent: bold(Color::Indexed(231)),
        attack: Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(202)).add_modifier(Modifier::BOLD),
        bar: fg(Color::Indexed(74)),
        ..dark()
    }
}

const fn mono() -> Theme {
    let plain = Style::new();
    Theme {
        text: plain,
        dim: plain,
        title: title(),
        border: plain.add_modifier(Modifier::DIM),
        accent: plain.add_modifier(Modifier::BOLD),
        selected: plain.add_modifier(Modifier::REVERSED),
        good: plain,
        bad: plain.add_modifier(Modifier::BOLD.union(Modifier::UNDERLINED)),
        unsure: plain.add_modifier(Modifier::BOLD),
        faint: plain.add_modifier(Modifier::DIM),
        attack: plain.add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
        bar: plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_walks_through_every_theme_and_back() {
        let mut seen = vec![ThemeName::Dark];
        while seen.len() <= ThemeName::ALL.len() {
            let Some(last) = seen.last() else { break };
            seen.push(last.next());
        }
        assert_eq!(&seen[..ThemeName::ALL.len()], ThemeName::ALL);
        assert_eq!(seen.last(), Some(&ThemeName::Dark));
    }

    #[test]
    fn without_colour_no_theme_has_one() {
        for name in ThemeName::ALL {
            assert_eq!(Theme::of(*name, false), mono());
        }
    }
}
