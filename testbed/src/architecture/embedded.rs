//! The shipped architectures, inside the binary, and loading one by name or by path.

use std::{collections::BTreeSet, io, path::Path};

use super::{
    Architecture,
    diagnose::{Diagnostics, Finding},
    literal, resolve,
    suggest::help_for,
    text,
};

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        /// In the order of the guide: the order of every list and matrix.
        const SOURCES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../architectures/", $name, ".toml")))),+];
    };
}

embedded!("plaintext", "proxy-in-front", "separate-environments");

/// Why a file could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No shipped file has this name.
    #[error("there is no {what} `{}`{}", .name.escape_debug(), .help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default())]
    Unknown {
        /// `architecture` or `scenario`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// The nearest name, or all.
        help: Option<String>,
    },
    /// The operating system refused.
    #[error("cannot read `{}`", .path.escape_debug())]
    Unreadable {
        /// As the user gave it.
        path: String,
        /// Its answer.
        source: io::Error,
    },
    /// The file says something impossible.
    #[error("{0}")]
    Invalid(Box<Diagnostics>),
}

impl From<Diagnostics> for LoadError {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Invalid(Box::new(diagnostics))
    }
}

/// Names of the shipped architectures, in the order of the guide.
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// The text of a shipped architecture.
pub fn source(name: &str) -> Option<&'static str> {
    SOURCES.iter().find(|(known, _)| *known == name).map(|(_, source)| *source)
}

/// Reads an architecture from text; `file` is what messages call it.
pub fn parse(file: &str, source: &str) -> Result<Architecture, Diagnostics> {
    let mut findings: Vec<Finding> = Vec::new();
    let literal = literal::read(source, &mut findings);
    let resolved = literal.and_then(|literal| resolve::resolve(&literal, &mut findings));
    resolved.ok_or_else(|| Diagnostics::new(file, source, findings))
}

/// Every key the reader asks for in a file like this one, for the test that compares it with the schema.
pub fn asked(source: &str) -> BTreeSet<String> {
    literal::asked(source).map(|trace| trace.keys()).unwrap_or_default()
}

/// Loads a shipped architecture by name, or any other by path. What contains `/` or ends in `.toml` is a path.
pub fn load(name_or_path: &str) -> Result<Architecture, LoadError> {
    if is_path(name_or_path) {
        let text = text::load(name_or_path)?;
        return Ok(parse(name_or_path, &text)?);
    }
    let Some(source) = source(name_or_path) else {
        let known: Vec<&str> = names().collect();
        let help = help_for(name_or_path, &known);
        return Err(LoadError::Unknown { what: "architecture", name: name_or_path.to_owned(), help });
    };
    Ok(parse(&format!("{name_or_path}.toml"), source)?)
}

/// Is this a path rather than the name of a shipped file?
pub fn is_path(name_or_path: &str) -> bool {
    name_or_path.contains('/') || Path::new(name_or_path).extension().is_some_and(|end| end == "toml")
}
