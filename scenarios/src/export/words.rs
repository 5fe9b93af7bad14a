//! Small pieces of text that more than one exporter needs.

use crate::event::Cell;

/// `text` without anything that could steer a terminal or break a line: names come from users' files, and
/// answers from sockets.
pub(super) fn clean(text: &str) -> String {
    let harmless = |letter: char| {
        // Bidirectional overrides reorder what a reader sees.
        !letter.is_control()
            && !('\u{202a}'..='\u{202e}').contains(&letter)
            && !('\u{2066}'..='\u{2069}').contains(&letter)
    };
    text.chars().map(|letter| if harmless(letter) { letter } else { '?' }).collect()
}

/// `text` in at most `width` letters, the cut marked.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// `text` in lines of at most `width` letters, broken at spaces; every line begins with `indent`.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(&format!("{indent}{word}"), width)),
        }
    }
    lines.into_iter().flat_map(|line| [line, String::from("\n")]).collect()
}

/// A figure in about three digits; `-` where there is none.
pub(super) fn figure(value: Option<f64>) -> String {
    match value {
        None => String::from("-"),
        Some(value) if value < 10.0 => format!("{value:.2}"),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

/// Where to look for what a broken cell claims: its first evidence in one line.
pub(super) fn proof(cell: &Cell) -> String {
    let Some(evidence) = cell.evidence.first() else {
        return String::from("no evidence recorded");
    };
    let mut parts = Vec::new();
    if let Some(frame) = evidence.frames.first() {
        parts.push(format!("frame {frame}"));
    }
    for part in [&evidence.link, &evidence.encoding] {
        if !part.is_empty() {
            parts.push(part.clone());
        }
    }
    match (&evidence.attempt, &evidence.answer) {
        (Some(attempt), Some(answer)) => parts.push(format!("{attempt}: {answer}")),
        (Some(one), None) | (None, Some(one)) => parts.push(one.clone()),
        (None, None) => {}
    }
    if parts.is_empty() {
        // What was found inside a process crossed no link and stands in no frame.
        let segment = &evidence.segment;
        parts.push(if segment.is_empty() { String::from("not on a wire") } else { segment.clone() });
    }
    clean(&parts.join("  "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a?[2Jb?c?d");
        assert_eq!(clean("edge/tls-proxy>api-1 µ"), "edge/tls-proxy>api-1 µ");
    }

    #[test]
    fn text_is_cut_and_wrapped_within_its_width() {
        assert_eq!(fit("separate", 5), "sepa…");
        assert_eq!(fit("sep", 5), "sep");
        assert_eq!(wrap("one two three four", 10, "  "), "  one two\n  three\n  four\n");
    }

    #[test]
    fn figures_have_about_three_digits() {
        let shown: Vec<String> =
            [Some(1.234), Some(12.34), Some(123.4), None].into_iter().map(figure).collect();
        assert_eq!(shown, ["1.23", "12.3", "123", "-"]);
    }
}
