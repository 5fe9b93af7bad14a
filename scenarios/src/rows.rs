//! The rows of the requirements, and what shows each of them: the list behind `list rows`.
//!
//! The list is `scenarios/rows.toml`, inside the binary. It is about what *can* be shown; whether a run did show
//! it is the matrix's business. Tests keep it complete and true to the catalog.

use serde::{Deserialize, Serialize};

/// The checked-in list.
const SHIPPED: &str = include_str!("../rows.toml");
/// The version of its shape.
const SCHEMA: u32 = 1;

/// The list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// No TOML of this shape.
    #[error("rows.toml: {0}")]
    Toml(#[from] toml::de::Error),
    /// Of another version.
    #[error("rows.toml: schema {0} is not known")]
    Schema(u32),
}

/// How far a row is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Something shows it.
    Shown,
    /// Something shows a part of it.
    Partly,
    /// Nothing does.
    NotExercised,
}

impl Status {
    /// The word as in JSON and on screen.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Shown => "shown",
            Self::Partly => "partly",
            Self::NotExercised => "not_exercised",
        }
    }
}

/// A row of the requirements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// `A1`, or the scenario id of a row of the truth table.
    pub id: String,
    /// What is claimed, in a few words.
    pub claim: String,
    /// Shipped scenarios that show it.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Command lines that show it.
    #[serde(default)]
    pub commands: Vec<String>,
    /// What is not shown.
    #[serde(default)]
    pub missing: Option<String>,
}

impl Row {
    /// How far it is shown.
    pub fn status(&self) -> Status {
        match (self.scenarios.is_empty() && self.commands.is_empty(), &self.missing) {
            (true, _) => Status::NotExercised,
            (false, Some(_)) => Status::Partly,
            (false, None) => Status::Shown,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    rows: Vec<Row>,
}

/// Every row, in the order of the requirements.
pub fn all() -> Result<Vec<Row>, RowsError> {
    let file: File = toml::from_str(SHIPPED)?;
    if file.schema == SCHEMA { Ok(file.rows) } else { Err(RowsError::Schema(file.schema)) }
}
