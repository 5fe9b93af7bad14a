//! No file can aim an attack: wherever in a scenario or an architecture an address is written, in a field
//! that exists or in one made up for it, the file is refused. Only lines for people may say anything.
//!
//! The command line is searched by the dashboard's own test.
#![allow(clippy::unwrap_used)]

use scenarios::catalog;
use testbed::architecture::{self, diagnose::Diagnostics};
use toml::Value;

const ADDRESSES: [&str; 7] = [
    "127.0.0.1",
    "127.0.0.1:5000",
    "192.0.2.1:80",
    "[::1]:80",
    "localhost:5000",
    "http://192.0.2.1/",
    "https://cloud.example.org:5000/v3",
];

/// Fields somebody might add for it.
const AIMS: [&str; 12] = [
    "addr",
    "address",
    "addresses",
    "endpoint",
    "host",
    "hosts",
    "ip",
    "port",
    "server",
    "target",
    "uri",
    "url",
];

/// Shown to people, read by nobody.
const PROSE: [&str; 4] = ["description", "guide", "summary", "title"];

type Parse = fn(&str) -> Result<(), Diagnostics>;

/// Every shipped file of both formats with its parser.
fn files() -> Vec<(&'static str, &'static str, Parse)> {
    let scenario: Parse = |text| catalog::parse("aimed.toml", text).map(drop);
    let design: Parse = |text| architecture::parse("aimed.toml", text).map(drop);
    let scenarios = catalog::names().map(|name| (name, catalog::source(name).unwrap(), scenario));
    let designs = architecture::names().map(|name| (name, architecture::source(name).unwrap(), design));
    scenarios.chain(designs).collect()
}

#[test]
fn no_field_takes_an_address() {
    let mut prose = 0;
    for (name, source, parse) in files() {
        let file: Value = Value::Table(source.parse().unwrap());
        let mut places = Vec::new();
        texts(&file, &mut Vec::new(), &mut places);
        assert!(places.len() > 10, "{name}");
        for place in places {
            for address in ADDRESSES {
                let mut aimed = file.clone();
                *at(&mut aimed, &place) = address.into();
                let taken = parse(&toml::to_string(&aimed).unwrap()).is_ok();
                let for_people = place.last().is_some_and(|step| PROSE.contains(&step.as_str()));
                assert_eq!(taken, for_people, "{name}: {place:?} = {address}");
                prose += usize::from(taken);
            }
        }
    }
    assert!(prose > 0, "an edited file parses at all");
}

#[test]
fn no_field_can_be_added_for_an_address() {
    for (name, source, parse) in files() {
        let file: Value = Value::Table(source.parse().unwrap());
        let mut places = Vec::new();
        tables(&file, &mut Vec::new(), &mut places);
        assert!(places.len() > 4, "{name}");
        for place in places {
            for key in AIMS {
                for value in [Value::from(ADDRESSES[1]), vec![ADDRESSES[1]].into(), 5000.into()] {
                    let mut aimed = file.clone();
                    let table = at(&mut aimed, &place).as_table_mut().unwrap();
                    if table.contains_key(key) || own_port(&place, key, &value) {
                        continue;
                    }
                    table.insert(key.to_owned(), value);
                    let text = toml::to_string(&aimed).unwrap();
                    assert!(parse(&text).is_err(), "{name}: {key} in {place:?}\n{text}");
                }
            }
        }
    }
}

/// The one number a file may insist on: where a listener of its own stands, on an address of the run's.
fn own_port(place: &[String], key: &str, value: &Value) -> bool {
    let listener = place.len() >= 2 && place[place.len() - 2] == "listeners";
    listener && key == "port" && value.is_integer()
}

/// Where every text is.
fn texts(value: &Value, here: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if value.is_str() {
        found.push(here.clone());
    }
    each(value, here, |value, here| texts(value, here, found));
}

/// Where every table is.
fn tables(value: &Value, here: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if value.is_table() {
        found.push(here.clone());
    }
    each(value, here, |value, here| tables(value, here, found));
}

fn each(value: &Value, here: &mut Vec<String>, mut visit: impl FnMut(&Value, &mut Vec<String>)) {
    let parts: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    for (step, value) in parts {
        here.push(step);
        visit(value, here);
        here.pop();
    }
}

fn at<'a>(file: &'a mut Value, place: &[String]) -> &'a mut Value {
    place.iter().fold(file, |value, step| match value {
        Value::Array(list) => &mut list[step.parse::<usize>().unwrap()],
        value => &mut value[step.as_str()],
    })
}
