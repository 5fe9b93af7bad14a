//! Real programs in the proxies' places: every cell they can exercise says what the built-in engine says; the rest
//! says in plain words why not. Differences stand in the checked-in list. Where a program is missing: SKIPPED.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::io::Write;

use jiff::Timestamp;
use scenarios::{
    catalog::{self, deviations},
    event::{Cell, Event, Stamped, Verdict},
    runner::{self, Request},
    snapshot::Snapshot,
};
use support::{reference, request, run, shipped};
use testbed::{
    architecture::{self, Engine},
    engine::installed,
    vocabulary::{Asset, Method},
};

/// Every cell of everything shipped, with this program in every proxy's place.
fn cells(engine: Engine) -> Vec<Cell> {
    let asked = Request { engine: Some(engine), ..request(shipped(), catalog::all().unwrap()) };
    let events: Vec<Stamped> = runner::start(asked).unwrap().events.iter().collect();
    let wrong: Vec<&Event> = events
        .iter()
        .map(|stamped| &stamped.event)
        .filter(|event| matches!(event, Event::Note { .. } | Event::Invalid { .. }))
        .collect();
    for event in wrong {
        eprintln!("{event:?}");
    }
    Snapshot::of(&events).cells
}

fn same_verdicts(engine: Engine) {
    if let Err(missing) = installed(engine) {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
        return;
    }
    let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let known = deviations::shipped(today, &catalog::all().unwrap()).unwrap();
    let (mut exercised, mut different) = (0, Vec::new());
    let found = cells(engine);
    for ours in reference() {
        let same = |cell: &&Cell| {
            (&cell.architecture, &cell.scenario, cell.asset)
                == (&ours.architecture, &ours.scenario, ours.asset)
        };
        let theirs = found.iter().find(same).unwrap();
        if theirs.verdict == Verdict::NotExercised && theirs.reason.contains(engine.name()) {
            continue;
        }
        exercised += 1;
        if theirs.verdict != ours.verdict && !known.iter().any(|entry| entry.explains(theirs, Some(engine))) {
            different.push(format!(
                "{} {} {}: {:?}, ours {:?}: {}",
                ours.architecture, ours.scenario, ours.asset, theirs.verdict, ours.verdict, theirs.reason
            ));
        }
    }
    assert!(different.is_empty(), "{} of {exercised}:\n{}", different.len(), different.join("\n"));
    assert!(exercised > reference().len() / 2, "{exercised} of {}", reference().len());
}

/// What root at the edge finds in the memory of a real process, and what it does not.
#[test]
fn what_the_edge_held_is_measured() {
    let architectures =
        ["proxy-in-front", "over-load-balancer"].map(|name| architecture::load(name).unwrap());
    for engine in [Engine::Haproxy, Engine::Nginx] {
        if let Err(missing) = installed(engine) {
            let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
            continue;
        }
        let scenarios = vec![catalog::load("edge-root").unwrap()];
        let cells = run(Request { engine: Some(engine), ..request(architectures.to_vec(), scenarios) });
        for cell in cells.iter().filter(|cell| cell.asset != Asset::CertificateKey) {
            let expected = cell.expected.unwrap();
            assert_eq!((cell.verdict, cell.method), (expected, Method::Measured), "{engine:?} {cell:#?}");
            let read = cell
                .evidence
                .iter()
                .all(|one| one.attempt.as_ref().is_some_and(|attempt| attempt.contains("running process")));
            assert!(read && !cell.evidence.is_empty(), "{engine:?} {cell:#?}");
        }
        let hunts = cells.iter().filter(|cell| cell.verdict == Verdict::Broken).filter_map(|cell| cell.hunt);
        let hunts: Vec<_> = hunts.collect();
        assert!(
            hunts.iter().any(|hunt| hunt.recall > 0.5),
            "the attacker's own parsing found nothing: {hunts:?}"
        );
    }
}

#[test]
fn haproxy_says_what_the_built_in_engine_says() {
    same_verdicts(Engine::Haproxy);
}

#[test]
fn nginx_says_what_the_built_in_engine_says() {
    same_verdicts(Engine::Nginx);
}
