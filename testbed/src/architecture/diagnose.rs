//! Everything that is wrong with one file, each with its place, a snippet and a next step.
//!
//! Used by every file this workspace reads. It renders; it neither reads files nor decides what is wrong.

use std::{fmt, ops::Range};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};

/// Findings printed in full; a file of garbage must not print a book.
const SHOWN: usize = 40;

/// Characters of a message printed; it may quote a name of any length.
const WIDEST: usize = 400;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Bytes of the source it is about.
    pub span: Range<usize>,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl Finding {
    /// A finding without help.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        self.maybe_help(Some(help.into()))
    }

    /// Adds what to do next, where something is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Where a finding starts, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// How to render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Characters only.
    Plain,
    /// With ANSI colours.
    Coloured,
}

/// All findings of one file, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    source: String,
    findings: Vec<Finding>,
}

impl Diagnostics {
    /// Findings of `file`; spans outside the source are moved to its end.
    pub fn new(file: impl Into<String>, source: impl Into<String>, mut findings: Vec<Finding>) -> Self {
        let source = source.into();
        for finding in &mut findings {
            let start = source.floor_char_boundary(finding.span.start);
            let end = source.ceil_char_boundary(finding.span.end.max(start));
            finding.span = start..end;
        }
        findings.sort_by_key(|finding| (finding.span.start, finding.span.end));
        Self { file: file.into(), source, findings }
    }

    /// The file's name as the user gave it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What is wrong, in the order of places.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Where a finding starts.
    pub fn place(&self, finding: &Finding) -> LineColumn {
        let before = &self.source[..self.source.floor_char_boundary(finding.span.start)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        LineColumn {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// `error: …`, `--> file:line:column`, the snippet and `help:`, for each finding.
    pub fn render(&self, look: Look) -> String {
        let renderer = match look {
            Look::Plain => Renderer::plain(),
            Look::Coloured => Renderer::styled(),
        };
        let mut out = String::new();
        for finding in self.findings.iter().take(SHOWN) {
            out.push_str(&self.render_one(finding, &renderer));
            out.push_str("\n\n");
        }
        if let Some(more) = self.findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            out.push_str("error: ");
            out.push_str(&more.to_string());
            out.push_str(" more in this file, not shown\n\n");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }

    fn render_one(&self, finding: &Finding, renderer: &Renderer) -> String {
        let path = normalize_untrusted_str(&self.file);
        let snippet = Snippet::source(self.source.as_str())
            .path(path)
            .annotation(AnnotationKind::Primary.span(finding.span.clone()));
        let mut group = Level::ERROR.primary_title(shortened(&finding.message)).element(snippet);
        if let Some(help) = &finding.help {
            group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
        }
        renderer.render(&[group])
    }
}

fn shortened(message: &str) -> String {
    match message.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Look::Plain))
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_findings() -> Diagnostics {
        let source = "name = \"é\"\nport = 0\n";
        let port = Finding::new(19..20, "port 0 is no port").help("leave it out");
        Diagnostics::new("x.toml", source, vec![port, Finding::new(7..11, "no such name")])
    }

    #[test]
    fn findings_are_sorted_by_place_and_columns_count_characters() {
        let diagnostics = two_findings();
        let places: Vec<_> = diagnostics
            .findings()
            .iter()
            .map(|finding| diagnostics.place(finding))
            .map(|place| (place.line, place.column))
            .collect();
        assert_eq!(places, [(1, 8), (2, 8)]);
    }

    #[test]
    fn the_plain_form_names_file_line_column_and_help() {
        let text = two_findings().to_string();
        assert!(text.contains("error: port 0 is no port"), "{text}");
        assert!(text.contains("--> x.toml:2:8"), "{text}");
        assert!(text.contains("help: leave it out"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_coloured_form_differs_by_escapes() {
        assert!(two_findings().render(Look::Coloured).contains('\u{1b}'));
    }

    #[test]
    fn a_span_outside_the_source_points_at_its_end() {
        let diagnostics = Diagnostics::new("x.toml", "a = 1\n", vec![Finding::new(90..95, "cut off")]);
        assert_eq!(diagnostics.place(&diagnostics.findings()[0]), LineColumn { line: 2, column: 1 });
        assert!(diagnostics.to_string().contains("cut off"));
    }

    #[test]
    fn escape_sequences_of_a_file_never_reach_the_terminal() {
        let finding = Finding::new(0..4, "no host `\u{1b}[2J`").help("not \u{1b}[2J");
        let text = Diagnostics::new("\u{1b}[2J.toml", "# \u{1b}[2J\n", vec![finding]).to_string();
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn a_message_that_quotes_an_endless_name_is_cut() {
        let finding = Finding::new(0..1, format!("no host `{}`", "ö".repeat(10_000)));
        let text = Diagnostics::new("x.toml", "x", vec![finding]).to_string();
        assert!(text.lines().next().is_some_and(|line| line.ends_with("ö…")), "{text}");
        assert!(text.chars().count() < 600, "{text}");
    }

    #[test]
    fn a_hundred_findings_print_forty_and_a_count() {
        let findings = (0..100).map(|at| Finding::new(at..at + 1, format!("no. {at}"))).collect();
        let text = Diagnostics::new("x.toml", "x".repeat(100), findings).to_string();
        assert_eq!(text.matches("-->").count(), SHOWN);
        assert!(text.ends_with("error: 60 more in this file, not shown\n"), "{text}");
    }
}
