//! Lines of a label and one entry per architecture, in 80 columns.
//!
//! Few architectures get wide columns, with counts in them; more get narrow ones with a word each, so that all of
//! them stand side by side. What does not fit even then stands below, block by block.

use std::fmt::Write;

use super::{
    table::Line,
    words::{clean, fit},
};

/// Columns of a terminal.
pub(super) const WIDTH: usize = 80;

/// Widths of label and entry, the gaps included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// Entries with counts.
    Wide,
    /// One word or figure each.
    Narrow,
}

impl Columns {
    /// Wide, if all architectures stand side by side.
    pub(super) fn of(architectures: usize) -> Self {
        if architectures <= Self::Wide.per_block() { Self::Wide } else { Self::Narrow }
    }

    const fn label(self) -> usize {
        match self {
            Self::Wide => 32,
            Self::Narrow => 24,
        }
    }

    /// Letters of an entry and its gap.
    pub(super) const fn entry(self) -> usize {
        match self {
            Self::Wide => 16,
            Self::Narrow => 7,
        }
    }

    const fn per_block(self) -> usize {
        (WIDTH - self.label()) / self.entry()
    }
}

/// A title and its lines.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
}

/// The sections under the names of the architectures, block by block.
pub(super) fn render(architectures: &[String], sections: &[Section]) -> String {
    let columns = Columns::of(architectures.len());
    let mut text = String::new();
    for (block, names) in architectures.chunks(columns.per_block()).enumerate() {
        let first = block * columns.per_block();
        text.push_str(&header(names, columns));
        for section in sections.iter().filter(|section| !section.lines.is_empty()) {
            text.push_str(section.title);
            text.push('\n');
            for (label, entries) in &section.lines {
                let shown = entries.iter().skip(first).take(names.len());
                text.push_str(&line(&format!("  {label}"), shown.map(String::as_str), columns));
            }
        }
        text.push('\n');
    }
    text
}

/// A label that does not fit gets a line of its own: ids are there to be typed again.
fn line<'a>(label: &str, entries: impl Iterator<Item = &'a str>, columns: Columns) -> String {
    let (room, label) = (columns.label(), fit(&clean(label), WIDTH));
    let mut line = if label.chars().count() < room {
        format!("{label:<room$}")
    } else {
        format!("{label}\n{:room$}", "")
    };
    let width = columns.entry();
    for entry in entries {
        // Writing to a string cannot fail.
        let _ = write!(line, "{:<width$}", fit(&clean(entry), width - 1));
    }
    format!("{}\n", line.trim_end())
}

fn header(names: &[String], columns: Columns) -> String {
    let heads: Vec<Vec<String>> = names.iter().map(|name| heads(name, columns.entry() - 1)).collect();
    let height = heads.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| heads.iter().map(move |part| part.get(at).map_or("", String::as_str));
    let mut text: String = (0..height).map(|at| line("", row(at), columns)).collect();
    text.push_str(&"─".repeat(columns.label() + names.len() * columns.entry() - 1));
    text.push('\n');
    text
}

/// A name as the head of a column of `width` letters: broken at its hyphens, as many lines as it needs. A part
/// that is too long is cut; a hyphen at the end of a line goes first.
pub fn heads(name: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in name.split_inclusive('-') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.trim_end_matches('-').chars().count() <= width => {
                line.push_str(part);
            }
            _ => lines.push(part.to_owned()),
        }
    }
    lines.iter().map(|line| line.chars().take(width).collect()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text(architectures: usize, entry: &str) -> String {
        let names: Vec<String> = (0..architectures).map(|n| format!("architecture-number-{n}")).collect();
        let entries = (0..architectures).map(|n| format!("{entry}{n}")).collect();
        let lines = vec![(String::from("management-in-path-unverified"), entries)];
        render(&names, &[Section { title: "verdicts", lines }])
    }

    #[test]
    fn eight_architectures_stand_side_by_side_in_eighty_columns() {
        let text = text(8, "held");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.matches("  management-in-path-unverified\n").count(), 1, "the whole id: {text}");
        let line = text.lines().find(|line| line.contains("held")).unwrap();
        assert_eq!(line.split_whitespace().count(), 8);
    }

    #[test]
    fn three_have_room_for_counts_and_a_ninth_stands_below() {
        let few = text(3, "broken 123/12");
        assert!(few.lines().any(|line| line.contains("unverified broken 123/120")), "{few}");
        let many = text(9, "held");
        assert_eq!(many.matches("management-in-path-unverified").count(), 2);
        let last = many.lines().rfind(|line| line.contains("held")).unwrap();
        assert_eq!(last.split_whitespace().collect::<Vec<_>>(), ["held8"]);
    }

    #[test]
    fn a_long_name_is_broken_at_its_hyphens() {
        assert_eq!(heads("separate-environments", 15), ["separate-", "environments"]);
        assert_eq!(heads("native-tls", 15), ["native-tls"]);
        assert_eq!(heads("separate-environments", 6), ["separa", "enviro"]);
        assert_eq!(heads("proxy-on-host-unix", 6), ["proxy-", "on-", "host-", "unix"]);
        assert_eq!(heads("native-tls", 6), ["native", "tls"]);
    }
}
