//! What a break-out opens, and what a stolen token does: told from the events of a run.
#![allow(clippy::unwrap_used)]

#[path = "support/proof/run.rs"]
mod run;

use std::collections::BTreeSet;

use scenarios::{
    catalog::{self, Profile},
    event::{Attempt, Cell, Event, Impact, Stamped, Verdict},
};
use testbed::vocabulary::{Asset, Method, Vantage};

/// Using a stolen token, by its ATT&CK id.
const REPLAY: &str = "T1550.001";

/// It always adds endpoints to try; they answer whoever asks, except where they ask who is calling.
#[test]
fn a_break_out_adds_endpoints_on_every_architecture() {
    let scenario = catalog::load("escaped-host").unwrap();
    let names = run::architectures();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let events = run::events(run::request(&names, &["escaped-host"], Profile::Tiny));
    let mut held = Vec::new();
    for name in names {
        let tried = |from| attempts(&events, name, "escaped-host").filter(move |tried| tried.vantage == from);
        let served = |from| -> BTreeSet<&str> {
            tried(from).filter(|tried| tried.served).map(|tried| endpoint(&tried.target)).collect()
        };
        let (before, after) = (served(Vantage::Guest), served(Vantage::EscapedHost));
        println!("{name}: served before the break-out {before:?}, after it {after:?}");
        assert!(tried(Vantage::Guest).count() > 0, "{name}: the guest tried nothing");
        // An answer that is ours and not of a socket is no answer of an endpoint.
        let asked = |from| -> BTreeSet<&str> {
            let measured = tried(from).filter(|tried| tried.method == Method::Measured);
            measured.map(|tried| endpoint(&tried.target)).collect()
        };
        let new: BTreeSet<&str> =
            asked(Vantage::EscapedHost).difference(&asked(Vantage::Guest)).copied().collect();
        assert!(!new.is_empty(), "{name}: the break-out gave nothing to ask");
        if scenario.expected(name, Asset::Reach) == Some(Verdict::Held) {
            assert!(after.is_empty(), "{name}: {after:?}");
            held.push(name);
        } else {
            assert!(before.is_subset(&after) && before != after, "{name}: {before:?} {after:?}");
        }
    }
    assert_eq!(held, ["mutual-tls"], "who asks for certificates on every internal leg, and nobody else");
}

#[test]
fn a_token_read_on_management_deletes_a_server_where_management_is_clear() {
    let (clear, sealed) = ("proxy-in-front", "separate-environments");
    let events = run::events(run::request(&[clear, sealed], &["management-sniff"], Profile::Tiny));

    let confirmed: Vec<&Impact> = impacts(&events, clear).filter(|impact| impact.confirmed).collect();
    println!("{clear}: {:?}", confirmed.iter().map(|impact| &impact.what).collect::<Vec<_>>());
    assert!(!confirmed.is_empty(), "no deletion is in the service's own store");
    assert!(confirmed.iter().all(|impact| impact.attack_id == REPLAY));
    assert!(token(&events, clear).hunt.unwrap().recall > 0.0, "the token was not hunted, only found");

    assert_eq!(impacts(&events, sealed).count(), 0, "{sealed}: there is no token to replay");
    let replays = attempts(&events, sealed, "management-sniff").filter(|tried| tried.attack_id == REPLAY);
    assert_eq!(replays.count(), 0, "{sealed}: a replay was tried");
    assert_eq!(token(&events, sealed).hunt, None, "{sealed}: the loot holds what it takes for a token");
}

fn attempts<'a>(
    events: &'a [Stamped],
    architecture: &'a str,
    scenario: &'a str,
) -> impl Iterator<Item = &'a Attempt> {
    events.iter().filter_map(move |stamped| match &stamped.event {
        Event::Attempt(attempt) if attempt.architecture == architecture && attempt.scenario == scenario => {
            Some(attempt)
        }
        _ => None,
    })
}

fn impacts<'a>(events: &'a [Stamped], architecture: &'a str) -> impl Iterator<Item = &'a Impact> {
    events.iter().filter_map(move |stamped| match &stamped.event {
        Event::Impact(impact) if impact.architecture == architecture => Some(impact),
        _ => None,
    })
}

/// The cell of the token.
fn token<'a>(events: &'a [Stamped], architecture: &str) -> &'a Cell {
    let of = |stamped: &'a Stamped| match &stamped.event {
        Event::Cell(cell) if cell.architecture == architecture && cell.asset == Asset::Token => Some(cell),
        _ => None,
    };
    events.iter().rev().find_map(of).unwrap()
}

/// `api-1/identity:5000 on management (GET / in clear)` without the call.
fn endpoint(target: &str) -> &str {
    target.split(" (").next().unwrap()
}
