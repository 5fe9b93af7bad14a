//! The list of known deviations: what it accepts, what it explains, and that it forgets nothing.
#![allow(clippy::unwrap_used)]

use jiff::civil::{Date, date};
use scenarios::{
    catalog::{
        all,
        deviations::{Deviation, parse, shipped},
    },
    event::{Cell, Control, Positive, Verdict},
};
use testbed::{
    architecture::Engine,
    vocabulary::{Asset, Method, Vantage},
};

const TODAY: Date = date(2026, 12, 1);

const ENTRY: &str = r#"schema = 1

[[deviations]]
architecture = "proxy-in-front"
scenario = "management-sniff"
asset = "token"
expected = "broken"
found = "inconclusive"
reason = "the key log of one leg is incomplete"
expires = 2026-12-31
"#;

fn read(text: &str) -> Result<Vec<Deviation>, String> {
    parse("deviations.toml", text, TODAY, &all().unwrap()).map_err(|diagnostics| diagnostics.to_string())
}

fn cell(verdict: Verdict) -> Cell {
    Cell {
        architecture: "proxy-in-front".to_owned(),
        scenario: "management-sniff".to_owned(),
        vantage: Vantage::ManagementSniffer,
        asset: Asset::Token,
        verdict,
        method: Method::Measured,
        sent: 1,
        exposed: 0,
        weakness: None,
        reason: String::new(),
        evidence: Vec::new(),
        control: Control { positive: Positive::Passed, crossed: Some(true) },
        hunt: None,
        expected: Some(Verdict::Broken),
    }
}

#[test]
fn the_shipped_list_is_readable_and_about_other_programs_only() {
    let shipped = shipped(TODAY, &all().unwrap()).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(shipped.iter().all(|entry| entry.engine.is_some()), "{shipped:#?}");
}

#[test]
fn an_entry_explains_exactly_its_cell_and_verdict() {
    let deviations = read(ENTRY).unwrap();
    assert_eq!(deviations.len(), 1);
    assert!(deviations[0].explains(&cell(Verdict::Inconclusive), None));
    assert!(!deviations[0].explains(&cell(Verdict::Held), None));
    let elsewhere = Cell { asset: Asset::Password, ..cell(Verdict::Inconclusive) };
    assert!(!deviations[0].explains(&elsewhere, None));
    let unexpected = Cell { expected: None, ..cell(Verdict::Inconclusive) };
    assert!(!deviations[0].explains(&unexpected, None));
}

#[test]
fn an_entry_for_a_program_explains_nothing_of_another() {
    let text = ENTRY.replace("expected =", "engine = \"nginx\"\nexpected =");
    let entry = &read(&text).unwrap()[0];
    let cell = cell(Verdict::Inconclusive);
    assert!(entry.explains(&cell, Some(Engine::Nginx)));
    assert!(!entry.explains(&cell, Some(Engine::Haproxy)) && !entry.explains(&cell, None));
    let both = format!("{ENTRY}\n{}", text.replace("schema = 1", ""));
    assert_eq!(read(&both).unwrap().len(), 2, "each program has its own entry");
    insta::assert_snapshot!(read(&text.replace("nginx", "builtin")).unwrap_err());
}

#[test]
fn an_entry_holds_on_its_last_day_and_not_after() {
    assert!(read(&ENTRY.replace("2026-12-31", "2026-12-01")).is_ok());
    insta::assert_snapshot!(read(&ENTRY.replace("2026-12-31", "2026-11-30")).unwrap_err());
}

#[test]
fn an_entry_cannot_stay_for_years() {
    insta::assert_snapshot!(read(&ENTRY.replace("2026-12-31", "2036-12-31")).unwrap_err());
}

#[test]
fn an_entry_that_contradicts_the_catalog_is_refused() {
    insta::assert_snapshot!(read(&ENTRY.replace("\"broken\"", "\"held\"")).unwrap_err());
}

#[test]
fn slips_are_refused_together() {
    let wrong = ENTRY
        .replace("management-sniff", "management-snif")
        .replace("\"token\"", "\"tokn\"")
        .replace("\"inconclusive\"", "\"brocken\"")
        .replace("2026-12-31", "2026-12-31T00:00:00Z")
        .replace("the key log of one leg is incomplete", " ");
    insta::assert_snapshot!(read(&wrong).unwrap_err());
}

#[test]
fn the_same_cell_twice_is_refused() {
    let twice = format!("{ENTRY}\n{}", ENTRY.replace("schema = 1", ""));
    insta::assert_snapshot!(read(&twice).unwrap_err());
}

#[test]
fn an_unknown_scenario_is_refused() {
    insta::assert_snapshot!(read(&ENTRY.replace("management-sniff", "management-smell")).unwrap_err());
}
