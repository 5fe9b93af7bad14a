//! From text to tables: the generic half of reading any TOML file of this workspace.
//!
//! A [`Section`] is taken apart key by key. Whatever was not asked for is an unknown field at the end, so
//! every missing, mistyped and unknown field of a file is reported at once and none is silently ignored.
//! It knows no field of any format.

use std::{cell::RefCell, collections::BTreeSet, ops::Range, rc::Rc};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{diagnose::Finding, suggest::help_for};

/// A table of the file that is being taken apart.
#[derive(Debug)]
pub struct Section<'i> {
    /// Where to point when something is missing in it.
    pub at: Range<usize>,
    table: DeTable<'i>,
    asked: Vec<&'static str>,
    trace: Trace,
}

/// Every key that was asked for in any section of one file, whether it was there or not, as
/// `hosts.*.segments` and `set[].dial`: what a schema of the format must know.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    asked: Rc<RefCell<BTreeSet<String>>>,
    /// Ends in a dot, unless it is empty.
    prefix: String,
}

impl Trace {
    /// What was asked for so far.
    pub fn keys(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    fn note(&self, key: &str) {
        self.asked.borrow_mut().insert(format!("{}{key}", self.prefix));
    }

    fn below(&self, step: &str) -> Self {
        Self { asked: Rc::clone(&self.asked), prefix: format!("{}{step}.", self.prefix) }
    }
}

/// The whole file as a section, or all its syntax errors.
pub fn parse<'i>(source: &'i str, findings: &mut Vec<Finding>) -> Option<Section<'i>> {
    if source.trim().is_empty() {
        findings.push(Finding::new(0..0, "the file is empty").help("begin with `schema = 1`"));
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(source);
    if errors.is_empty() {
        return Some(Section::new(0..0, table.into_inner(), Trace::default()));
    }
    findings.extend(errors.iter().map(|error| finding_of(error, 0..0)));
    None
}

impl<'i> Section<'i> {
    fn new(at: Range<usize>, table: DeTable<'i>, trace: Trace) -> Self {
        Self { at, table, asked: Vec::new(), trace }
    }

    /// What is asked for in this file, from now on too.
    pub fn trace(&self) -> Trace {
        self.trace.clone()
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'i>>> {
        self.note(key);
        self.table.remove(key)
    }

    fn note(&mut self, key: &'static str) {
        self.asked.push(key);
        self.trace.note(key);
    }

    /// A value that must be there.
    pub fn required<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Option<Spanned<T>> {
        match self.take(key) {
            Some(value) => typed(value, findings),
            None => self.missing(key, findings),
        }
    }

    /// A value that may be absent.
    pub fn optional<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Option<Spanned<T>> {
        typed(self.take(key)?, findings)
    }

    /// A list that must be there; each element is checked on its own.
    pub fn list<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Option<Spanned<Vec<Spanned<T>>>> {
        let Some(value) = self.take(key) else { return self.missing(key, findings) };
        let span = value.span();
        let elements = array(value, findings)?;
        let list = elements.into_iter().filter_map(|element| typed(element, findings)).collect();
        Some(Spanned::new(span, list))
    }

    /// A list that may be absent; each element is checked on its own.
    pub fn optional_list<T: DeserializeOwned>(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Option<Spanned<Vec<Spanned<T>>>> {
        if self.table.contains_key(key) {
            return self.list(key, findings);
        }
        self.note(key);
        None
    }

    /// A table, if it is there.
    pub fn section(&mut self, key: &'static str, findings: &mut Vec<Finding>) -> Option<Section<'i>> {
        let value = self.take(key)?;
        let at = value.span();
        Some(Section::new(at, table(value, findings)?, self.trace.below(key)))
    }

    /// A table that must be there.
    pub fn required_section(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Option<Section<'i>> {
        if self.table.contains_key(key) {
            return self.section(key, findings);
        }
        self.note(key);
        self.missing(key, findings)
    }

    /// Any value, for a key that has more than one shape and must be there.
    pub fn required_either(&mut self, key: &'static str, findings: &mut Vec<Finding>) -> Option<Shape<'i>> {
        self.either(key).or_else(|| self.missing(key, findings))
    }

    fn either(&mut self, key: &'static str) -> Option<Shape<'i>> {
        let value = self.take(key)?;
        let at = value.span();
        Some(match value.into_inner() {
            DeValue::Table(table) => Shape::Section(Section::new(at, table, self.trace.below(key))),
            value => Shape::Value(Spanned::new(at, value)),
        })
    }

    /// A table of tables (`[hosts.edge]`), in file order. Absent is empty.
    pub fn entries(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Vec<(Spanned<String>, Section<'i>)> {
        let Some(entries) = self.take(key).and_then(|value| table(value, findings)) else {
            return Vec::new();
        };
        named(entries, &self.trace.below(&format!("{key}.*")), findings)
    }

    /// A list of tables (`set = [{ … }]` or `[[set]]`). Absent is empty.
    pub fn items(&mut self, key: &'static str, findings: &mut Vec<Finding>) -> Vec<Section<'i>> {
        self.optional_items(key, findings).map(Spanned::into_inner).unwrap_or_default()
    }

    /// A list of tables with its place, if it is there.
    pub fn optional_items(
        &mut self,
        key: &'static str,
        findings: &mut Vec<Finding>,
    ) -> Option<Spanned<Vec<Section<'i>>>> {
        let value = self.take(key)?;
        let span = value.span();
        let elements = array(value, findings)?;
        let trace = self.trace.below(&format!("{key}[]"));
        let mut items = Vec::with_capacity(elements.len());
        for element in elements {
            let at = element.span();
            items.extend(table(element, findings).map(|table| Section::new(at, table, trace.clone())));
        }
        Some(Spanned::new(span, items))
    }

    /// Everything that is left, as values with free names, in file order.
    pub fn rest<T: DeserializeOwned>(
        self,
        findings: &mut Vec<Finding>,
    ) -> Vec<(Spanned<String>, Spanned<T>)> {
        self.trace.note("*");
        in_order(self.table)
            .into_iter()
            .filter_map(|(key, value)| Some((key, typed(value, findings)?)))
            .collect()
    }

    /// Reports whatever nobody asked for.
    pub fn finish(self, findings: &mut Vec<Finding>) {
        for (key, _) in in_order(self.table) {
            findings.push(
                Finding::new(key.span(), format!("unknown field `{}`", key.get_ref()))
                    .maybe_help(help_for(key.get_ref(), &self.asked)),
            );
        }
    }

    fn missing<T>(&self, key: &str, findings: &mut Vec<Finding>) -> Option<T> {
        findings.push(Finding::new(self.at.clone(), format!("field `{key}` is missing")));
        None
    }
}

/// A value of a key that has more than one shape.
#[derive(Debug)]
pub enum Shape<'i> {
    /// A table.
    Section(Section<'i>),
    /// Anything else.
    Value(Spanned<DeValue<'i>>),
}

/// A typed value, or a finding that says what was expected.
pub fn typed<T: DeserializeOwned>(
    value: Spanned<DeValue<'_>>,
    findings: &mut Vec<Finding>,
) -> Option<Spanned<T>> {
    let span = value.span();
    match T::deserialize(ValueDeserializer::from(value)) {
        Ok(value) => Some(Spanned::new(span, value)),
        Err(error) => {
            findings.push(finding_of(&error, span));
            None
        }
    }
}

/// The elements of a list, or a finding.
pub fn array<'i>(
    value: Spanned<DeValue<'i>>,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Spanned<DeValue<'i>>>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Array(elements) => Some(elements.into_iter().collect()),
        other => not_a(span, "list", &other, findings),
    }
}

fn table<'i>(value: Spanned<DeValue<'i>>, findings: &mut Vec<Finding>) -> Option<DeTable<'i>> {
    let span = value.span();
    match value.into_inner() {
        DeValue::Table(table) => Some(table),
        other => not_a(span, "table", &other, findings),
    }
}

fn not_a<T>(span: Range<usize>, wanted: &str, found: &DeValue<'_>, findings: &mut Vec<Finding>) -> Option<T> {
    findings.push(Finding::new(span, format!("expected a {wanted}, found {}", found.type_str())));
    None
}

fn named<'i>(
    entries: DeTable<'i>,
    trace: &Trace,
    findings: &mut Vec<Finding>,
) -> Vec<(Spanned<String>, Section<'i>)> {
    let mut sections = Vec::new();
    for (name, value) in in_order(entries) {
        if let Some(table) = table(value, findings) {
            sections.push((name.clone(), Section::new(name.span(), table, trace.clone())));
        }
    }
    sections
}

/// The parser sorts keys by name; people expect the order they wrote.
fn in_order(table: DeTable<'_>) -> Vec<(Spanned<String>, Spanned<DeValue<'_>>)> {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| (Spanned::new(key.span(), key.into_inner().into_owned()), value))
        .collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn finding_of(error: &toml::de::Error, otherwise: Range<usize>) -> Finding {
    // The parser's words, but for people who do not know Rust's types.
    let message =
        error.message().trim_end().replace('\n', ", ").replace("expected i64", "expected a whole number");
    Finding::new(error.span().unwrap_or(otherwise), message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn missing_mistyped_and_unknown_fields_are_reported_together() {
        let mut findings = Vec::new();
        let mut file = parse("port = \"x\"\ncolour = 1\n", &mut findings).unwrap();
        assert!(file.optional::<i64>("port", &mut findings).is_none());
        assert!(file.required::<String>("color", &mut findings).is_none());
        file.finish(&mut findings);
        let messages: Vec<_> = findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "invalid type: string \"x\", expected a whole number",
                "field `color` is missing",
                "unknown field `colour`"
            ]
        );
        assert_eq!(findings[2].help.as_deref(), Some("did you mean `color`?"));
    }

    #[test]
    fn entries_come_in_file_order() {
        let mut findings = Vec::new();
        let mut file = parse("[h.z]\n[h.a]\n[h.m]\n", &mut findings).unwrap();
        let names: Vec<_> =
            file.entries("h", &mut findings).into_iter().map(|(name, _)| name.into_inner()).collect();
        assert_eq!(names, ["z", "a", "m"]);
        assert!(findings.is_empty());
    }
}
