//! What a group prefers, as transcripts.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::transport::{Party, memory};

fn group(names: &[&str], policy: Policy) -> Group<memory::MemoryDialer> {
    let (dial, _) = memory::pair(Party(1));
    let backend = |name: &&str| Backend {
        name: (*name).to_owned(),
        dial: dial.clone(),
        back: BackCodec::clear(),
        header: None,
    };
    Group::new(names.iter().map(backend).collect(), policy)
}

fn from(source: Option<&str>) -> Caller {
    Caller { source: source.map(|source| source.parse().unwrap()), ..Caller::default() }
}

#[test]
fn each_place_has_its_turn_and_all_others_to_fall_back_to() {
    let (group, caller) = (group(&["a", "b", "c"], Policy::RoundRobin), Caller::default());
    let asked = Asked { caller: &caller, session_id: None };
    let turns: Vec<Vec<usize>> = (0..4).map(|_| group.places(&asked).collect()).collect();
    assert_eq!(turns, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
}

#[test]
fn threads_share_the_turns() {
    let (group, caller) = (group(&["a", "b"], Policy::RoundRobin), Caller::default());
    let chosen = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let asked = Asked { caller: &caller, session_id: None };
                let first = (0..25).map(|_| group.places(&asked).next().unwrap());
                chosen.lock().unwrap().extend(first.collect::<Vec<_>>());
            });
        }
    });
    assert_eq!(chosen.into_inner().unwrap().iter().filter(|&&place| place == 0).count(), 50);
}

#[test]
fn without_places_there_is_nothing_to_prefer() {
    for policy in [Policy::RoundRobin, Policy::LeastConnections, Policy::SourceHash, Policy::SessionId] {
        let (group, caller) = (group(&[], policy), from(Some("127.0.0.9:1")));
        let asked = Asked { caller: &caller, session_id: Some(b"one") };
        assert_eq!(group.places(&asked).count(), 0);
    }
}

#[test]
fn a_source_goes_where_it_went_whatever_its_port_and_those_without_one_take_turns() {
    let group = group(&["a", "b", "c"], Policy::SourceHash);
    let orders = |source| -> Vec<Vec<usize>> {
        let caller = from(source);
        let asked = Asked { caller: &caller, session_id: None };
        (0..3).map(|_| group.places(&asked).collect()).collect()
    };
    let (one, other) = (orders(Some("127.0.0.9:1000")), orders(Some("127.0.0.9:2000")));
    assert!(one.iter().chain(&other).all(|order| *order == one[0]));
    assert_eq!(orders(None), [[0, 1, 2], [1, 2, 0], [2, 0, 1]]);
}

fn hello(session_id: &[u8], version: u16) -> ServerHello {
    ServerHello { version: version.into(), session_id: session_id.to_vec() }
}

#[test]
fn a_session_leads_to_the_place_that_named_it_and_others_take_turns() {
    let (group, caller) = (group(&["a", "b", "c"], Policy::SessionId), Caller::default());
    let ask = |session_id| group.places(&Asked { caller: &caller, session_id }).collect::<Vec<_>>();
    group.heard(&hello(b"one", 0x0303), None, 2);
    group.heard(&hello(b"two", 0x0304), None, 2);
    group.heard(&hello(b"", 0x0303), None, 2);
    assert_eq!(ask(Some(b"one")), [2, 0, 1]);
    assert_eq!(ask(Some(b"two")), [0, 1, 2], "an id of TLS 1.3 names no session");
    assert_eq!(ask(Some(b"one")), [2, 1, 0], "the others keep their order, and their turns");
    assert_eq!(ask(None), [1, 2, 0]);
    let counts = group.snapshot().affinity.unwrap();
    assert_eq!((counts.hits, counts.misses, counts.learned), (2, 1, 1));
}

#[test]
fn a_group_that_does_not_ask_for_sessions_learns_none() {
    let group = group(&["a"], Policy::RoundRobin);
    group.heard(&hello(b"one", 0x0303), None, 0);
    assert!(!group.learns());
    assert_eq!(group.snapshot().affinity, None);
}

#[test]
fn settings_read_in_the_words_of_a_file() {
    let read: Settings =
        serde_json::from_str(r#"{"policy": "session-id", "health": {"passive": null}}"#).unwrap();
    assert_eq!((read.policy, read.health), (Policy::SessionId, health::Settings::OFF));
    assert_eq!(read.affinity, affinity::Settings::default());
}
