//! Lines of a label and one entry per architecture, in 80 columns: as many architectures side by side as
//! fit, the others below.

use std::fmt::Write;

use super::{
    table::Line,
    words::{clean, fit},
};

/// Columns of a terminal.
pub(super) const WIDTH: usize = 80;
/// Columns of the label.
const LABEL: usize = 32;
/// Columns of an architecture, the gap included.
const COLUMN: usize = 16;

/// A title and its lines.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
}

/// The sections under the names of the architectures, block by block.
pub(super) fn render(architectures: &[String], sections: &[Section]) -> String {
    let per_block = (WIDTH - LABEL) / COLUMN;
    let mut text = String::new();
    for (block, names) in architectures.chunks(per_block).enumerate() {
        let first = block * per_block;
        text.push_str(&header(names));
        for section in sections.iter().filter(|section| !section.lines.is_empty()) {
            text.push_str(section.title);
            text.push('\n');
            for (label, entries) in &section.lines {
                let shown = entries.iter().skip(first).take(names.len());
                text.push_str(&line(&format!("  {label}"), shown.map(String::as_str)));
            }
        }
        text.push('\n');
    }
    text
}

fn line<'a>(label: &str, entries: impl Iterator<Item = &'a str>) -> String {
    let mut line = format!("{:<LABEL$}", fit(&clean(label), LABEL - 1));
    for entry in entries {
        // Writing to a string cannot fail.
        let _ = write!(line, "{:<COLUMN$}", fit(&clean(entry), COLUMN - 1));
    }
    format!("{}\n", line.trim_end())
}

/// Names broken at their hyphens, as many lines as the longest needs.
fn header(names: &[String]) -> String {
    let parts: Vec<Vec<String>> = names.iter().map(|name| broken(name)).collect();
    let height = parts.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| parts.iter().map(move |part| part.get(at).map_or("", String::as_str));
    let mut text: String = (0..height).map(|at| line("", row(at))).collect();
    text.push_str(&"─".repeat(LABEL + names.len() * COLUMN - 1));
    text.push('\n');
    text
}

fn broken(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in name.split_inclusive('-') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + part.chars().count() < COLUMN => line.push_str(part),
            _ => lines.push(part.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn seven_architectures_stand_in_blocks_of_three() {
        let names: Vec<String> = (0..7).map(|n| format!("architecture-number-{n}")).collect();
        let entries = (0..7).map(|n| format!("held {n}/9")).collect();
        let lines = vec![(String::from("management-in-path-unverified"), entries)];
        let text = render(&names, &[Section { title: "verdicts", lines }]);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.matches("management-in-path-unverified").count(), 3);
        assert_eq!(text.matches("held").count(), 7);
        let last = text.lines().rfind(|line| line.contains("held")).unwrap();
        assert_eq!(last.split_whitespace().collect::<Vec<_>>()[1..], ["held", "6/9"]);
    }

    #[test]
    fn a_long_name_is_broken_at_its_hyphens() {
        assert_eq!(broken("separate-environments"), ["separate-", "environments"]);
        assert_eq!(broken("native-tls"), ["native-tls"]);
    }
}
