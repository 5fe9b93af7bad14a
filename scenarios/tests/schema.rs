//! The schema of scenario files and their reader agree, and what a real run writes is what the schemas of
//! `matrix.json` and `events.jsonl` say: every field is described, none is missing.
#![allow(clippy::unwrap_used)]

#[path = "../../testbed/tests/support/bent.rs"]
mod bent;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bent::bent;
use jsonschema::Validator;
use scenarios::{
    catalog::{self, Profile},
    runner::{self, Request},
    schema,
};
use serde_json::Value;
use testbed::{architecture, launch::Realisation};

/// Files whose shape is right: what is wrong with them only the reader can see.
const BEYOND_SHAPE: &[&str] = &[
    "architecture_slips",
    "control_slip",
    "expect_elsewhere",
    "expect_incomplete",
    "expect_of_another_asset",
    "vantage_and_technique",
    "weakness_slip",
];

fn validator(schema: &Value) -> Validator {
    jsonschema::draft202012::meta::validate(schema).unwrap();
    jsonschema::draft202012::new(schema).unwrap()
}

fn json(source: &str) -> Option<Value> {
    Some(serde_json::to_value(source.parse::<toml::Table>().ok()?).unwrap())
}

fn errors(validator: &Validator, file: &Value) -> Vec<String> {
    validator.iter_errors(file).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_reader_asks_for_exactly_the_keys_of_the_schema() {
    let asked = catalog::asked(include_str!("every_key.toml"));
    assert!(asked.len() > 30, "{asked:?}");
    assert_eq!(asked, testbed::schema::keys(&schema::scenario()));
}

#[test]
fn every_shipped_file_is_valid() {
    let validator = validator(&schema::scenario());
    for name in catalog::names() {
        let file = json(catalog::source(name).unwrap()).unwrap();
        assert_eq!(errors(&validator, &file), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn bad_shapes_are_refused_and_the_others_are_listed() {
    let validator = validator(&schema::scenario());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_scenarios");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let accepted = files.iter().filter(|path| {
        let file = json(&std::fs::read_to_string(path).unwrap());
        file.is_some_and(|file| validator.is_valid(&file))
    });
    let accepted: Vec<&str> = accepted.map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(accepted, BEYOND_SHAPE);
}

/// Cuts out and bends every value of every shipped file, one at a time.
#[test]
fn what_the_reader_accepts_the_schema_accepts() {
    let validator = validator(&schema::scenario());
    let (mut tried, mut read) = (0, 0);
    for name in catalog::names() {
        let file = toml::Value::Table(catalog::source(name).unwrap().parse().unwrap());
        for bent in bent(&file) {
            tried += 1;
            let source = toml::to_string(&bent).unwrap();
            if catalog::parse("bent.toml", &source).is_ok() {
                read += 1;
                let wrong = errors(&validator, &json(&source).unwrap());
                assert_eq!(wrong, Vec::<String>::new(), "{name}\n{source}");
            }
        }
    }
    assert!(read > 50 && read < tried, "{read} of {tried}");
}

#[test]
fn what_a_run_writes_is_described_and_nothing_else_is_written() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("run");
    let session = runner::start(Request {
        architectures: ["plaintext", "proxy-in-front"].map(|name| architecture::load(name).unwrap()).to_vec(),
        scenarios: ["management-sniff", "direct-connect"].map(|id| catalog::load(id).unwrap()).to_vec(),
        seed: 42,
        profile: Profile::Tiny,
        out: Some(out.clone()),
        force: false,
        key_log: None,
        realisation: Realisation::default(),
        ballast: Duration::ZERO,
        helper: None,
        key_mode: testbed::files::KEY_MODE,
        engine: None,
    })
    .unwrap();
    assert!(session.events.iter().count() > 20);

    let matrix: Value = serde_json::from_slice(&std::fs::read(out.join("matrix.json")).unwrap()).unwrap();
    assert_eq!(errors(&validator(&closed(schema::matrix())), &matrix), Vec::<String>::new());
    let mut renamed = matrix;
    let cell = renamed["cells"][0].as_object_mut().unwrap();
    let verdict = cell.remove("verdict").unwrap();
    cell.insert("result".to_owned(), verdict);
    assert_eq!(
        errors(&validator(&closed(schema::matrix())), &renamed).len(),
        2,
        "a renamed field is noticed"
    );

    let lines = std::fs::read_to_string(out.join("events.jsonl")).unwrap();
    let events = validator(&closed(schema::events()));
    for line in lines.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        assert_eq!(errors(&events, &event), Vec::<String>::new(), "{line}");
    }
    let mut event: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    event["surprise"] = true.into();
    assert!(!events.is_valid(&event), "an undescribed field is noticed");
}

/// The schema with its doors shut: readers must tolerate fields that are added later, this test must not.
fn closed(mut schema: Value) -> Value {
    // What an event holds stands beside its time and name: the whole is closed, its parts are not.
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    let parts: Vec<String> = variants
        .filter_map(|one| one["$ref"].as_str()?.strip_prefix("#/$defs/").map(str::to_owned))
        .collect();
    schema["unevaluatedProperties"] = false.into();
    for (name, part) in schema["$defs"].as_object_mut().unwrap() {
        if part["type"] == "object" && !parts.contains(name) {
            part["unevaluatedProperties"] = false.into();
        }
    }
    schema
}
