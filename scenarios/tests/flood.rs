//! Floods, at the length they have for people: both sides count the same, both arms have their rows, and a
//! handshake made dearer costs the victim and not the decoy.
#![allow(clippy::unwrap_used)]

#[path = "support/proof/run.rs"]
mod run;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use scenarios::{
    catalog::Profile,
    event::{Event, FloodInterval, Performance, Stamped},
    runner::Request,
};
use testbed::vocabulary::Phase;

/// Processor time is compared: runs take turns on the processors.
static TURN: Mutex<()> = Mutex::new(());
const ARCHITECTURE: &str = "proxy-in-front";
/// The public front, and the bystander of its shape.
const FRONTS: [(&str, &str); 2] = [("victim", "edge/tls-proxy"), ("decoy", "bystander/front")];

#[test]
fn connections_are_counted_alike_on_both_sides() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let events = run::events(run::request(&[ARCHITECTURE], &["flood-connect"], Profile::Default));
    for (arm, total) in totals(&events, "flood-connect") {
        println!("flood-connect {arm}: {total:?}");
    }
    counted_alike(&events, "flood-connect");
    rows_are_complete(&events);
}

#[test]
fn a_dearer_handshake_moves_the_victim_and_not_the_decoy() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let request = run::request(&[ARCHITECTURE], &["flood-handshake"], Profile::Default);
    let plain = run::events(request.clone());
    let before = per_handshake(&plain);
    // The test switch doubles what a handshake costs.
    let ballast = Duration::from_secs_f64(before["victim"] / 1e6);
    let loaded = run::events(Request { ballast, ..request });
    let after = per_handshake(&loaded);
    for (arm, _) in FRONTS {
        let ratio = after[arm] / before[arm];
        println!("{arm}: {:.0} us a handshake, {:.0} us with ballast: {ratio:.2}", before[arm], after[arm]);
    }
    assert!(after["victim"] >= 1.5 * before["victim"], "{before:?} {after:?}");
    assert!(after["decoy"] <= 1.25 * before["decoy"], "{before:?} {after:?}");
    for events in [&plain, &loaded] {
        counted_alike(events, "flood-handshake");
        rows_are_complete(events);
    }
}

/// CPU microseconds that each arm's node spent per handshake it counted, its honest work included.
fn per_handshake(events: &[Stamped]) -> BTreeMap<&'static str, f64> {
    let totals = totals(events, "flood-handshake");
    let cost = |(arm, node)| {
        let row =
            rows(events).find(|row| row.arm == arm && row.phase == Phase::Attack && row.operation == "all");
        let row = row.unwrap();
        let spent = row.cpu_us_per_request[node] * row.completed as f64;
        (arm, spent / totals[arm].counted.unwrap() as f64)
    };
    FRONTS.into_iter().map(cost).collect()
}

fn counted_alike(events: &[Stamped], scenario: &str) {
    let totals = totals(events, scenario);
    assert_eq!(totals.len(), FRONTS.len());
    for (arm, total) in totals {
        assert!(total.completed > 0, "{scenario}: nothing reached the {arm}");
        assert_eq!(total.counted, Some(total.completed), "{scenario}, {arm}: {total:?}");
        assert_eq!(total.started, total.completed + total.failed, "{scenario}, {arm}: {total:?}");
    }
}

fn rows_are_complete(events: &[Stamped]) {
    for (arm, _) in FRONTS {
        for phase in [Phase::Baseline, Phase::Attack, Phase::Recovery] {
            let row = rows(events).find(|row| row.arm == arm && row.phase == phase && row.operation == "all");
            let row = row.unwrap_or_else(|| panic!("no {phase} row of the {arm}"));
            assert!(row.completed > 0, "{arm}, {phase}: honest users got nothing done");
            println!(
                "{} {arm} {phase}: {}/{} done, p99 {:?} ms, recovery {:?} ms",
                row.scenario, row.completed, row.offered, row.p99_ms, row.recovery_ms
            );
        }
    }
}

/// Everything counted of an arm.
fn totals<'a>(events: &'a [Stamped], scenario: &str) -> BTreeMap<&'a str, FloodInterval> {
    let mut totals: BTreeMap<&str, FloodInterval> = BTreeMap::new();
    for stamped in events {
        let Event::Flood(flood) = &stamped.event else { continue };
        assert_eq!(flood.scenario, scenario);
        totals
            .entry(&flood.arm)
            .and_modify(|total| {
                total.started += flood.started;
                total.completed += flood.completed;
                total.failed += flood.failed;
                total.counted = total.counted.zip(flood.counted).map(|(before, more)| before + more);
            })
            .or_insert_with(|| flood.clone());
    }
    totals
}

fn rows(events: &[Stamped]) -> impl Iterator<Item = &Performance> {
    events.iter().filter_map(|stamped| match &stamped.event {
        Event::Performance(row) => Some(row),
        _ => None,
    })
}
