//! The stop key: attack traffic ends within 250 milliseconds by event times, whatever the attack, and none of a
//! flood is accepted afterwards. Honest users go on to the end of the phase.
#![allow(clippy::unwrap_used)]

#[path = "support/proof/run.rs"]
mod run;

use std::sync::{Mutex, PoisonError};

use scenarios::{
    catalog::Profile,
    event::{Event, FloodInterval, Stamped},
    runner,
};
use testbed::vocabulary::{Phase, Vantage};

const ARCHITECTURE: &str = "proxy-in-front";
/// Event times are compared: runs take turns on the processors.
static TURN: Mutex<()> = Mutex::new(());
/// What a stop may take.
const WITHIN_MS: u64 = 250;

#[test]
fn a_sniffer_is_stopped() {
    stopped_at_once("management-sniff", |event| matches!(event, Event::Link(_)));
}

#[test]
fn an_impostor_is_stopped() {
    stopped_at_once(
        "management-in-path",
        |event| matches!(event, Event::Link(link) if link.link.ends_with(">attacker/impostor")),
    );
}

#[test]
fn an_escaped_guest_is_stopped() {
    stopped_at_once(
        "escaped-host",
        |event| matches!(event, Event::Attempt(attempt) if attempt.vantage == Vantage::EscapedHost),
    );
}

#[test]
fn a_flood_of_connections_is_stopped_on_both_arms() {
    a_flood_is_stopped("flood-connect", "decoy");
    a_flood_is_stopped("flood-connect", "victim");
}

#[test]
fn a_flood_of_handshakes_is_stopped_on_both_arms() {
    a_flood_is_stopped("flood-handshake", "decoy");
    a_flood_is_stopped("flood-handshake", "victim");
}

/// Runs one scenario and stops its attack at the first event of its attack phase that `when` takes; returns all
/// events.
fn stop(scenario: &str, when: impl Fn(&Event) -> bool) -> Vec<Stamped> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let session = runner::start(run::request(&[ARCHITECTURE], &[scenario], Profile::Default)).unwrap();
    let mut events = Vec::new();
    let (mut attacked, mut asked) = (false, false);
    for stamped in session.events {
        if let Event::PhaseStarted { architecture, scenario: of, phase } = &stamped.event {
            attacked = architecture == ARCHITECTURE && of == scenario && *phase == Phase::Attack;
        }
        if attacked && !asked && when(&stamped.event) {
            asked = true;
            session.controls.stop_attack();
        }
        events.push(stamped);
    }
    assert!(asked, "{scenario} gave no occasion to stop it");
    events
}

/// Where the stop of this step is in the stream: one, and in time.
fn stopped(events: &[Stamped], scenario: &str) -> usize {
    let stops: Vec<usize> = (0..events.len())
        .filter(|at| {
            matches!(&events[*at].event, Event::AttackStopped { architecture, scenario: of, .. }
                if architecture == ARCHITECTURE && of == scenario)
        })
        .collect();
    assert_eq!(stops.len(), 1, "{scenario}");
    let Event::AttackStopped { requested_ms, .. } = events[stops[0]].event else { unreachable!() };
    let took = events[stops[0]].at_ms - requested_ms;
    println!("{scenario}: stopped {took} ms after it was asked for");
    assert!(took <= WITHIN_MS, "{scenario}: {took} ms");
    stops[0]
}

fn stopped_at_once(scenario: &str, acts: impl Fn(&Event) -> bool) {
    let events = stop(scenario, acts);
    let at = stopped(&events, scenario);
    let honest = events[at..].iter().any(|stamped| {
        matches!(&stamped.event, Event::Interval(interval)
            if interval.phase == Phase::Attack && interval.completed > 0)
    });
    assert!(honest, "{scenario}: the attack phase ended with the attack");
    let attempts = events[at..].iter().filter(|stamped| matches!(stamped.event, Event::Attempt(_))).count();
    assert_eq!(attempts, 0, "{scenario}: attempts after the stop");
}

fn a_flood_is_stopped(scenario: &str, arm: &str) {
    let events = stop(scenario, |event| matches!(event, Event::Flood(flood) if flood.arm == arm));
    let at = stopped(&events, scenario);
    let flood = |stamped: &Stamped| match &stamped.event {
        Event::Flood(flood) => Some(flood.clone()),
        _ => None,
    };
    let before: u64 = events[..at].iter().filter_map(flood).filter_map(|flood| flood.counted).sum();
    assert!(before > 0, "{scenario}: nothing was flooded before the stop");
    let after: Vec<FloodInterval> = events[at..].iter().filter_map(flood).collect();
    assert!(!after.is_empty(), "{scenario}: the {arm} was not counted at the end");
    for flood in after {
        assert_eq!(flood.arm, arm, "another arm was flooded after the stop");
        assert_eq!((flood.started, flood.completed), (0, 0), "{flood:?}");
        assert!(flood.last_accepted_ms.unwrap() <= events[at].at_ms, "{flood:?}");
    }
}
