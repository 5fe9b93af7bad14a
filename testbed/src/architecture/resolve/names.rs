//! Who is called what: one namespace per kind, with the nearest right name for a wrong one.

use toml::Spanned;

use super::super::{
    diagnose::Finding,
    literal::{Item, Literal},
    suggest::help_for,
};

/// Longest name; names become parts of file names and of certificate subjects.
const LONGEST: usize = 48;

/// The word a listener uses for its host's local link; no segment may be called so.
pub(super) const LOCAL: &str = "local";

/// The word a listener uses for a Unix socket of its host; no segment may be called so.
pub(super) const UNIX: &str = "unix";

/// All names of one kind, by index.
pub(super) struct Namespace {
    what: &'static str,
    names: Vec<String>,
}

impl Namespace {
    fn new(what: &'static str, names: Vec<String>) -> Self {
        Self { what, names }
    }

    /// The index of a name, or a finding with the nearest one.
    pub(super) fn find(&self, wanted: &Spanned<String>, findings: &mut Vec<Finding>) -> Option<usize> {
        let found = self.names.iter().position(|name| name == wanted.get_ref());
        if found.is_none() {
            let known: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let message = format!("there is no {} `{}`", self.what, wanted.get_ref());
            findings
                .push(Finding::new(wanted.span(), message).maybe_help(help_for(wanted.get_ref(), &known)));
        }
        found
    }

    /// The full name at an index, for messages.
    pub(super) fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("?", String::as_str)
    }
}

/// The namespaces of a file.
pub(super) struct Names {
    pub(super) segments: Namespace,
    pub(super) hosts: Namespace,
    /// `host/process/listener`
    pub(super) listeners: Namespace,
    /// `host/process/dial`
    pub(super) dials: Namespace,
    pub(super) authorities: Namespace,
    pub(super) identities: Namespace,
}

impl Names {
    /// Collects and checks every name the file gives.
    pub(super) fn of(literal: &Literal, findings: &mut Vec<Finding>) -> Self {
        check_all(literal, findings);
        let hosts: Vec<String> = own(&literal.hosts);
        let processes = below(&hosts, &literal.processes);
        Self {
            segments: Namespace::new("segment", own(&literal.segments)),
            listeners: Namespace::new("listener", below(&processes, &literal.listeners)),
            dials: Namespace::new("dial", below(&processes, &literal.dials)),
            hosts: Namespace::new("host", hosts),
            authorities: Namespace::new("authority", own(&literal.authorities)),
            identities: Namespace::new("identity", own(&literal.identities)),
        }
    }
}

fn own<T>(items: &[Item<T>]) -> Vec<String> {
    items.iter().map(|item| item.name.get_ref().clone()).collect()
}

fn below<T>(parents: &[String], items: &[Item<T>]) -> Vec<String> {
    let parent = |item: &Item<T>| parents.get(item.parent).map_or("?", String::as_str);
    items.iter().map(|item| format!("{}/{}", parent(item), item.name.get_ref())).collect()
}

fn check_all(literal: &Literal, findings: &mut Vec<Finding>) {
    if let Some(name) = &literal.name {
        check(name, findings);
    }
    for segment in &literal.segments {
        let name = segment.name.get_ref().as_str();
        if let LOCAL | UNIX = name {
            findings.push(
                Finding::new(segment.name.span(), format!("no segment can be called `{name}`"))
                    .help(format!("`on = \"{name}\"` is a host's own link, which no segment sniffer sees")),
            );
        }
    }
    check_each(&literal.segments, findings);
    check_each(&literal.hosts, findings);
    check_each(&literal.processes, findings);
    check_each(&literal.listeners, findings);
    check_each(&literal.dials, findings);
    check_each(&literal.authorities, findings);
    check_each(&literal.identities, findings);
    check_each(&literal.weaknesses, findings);
}

fn check_each<T>(items: &[Item<T>], findings: &mut Vec<Finding>) {
    for item in items {
        check(&item.name, findings);
    }
}

/// Lower-case letters, digits and hyphens, a letter first: such a name is safe in a file name, in a
/// certificate, in a `host/process` path and on any screen.
pub(super) fn check(name: &Spanned<String>, findings: &mut Vec<Finding>) {
    let text = name.get_ref();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() > LONGEST {
        findings.push(Finding::new(name.span(), format!("a name has at most {LONGEST} characters")));
    } else if !text.starts_with(|c: char| c.is_ascii_lowercase()) || !text.chars().all(allowed) {
        findings.push(
            Finding::new(name.span(), format!("`{text}` cannot be used as a name"))
                .help("use lower-case letters, digits and hyphens, a letter first"),
        );
    }
}
