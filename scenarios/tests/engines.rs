//! Real programs in the proxies' places: every cell they can exercise says what the built-in engine says; the rest
//! says in plain words why not. Differences stand in the checked-in list, but for a twentieth left open. Where a program is missing: SKIPPED.
#![allow(clippy::unwrap_used)]

#[path = "support/mod.rs"]
#[allow(dead_code)]
mod support;

use std::{
    io::Write,
    sync::{LazyLock, Mutex, PoisonError},
};

use jiff::Timestamp;
use scenarios::{
    catalog::{
        self,
        deviations::{self, Deviation},
    },
    event::{Cell, Event, Evidence, Stamped, Verdict},
    runner::{self, Request},
    snapshot::Snapshot,
};
use support::{reference, request, shipped};
use testbed::{
    architecture::{self, Engine},
    engine::installed,
    vocabulary::{Asset, Method},
};

/// Every cell of a run, whatever it found; what it says about itself goes to whoever reads a failure.
fn cells(asked: Request) -> Vec<Cell> {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
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

/// One run at a time: two of them would take each other's time.
static ALONE: Mutex<()> = Mutex::new(());

/// Does the checked-in list know of it?
fn explained(cell: &Cell, engine: Engine) -> bool {
    static KNOWN: LazyLock<Vec<Deviation>> = LazyLock::new(|| {
        let today = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
        deviations::shipped(today, &catalog::all().unwrap()).unwrap()
    });
    KNOWN.iter().any(|entry| entry.explains(cell, Some(engine)))
}

fn same_verdicts(engine: Engine) {
    if let Err(missing) = installed(engine) {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
        return;
    }
    let (mut exercised, mut open, mut different) = (0, 0, Vec::new());
    let found = cells(Request { engine: Some(engine), ..request(shipped(), catalog::all().unwrap()) });
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
        if theirs.verdict != ours.verdict && !explained(theirs, engine) {
            if theirs.verdict == Verdict::Inconclusive {
                open += 1;
            }
            different.push(format!(
                "{} {} {}: {:?}, ours {:?}: {}",
                ours.architecture, ours.scenario, ours.asset, theirs.verdict, ours.verdict, theirs.reason
            ));
        }
    }
    for line in &different {
        eprintln!("{line}");
    }
    // On a busy machine a program may leave a question open; it never answers it otherwise.
    assert_eq!(different.len(), open, "of {exercised}, by {engine:?}:\n{}", different.join("\n"));
    assert!(open * 20 <= exercised, "{open} of {exercised} left open:\n{}", different.join("\n"));
    assert!(exercised > reference().len() / 2, "{exercised} of {}", reference().len());
}

/// What root at the edge finds in the memory of a real process is what crossed its links, open or sealed, and never
/// the opposite of what a model of it says.
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
        let cells = cells(Request { engine: Some(engine), ..request(architectures.to_vec(), scenarios) });
        let memory: Vec<&Cell> = cells.iter().filter(|cell| cell.asset != Asset::CertificateKey).collect();
        assert_eq!(memory.len(), 12, "three architectures, four assets");
        for cell in &memory {
            assert_eq!(cell.method, Method::Measured, "{engine:?} {cell:#?}");
            if cell.verdict == Verdict::Inconclusive {
                assert!(explained(cell, engine), "{engine:?} {cell:#?}");
                continue;
            }
            assert_eq!(Some(cell.verdict), cell.expected, "{engine:?} {cell:#?}");
            let read =
                |one: &Evidence| one.attempt.as_ref().is_some_and(|told| told.contains("running process"));
            assert!(!cell.evidence.is_empty() && cell.evidence.iter().all(read), "{engine:?} {cell:#?}");
        }
        let found = |name: &str| {
            memory.iter().any(|cell| cell.architecture == name && cell.verdict != Verdict::Inconclusive)
        };
        assert!(found("proxy-in-front"), "{engine:?}: nothing at all was seen");
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
