//! A control that fails takes every `held` with it, and the run's exposure flag.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use scenarios::{
    catalog::{self, ControlRef, Profile},
    event::{Positive, Stamped, ValidityFlag, Verdict},
    runner::{self, Request},
    snapshot::Snapshot,
};
use testbed::{architecture, launch::Realisation, vocabulary::Asset};

#[test]
fn nothing_is_held_on_the_word_of_a_probe_that_found_nothing_where_it_must() {
    let mut scenario = catalog::load("management-sniff").unwrap();
    // A control that holds is none: this row keeps its assets.
    scenario.controls =
        vec![ControlRef { architecture: None, scenario: Some("management-in-path".to_owned()) }];
    let session = runner::start(Request {
        architectures: vec![architecture::load("separate-environments").unwrap()],
        scenarios: vec![scenario],
        seed: 42,
        profile: Profile::Tiny,
        out: None,
        force: false,
        key_log: None,
        realisation: Realisation::default(),
        ballast: Duration::ZERO,
        helper: None,
        key_mode: testbed::files::KEY_MODE,
        engine: None,
    })
    .unwrap();
    let events: Vec<Stamped> = session.events.iter().collect();
    let snapshot = Snapshot::of(&events);
    let sniffed = snapshot.cells.iter().filter(|cell| cell.scenario == "management-sniff");
    let token = sniffed.clone().find(|cell| cell.asset == Asset::Token).unwrap();
    assert_eq!((token.verdict, token.control.positive), (Verdict::Inconclusive, Positive::Failed));
    assert!(sniffed.clone().all(|cell| cell.verdict != Verdict::Held));
    assert!(!snapshot.valid(ValidityFlag::Exposure));
    assert_eq!(snapshot.ended, Some(5), "an invalid measurement, before any deviation");
}
