//! The shipped scenarios, inside the binary, and loading one by name or by path.

use std::collections::BTreeSet;

use testbed::architecture::{
    LoadError,
    diagnose::{Diagnostics, Finding},
    is_path,
    suggest::help_for,
    text,
};

use super::{Scenario, literal, resolve};

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        /// In the order of the truth table: the order of every list and matrix.
        const SOURCES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../catalog/", $name, ".toml")))),+];
    };
}

embedded!(
    "public-sniff",
    "public-in-path",
    "public-in-path-careless",
    "management-sniff",
    "management-in-path",
    "management-in-path-unverified",
    "direct-connect",
    "guest-reach",
    "edge-root",
    "host-root",
    "escaped-host",
    "flood-connect",
    "flood-handshake",
);

/// Ids of the shipped scenarios, in the order of the truth table.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// The text of a shipped scenario.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}

/// Reads a scenario from text; `file` is what messages call it.
pub fn parse(file: &str, source: &str) -> Result<Scenario, Diagnostics> {
    let mut findings: Vec<Finding> = Vec::new();
    let literal = literal::read(source, &mut findings);
    let resolved = literal.and_then(|literal| resolve::resolve(&literal, &mut findings));
    resolved.ok_or_else(|| Diagnostics::new(file, source, findings))
}

/// Every key the reader asks for in a file like this one, for the test that compares it with the schema.
pub fn asked(source: &str) -> BTreeSet<String> {
    literal::asked(source).map(|trace| trace.keys()).unwrap_or_default()
}

/// Loads a shipped scenario by name, or any other by path. What contains `/` or ends in `.toml` is a path.
pub fn load(name_or_path: &str) -> Result<Scenario, LoadError> {
    if is_path(name_or_path) {
        let text = text::load(name_or_path)?;
        return Ok(parse(name_or_path, &text)?);
    }
    let Some(source) = source(name_or_path) else {
        let known: Vec<&str> = names().collect();
        let help = help_for(name_or_path, &known);
        return Err(LoadError::Unknown { what: "scenario", name: name_or_path.to_owned(), help });
    };
    Ok(parse(&format!("{name_or_path}.toml"), source)?)
}

/// Every shipped scenario, in the order of the truth table.
pub fn all() -> Result<Vec<Scenario>, LoadError> {
    names().map(load).collect()
}
