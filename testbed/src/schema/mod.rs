//! JSON Schemas (draft 2020-12) of what this crate reads and prints, for editors and other programs.
//!
//! The reader of architecture files is written by hand, so that it can report every error at once with its
//! place; so is its schema. `tests/schema.rs` keeps the two in step: same keys, every shipped file valid, and
//! whatever the reader accepts the schema accepts. A schema judges the shape of a file only.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::graph::Graph;

/// Of an architecture file, as TOML maps onto JSON.
pub const ARCHITECTURE: &str = include_str!("architecture.json");

/// Of what `graph --format json` prints.
pub fn graph() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Graph>().to_value()
}
