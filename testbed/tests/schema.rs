//! The schema of architecture files and their reader agree: on keys, on the shipped files, and on every
//! mistake that can be told from the shape of a file.
#![allow(clippy::unwrap_used)]

#[path = "support/bent.rs"]
mod bent;

use std::path::{Path, PathBuf};

use bent::bent;
use jsonschema::Validator;
use serde_json::Value;
use testbed::{architecture, graph::Graph, schema};

/// Files whose shape is right: what is wrong with them only the reader can see.
const BEYOND_SHAPE: &[&str] = &[
    "authority_unknown",
    "clear_dial_to_tls",
    "client_auth_of_strangers",
    "client_auth_of_two_authorities",
    "client_cert_of_strangers",
    "client_identity_elsewhere",
    "dial_to_local_listener",
    "dial_to_the_wrong_service",
    "dial_to_unknown_listener",
    "dial_without_way",
    "forward_to_unknown_dial",
    "guest_inside_unknown_host",
    "guest_of_itself",
    "identity_of_another_user",
    "identity_on_another_host",
    "identity_owned_by_nobody",
    "identity_unknown",
    "idle_dials",
    "listener_elsewhere",
    "port_twice",
    "protocol_bytes_and_caller",
    "proxy_header_missing",
    "proxy_header_unexpected",
    "proxy_loop",
    "queue_of_the_wrong_kind",
    "route_loop",
    "route_not_asked_for",
    "route_to_the_clear",
    "route_twice",
    "route_with_tls_of_its_own",
    "server_name_of_someone_else",
    "threads_in_all",
    "tls_dial_to_clear",
    "too_many_things",
    "unix_from_elsewhere",
    "unix_peer_left_out",
    "unix_peer_unknown",
    "unknown_segment",
    "weakness_of_clear_dial",
    "weakness_of_unknown_dial",
];

fn schema() -> Value {
    serde_json::from_str(schema::ARCHITECTURE).unwrap()
}

fn validator() -> Validator {
    let schema = schema();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// A file as JSON; `None` where it is no TOML.
fn json(source: &str) -> Option<Value> {
    Some(serde_json::to_value(source.parse::<toml::Table>().ok()?).unwrap())
}

fn errors(validator: &Validator, file: &Value) -> Vec<String> {
    validator.iter_errors(file).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_reader_asks_for_exactly_the_keys_of_the_schema() {
    let asked = architecture::asked(include_str!("every_key.toml"));
    assert!(asked.len() > 40, "{asked:?}");
    assert_eq!(asked, schema::keys(&schema()));
}

#[test]
fn every_shipped_file_is_valid() {
    let validator = validator();
    for name in architecture::names() {
        let file = json(architecture::source(name).unwrap()).unwrap();
        assert_eq!(errors(&validator, &file), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn words_are_those_the_reader_knows() {
    let schema = schema();
    let words = |pointer: &str| {
        let list = schema.pointer(pointer).unwrap().as_array().unwrap();
        list.iter().map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let shipped = architecture::source("plaintext").unwrap();
    let help = |good: &str| {
        let wrong = shipped.replacen(good, "\"zzzzzzzz\"", 1);
        let refused = architecture::parse("x.toml", &wrong).unwrap_err();
        refused.findings().iter().find_map(|finding| finding.help.clone()).unwrap()
    };
    for (good, pointer) in [
        ("\"public\"", "/$defs/segment/properties/domain/enum"),
        ("\"proxy\"", "/$defs/process/properties/program/enum"),
    ] {
        let (known, mut words) = (help(good), words(pointer));
        let mut known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        known.sort_unstable();
        words.sort_unstable();
        assert_eq!(known, words);
    }
}

/// Every shape the reader refuses for its own sake is refused by the schema, too.
#[test]
fn bad_shapes_are_refused_and_the_others_are_listed() {
    let validator = validator();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_architectures");
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
    let validator = validator();
    let (mut tried, mut read) = (0, 0);
    let shipped = architecture::names().map(|name| (name, architecture::source(name).unwrap()));
    for (name, source) in shipped.chain([("passing_through", include_str!("passing_through.toml"))]) {
        let file: toml::Value = toml::Value::Table(source.parse().unwrap());
        for bent in bent(&file) {
            tried += 1;
            let source = toml::to_string(&bent).unwrap();
            match architecture::parse("bent.toml", &source) {
                Ok(_) => {
                    read += 1;
                    let wrong = errors(&validator, &json(&source).unwrap());
                    assert_eq!(wrong, Vec::<String>::new(), "{name}\n{source}");
                }
                Err(refused) => assert!(!refused.findings().is_empty(), "in silence: {name}\n{source}"),
            }
        }
    }
    assert!(read > 50 && read < tried, "{read} of {tried}");
}

#[test]
fn drawings_are_as_their_schema_says() {
    let schema = schema::graph();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for name in architecture::names() {
        let graph = Graph::of(&architecture::load(name).unwrap());
        let drawn: Value = serde_json::from_str(&graph.json().unwrap()).unwrap();
        assert_eq!(errors(&validator, &drawn), Vec::<String>::new(), "{name}");
    }
}
