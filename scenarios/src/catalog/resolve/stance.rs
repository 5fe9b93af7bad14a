//! Where the attacker stands, what they do there, and which published names that has.

use testbed::{
    architecture::{diagnose::Finding, suggest::quoted_list},
    vocabulary::Vantage,
};
use toml::Spanned;

use super::{
    super::{Technique, literal::Literal},
    words,
};

/// Where and what, as far as the file says so.
pub(super) struct Stance {
    pub(super) vantage: Option<Vantage>,
    pub(super) technique: Option<Technique>,
}

pub(super) fn stance(literal: &Literal, findings: &mut Vec<Finding>) -> Stance {
    let vantage = literal
        .vantage
        .as_ref()
        .and_then(|word| words::word("vantage", word, Vantage::ALL, Vantage::word, findings));
    let technique = literal
        .technique
        .as_ref()
        .and_then(|word| words::word("technique", word, Technique::ALL, Technique::word, findings));
    if let (Some(vantage), Some(technique), Some(word)) = (vantage, technique, &literal.vantage) {
        let places = places(technique);
        if !places.contains(&vantage) {
            let known: Vec<&str> = places.iter().map(|place| place.word()).collect();
            let message = format!("technique `{}` cannot be used at `{vantage}`", technique.word());
            findings.push(
                Finding::new(word.span(), message).help(format!("it works at {}", quoted_list(&known))),
            );
        }
    }
    Stance { vantage, technique }
}

/// Where a technique finds what it needs. An outsider who floods stands where a public sniffer stands.
fn places(technique: Technique) -> &'static [Vantage] {
    match technique {
        Technique::Sniff => &[Vantage::PublicSniffer, Vantage::ManagementSniffer],
        Technique::InPath => &[Vantage::PublicInPath, Vantage::ManagementInPath],
        Technique::Reach => &[Vantage::PublicSniffer, Vantage::ManagementSniffer, Vantage::Guest],
        Technique::Escape => &[Vantage::EscapedHost],
        Technique::SearchMemory => &[Vantage::EdgeRoot, Vantage::ApiHostRoot, Vantage::ServiceProcess],
        Technique::FloodConnect | Technique::FloodHandshake => {
            &[Vantage::PublicSniffer, Vantage::ManagementSniffer]
        }
    }
}

/// `T1040` or `T1550.001`.
pub(super) fn attack_ids(
    list: Option<&Spanned<Vec<Spanned<String>>>>,
    findings: &mut Vec<Finding>,
) -> Option<Vec<String>> {
    each(list?, findings, "ATT&CK technique id", "for example `T1040` or `T1550.001`", |text| {
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
        let Some(rest) = text.strip_prefix('T') else { return false };
        match rest.split_once('.') {
            Some((technique, sub)) => digits(technique, 4) && digits(sub, 3),
            None => digits(rest, 4),
        }
    })
}

/// Ids of rows of the requirements, for example `A2`.
pub(super) fn rows(
    list: Option<&Spanned<Vec<Spanned<String>>>>,
    findings: &mut Vec<Finding>,
) -> Option<Vec<String>> {
    /// How many rows each section has.
    const SECTIONS: [(char, u8); 7] =
        [('A', 10), ('B', 7), ('C', 5), ('D', 6), ('E', 6), ('F', 24), ('G', 14)];
    each(list?, findings, "row of the requirements", "rows are A1 to A10, B1 to B7, … G1 to G14", |text| {
        SECTIONS.iter().any(|(section, count)| {
            (1..=*count).any(|row| text.strip_prefix(*section) == Some(row.to_string().as_str()))
        })
    })
}

/// A list of ids that is not empty and in which each id is well formed and stands once.
fn each(
    list: &Spanned<Vec<Spanned<String>>>,
    findings: &mut Vec<Finding>,
    what: &str,
    help: &str,
    good: impl Fn(&str) -> bool,
) -> Option<Vec<String>> {
    let before = findings.len();
    if list.get_ref().is_empty() {
        findings.push(Finding::new(list.span(), format!("at least one {what} is needed")).help(help));
    }
    for (index, id) in list.get_ref().iter().enumerate() {
        if !good(id.get_ref()) {
            let message = format!("`{}` is no {what}", id.get_ref());
            findings.push(Finding::new(id.span(), message).help(help));
        } else if list.get_ref().iter().take(index).any(|earlier| earlier == id) {
            findings.push(Finding::new(id.span(), format!("`{}` is listed twice", id.get_ref())));
        }
    }
    (findings.len() == before).then(|| list.get_ref().iter().map(|id| id.get_ref().clone()).collect())
}
