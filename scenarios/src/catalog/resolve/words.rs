//! Looking words up, with the nearest right one for a wrong one.

use testbed::architecture::{
    self,
    diagnose::Finding,
    suggest::{help_for, one_slip_away},
};
use toml::Spanned;

/// The value whose word this is, or a finding.
pub(in super::super) fn word<T: Copy>(
    what: &str,
    wanted: &Spanned<String>,
    all: &[T],
    of: fn(T) -> &'static str,
    findings: &mut Vec<Finding>,
) -> Option<T> {
    let found = all.iter().copied().find(|value| of(*value) == wanted.get_ref());
    if found.is_none() {
        let known: Vec<&str> = all.iter().map(|value| of(*value)).collect();
        findings.push(
            Finding::new(wanted.span(), format!("there is no {what} `{}`", wanted.get_ref()))
                .maybe_help(help_for(wanted.get_ref(), &known)),
        );
    }
    found
}

/// A name that can stand in a file name and in a cell.
pub(super) fn name(name: &Spanned<String>, findings: &mut Vec<Finding>) -> String {
    const LONGEST: usize = 48;
    let text = name.get_ref();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() > LONGEST
        || !text.starts_with(|c: char| c.is_ascii_lowercase())
        || !text.chars().all(allowed)
    {
        findings.push(
            Finding::new(name.span(), format!("`{text}` cannot be used as a name"))
                .help("use up to 48 lower-case letters, digits and hyphens, a letter first"),
        );
    }
    text.clone()
}

/// The name of a shipped architecture or of a user's own.
pub(super) fn architecture(name: &Spanned<String>, findings: &mut Vec<Finding>) -> String {
    let known: Vec<&str> = architecture::names().collect();
    shipped_or_own("architecture", name, &known, findings)
}

/// A shipped name or a user's own; one slip away from a shipped one is taken for a slip.
pub(super) fn shipped_or_own(
    what: &str,
    wanted: &Spanned<String>,
    known: &[&str],
    findings: &mut Vec<Finding>,
) -> String {
    let text = wanted.get_ref();
    if !known.contains(&text.as_str())
        && let Some(near) = one_slip_away(text, known.iter().copied())
    {
        findings.push(
            Finding::new(wanted.span(), format!("there is no {what} `{text}`"))
                .help(format!("did you mean `{near}`?")),
        );
        return text.clone();
    }
    name(wanted, findings)
}
