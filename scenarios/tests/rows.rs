//! `rows.toml` is complete, and says the same as the catalog.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use scenarios::{
    catalog,
    rows::{self, Row, Status},
};

/// Letter and last number of each chapter of the requirements.
const CHAPTERS: [(char, u32); 7] = [('A', 10), ('B', 7), ('C', 5), ('D', 6), ('E', 6), ('F', 24), ('G', 14)];

/// The rows of the truth table.
const TRUTH_TABLE: [&str; 17] = [
    "public-sniff",
    "public-in-path",
    "public-in-path-careless",
    "management-sniff",
    "management-in-path",
    "management-in-path-unverified",
    "direct-connect",
    "guest-reach",
    "neighbour-connect",
    "neighbour-key",
    "service-key",
    "edge-root",
    "host-root",
    "recorded-then-key",
    "recorded-then-key-rsa",
    "public-key-impersonation",
    "internal-key-impersonation",
];

fn row<'a>(rows: &'a [Row], id: &str) -> &'a Row {
    rows.iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no row `{id}` in rows.toml"))
}

#[test]
fn every_row_of_the_requirements_is_there_once_and_in_order() {
    let chapters =
        CHAPTERS.iter().flat_map(|(letter, last)| (1..=*last).map(move |n| format!("{letter}{n}")));
    let expected: Vec<String> = chapters.chain(TRUTH_TABLE.map(String::from)).collect();
    let listed: Vec<String> = rows::all().unwrap().into_iter().map(|row| row.id).collect();
    assert_eq!(listed, expected);
}

#[test]
fn every_named_scenario_is_shipped_and_cites_the_row_itself() {
    for row in rows::all().unwrap() {
        for id in &row.scenarios {
            let scenario = catalog::load(id).unwrap_or_else(|error| panic!("row {}: {error}", row.id));
            let cites = scenario.rows.contains(&row.id) || *id == row.id;
            assert!(cites, "row {} names `{id}`, whose `rows` are {:?}", row.id, scenario.rows);
        }
        let once: BTreeSet<&String> = row.scenarios.iter().collect();
        assert_eq!(once.len(), row.scenarios.len(), "row {} names a scenario twice", row.id);
    }
}

#[test]
fn every_shipped_scenario_stands_in_the_rows_it_cites_and_in_its_own() {
    let rows = rows::all().unwrap();
    for scenario in catalog::all().unwrap() {
        let own = TRUTH_TABLE.contains(&scenario.id.as_str()).then(|| scenario.id.clone());
        assert!(own.is_some() || !scenario.rows.is_empty(), "{} shows no row", scenario.id);
        for id in scenario.rows.iter().chain(&own) {
            let listed = &row(&rows, id).scenarios;
            assert!(listed.contains(&scenario.id), "rows.toml: add `{}` to row {id}", scenario.id);
        }
    }
}

#[test]
fn a_row_nothing_shows_says_what_is_missing() {
    for row in rows::all().unwrap() {
        assert!(!row.claim.is_empty() && row.claim.len() <= 90, "{}: {}", row.id, row.claim);
        if row.status() == Status::NotExercised {
            assert!(row.missing.is_some_and(|why| !why.is_empty()), "{} does not say why", row.id);
        }
    }
}
