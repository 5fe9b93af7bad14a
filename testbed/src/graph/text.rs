//! Boxes for a terminal: a host is a box with its processes and the links they open, guests lie inside the
//! box of their host.
//!
//! A line has 80 columns at most, unless guests lie in guests more than eight deep. What protects a link is
//! told by the shape of its arrow and by words, never by colour.

use std::fmt::Write;

use super::{
    model::{Graph, Host, Link, Over, Protection},
    words::Arrow,
};

const WIDTH: usize = 80;
/// A box does not get narrower than this, however deep it lies.
const NARROWEST: usize = 44;

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Characters {
    /// Lines and corners.
    Unicode,
    /// ASCII only.
    Ascii,
}

impl Characters {
    /// Corners and sides: `┌ ┐ └ ┘ ─ │`.
    const fn frame(self) -> [char; 6] {
        match self {
            Self::Unicode => ['┌', '┐', '└', '┘', '─', '│'],
            Self::Ascii => ['+', '+', '+', '+', '-', '|'],
        }
    }

    /// What the shaft of an arrow is made of.
    const fn shaft(self, link: &Link) -> char {
        match (&link.protection, link.over, self) {
            (Protection::Tls(_), _, Self::Unicode) => '═',
            (Protection::Tls(_), _, Self::Ascii) => '=',
            (Protection::PassThrough, _, _) => '~',
            (Protection::Clear, Over::Segment, _) => '-',
            (Protection::Clear, _, Self::Unicode) => '·',
            (Protection::Clear, _, Self::Ascii) => '.',
        }
    }

    const fn legend(self) -> &'static str {
        match self {
            Self::Unicode => {
                "═ TLS and who issued the certificate   ~ TLS passed through unopened\n\
                              - clear   · within the host"
            }
            Self::Ascii => {
                "= TLS and who issued the certificate   ~ TLS passed through unopened\n\
                            - clear   . within the host"
            }
        }
    }

    /// Nothing a terminal would obey, and nothing it cannot show.
    fn plain(self, text: &str) -> String {
        let shown = |c: char| !c.is_control() && (self == Self::Unicode || c.is_ascii());
        text.chars().map(|c| if shown(c) { c } else { '?' }).collect()
    }
}

pub(super) fn render(graph: &Graph, characters: Characters) -> String {
    let title = characters.plain(&format!("{}: {}", graph.architecture, graph.title));
    let mut lines = wrapped(&title, WIDTH, 2);
    lines.push(String::new());
    lines.extend(segments(graph));
    for host in graph.outermost() {
        lines.push(String::new());
        lines.extend(boxed(graph, host, WIDTH, characters));
    }
    lines.push(String::new());
    lines.push(characters.legend().to_owned());
    lines.iter().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "{}", line.trim_end());
        text
    })
}

fn segments(graph: &Graph) -> Vec<String> {
    let longest = graph.segments.iter().map(|segment| segment.name.len()).max().unwrap_or(0);
    let line = |segment: &super::Segment| {
        let hosts = segment.hosts.join(", ");
        let line = format!("{:longest$}  {} domain: {hosts}", segment.name, segment.domain);
        wrapped(&line, WIDTH, 4)
    };
    graph.segments.iter().flat_map(line).collect()
}

fn boxed(graph: &Graph, host: &Host, width: usize, characters: Characters) -> Vec<String> {
    let [top_left, top_right, bottom_left, bottom_right, line, side] = characters.frame();
    let width = width.max(NARROWEST);
    let rule = |count| drawn(line, count);
    let inner = width - 4;
    let title = shortened(&format!("{} on {}", host.name, host.segments.join(" and ")), inner);
    let mut lines =
        vec![format!("{top_left} {title} {}{top_right}", rule(width - 4 - title.chars().count()))];
    let mut content = Vec::new();
    for process in &host.processes {
        let head = format!("{}: {}", process.name, process.words());
        content.extend(wrapped(&head, inner, 2));
        content.extend(arrows(graph, &format!("{}/{}", host.name, process.name), inner, characters));
    }
    for guest in graph.guests(&host.name) {
        content.extend(boxed(graph, guest, inner, characters));
    }
    for text in content {
        lines.push(format!("{side} {text}{} {side}", " ".repeat(inner.saturating_sub(text.chars().count()))));
    }
    lines.push(format!("{bottom_left}{}{bottom_right}", rule(width - 2)));
    lines
}

/// What a process dials.
fn arrows(graph: &Graph, from: &str, width: usize, characters: Characters) -> Vec<String> {
    let arrows: Vec<Arrow<'_>> = graph.arrows().into_iter().filter(|arrow| arrow.link.from == from).collect();
    let longest = arrows.iter().map(|arrow| arrow.link.words().len()).max().unwrap_or(0);
    let line = |Arrow { link, dials }: &Arrow<'_>| {
        let (shaft, words) = (characters.shaft(link), link.words());
        let tail = drawn(shaft, longest - words.len() + 2);
        let over = link.segment.as_ref().map(|segment| format!(" on {segment}")).unwrap_or_default();
        let line = format!("  {shaft}{shaft} {words} {tail}> {}{over} ({})", link.to, dials.join(", "));
        wrapped(&line, width, 6)
    };
    arrows.iter().flat_map(line).collect()
}

fn drawn(c: char, count: usize) -> String {
    std::iter::repeat_n(c, count).collect()
}

/// Broken between words into lines of `width`; every line but the first is indented.
fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text.to_owned();
    while let Some((most, _)) = rest.char_indices().nth(width) {
        // A space within the indent would make an empty line, and no progress.
        let begin = rest.len() - rest.trim_start().len();
        let spaces = rest.char_indices().take(width + 1).filter(|(at, c)| *c == ' ' && *at > begin);
        let at = spaces.last().map_or(most, |(at, _)| at);
        let tail = rest.split_off(at);
        lines.push(rest);
        rest = format!("{}{}", " ".repeat(indent), tail.trim_start());
    }
    lines.push(rest);
    lines
}

fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(3)).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_a_long_word_anywhere() {
        assert_eq!(wrapped("one two three", 8, 2), ["one two", "  three"]);
        assert_eq!(wrapped("abcdefghij", 4, 1), ["abcd", " efg", " hij"]);
        assert_eq!(wrapped("short", 8, 2), ["short"]);
        assert_eq!(wrapped("größere Wörter", 7, 0), ["größere", "Wörter"]);
    }

    proptest! {
        #[test]
        fn any_text_is_broken_into_lines_that_fit_and_nothing_is_lost(text in "[a-zé語 ]{0,200}", indent in 0..6_usize) {
            let lines = wrapped(&text, 20, indent);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= 20), "{lines:?}");
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&lines.concat()), letters(&text));
        }
    }

    #[test]
    fn a_title_cannot_steer_the_terminal() {
        assert_eq!(Characters::Unicode.plain("a\u{1b}[2Jé"), "a?[2Jé");
        assert_eq!(Characters::Ascii.plain("é\n"), "??");
    }
}
