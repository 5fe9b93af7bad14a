//! JSON Schemas (draft 2020-12) of what this crate reads and prints, for editors and other programs.
//!
//! The reader of architecture files is written by hand, so that it can report every error at once with its
//! place; so is its schema. `tests/schema.rs` keeps the two in step: same keys, every shipped file valid, and
//! whatever the reader accepts the schema accepts. A schema judges the shape of a file only.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::graph::Graph;

/// Of an architecture file, as TOML maps onto JSON.
pub const ARCHITECTURE: &str = include_str!("architecture.json");

/// Of what `graph --format json` prints.
pub fn graph() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Graph>().to_value()
}

/// Every key a schema knows, written as [`Trace`](crate::architecture::reading::Trace) writes them:
/// `hosts.*.segments`, `set[].dial`.
pub fn keys(schema: &Value) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    collect(schema, schema, "", &mut keys);
    keys
}

fn collect(root: &Value, node: &Value, path: &str, keys: &mut BTreeSet<String>) {
    let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") };
    if let Some(reference) = node["$ref"].as_str()
        && let Some(target) = root.pointer(reference.trim_start_matches('#'))
    {
        collect(root, target, path, keys);
    }
    for (key, value) in node["properties"].as_object().into_iter().flatten() {
        keys.insert(below(key));
        collect(root, value, &below(key), keys);
    }
    let free = &node["additionalProperties"];
    if free.is_object() {
        let mut found = BTreeSet::new();
        collect(root, free, &below("*"), &mut found);
        // Tables of a free name are taken apart; values of a free name are keys themselves.
        if found.is_empty() && free["type"] != "object" {
            keys.insert(below("*"));
        }
        keys.extend(found);
    }
    if node["items"].is_object() {
        collect(root, &node["items"], &format!("{path}[]"), keys);
    }
    for choice in ["oneOf", "anyOf"].iter().filter_map(|word| node[word].as_array()).flatten() {
        collect(root, choice, path, keys);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_written_as_the_reader_asks_for_them() {
        let schema = json!({
            "properties": {
                "hosts": { "additionalProperties": { "$ref": "#/$defs/host" } },
                "set": { "items": { "properties": { "dial": {} } } },
                "expect": { "additionalProperties": { "type": "object", "additionalProperties": { "enum": [] } } },
                "which": { "oneOf": [{ "const": "all" }, { "properties": { "except": {} } }] },
            },
            "$defs": { "host": { "properties": { "segments": {} } } },
        });
        let expected = [
            "expect",
            "expect.*.*",
            "hosts",
            "hosts.*.segments",
            "set",
            "set[].dial",
            "which",
            "which.except",
        ];
        assert_eq!(keys(&schema), expected.map(str::to_owned).into());
    }
}
