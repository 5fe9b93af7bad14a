//! JSON Schemas (draft 2020-12) of what this crate reads and writes, for editors and other programs.
//!
//! The reader of scenario files is written by hand, and so is its schema; the words in it come from the enums
//! the reader knows. `tests/schema.rs` keeps the two in step. The schemas of what a run writes are derived
//! from the types that are written. A schema judges the shape of a file only.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;
use testbed::vocabulary::{Asset, Vantage};

use crate::{
    catalog::{Technique, VERDICTS},
    event::{Stamped, Verdict},
    export,
};

/// Its word lists are empty: [`scenario`] fills them.
const SCENARIO: &str = include_str!("scenario.json");

/// Of a scenario file, as TOML maps onto JSON.
pub fn scenario() -> Value {
    let mut schema: Value = serde_json::from_str(SCENARIO).unwrap_or_else(|error| unreachable!("{error}"));
    let floods = Technique::ALL.iter().filter(|one| one.is_flood());
    let self_proven = Technique::ALL.iter().filter(|one| one.proves_itself());
    let lists: [(&str, Vec<&str>); 6] = [
        ("vantage", Vantage::ALL.iter().map(|one| one.word()).collect()),
        ("technique", Technique::ALL.iter().map(|one| one.word()).collect()),
        ("flood", floods.map(|one| one.word()).collect()),
        ("self-proven", self_proven.map(|one| one.word()).collect()),
        ("asset", Asset::ALL.iter().map(|one| one.word()).collect()),
        ("verdict", VERDICTS.map(Verdict::word).to_vec()),
    ];
    for (name, words) in lists {
        schema["$defs"][name]["enum"] = words.into();
    }
    schema
}

/// Of `matrix.json`.
pub fn matrix() -> Value {
    derived::<export::MatrixDocument<'static>>()
}

/// Of one line of `events.jsonl`.
pub fn events() -> Value {
    derived::<Stamped>()
}

/// The schema of what is written, not of what could be read: fields with a default are always there.
fn derived<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}
