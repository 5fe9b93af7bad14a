//! Another user of an API host, with a real user number: what the kernel lets them do, and what a wrong mode gives
//! away. Without root nothing here can be shown, and that is what the cells say.
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod support;

use scenarios::{
    catalog,
    event::{Cell, Positive, Verdict},
    runner::Request,
};
use support::{draft::Draft, neighbour, request, run, shipped};
use testbed::{
    architecture::{self, Architecture, Place},
    vocabulary::Method,
};

const KEY: &str = "neighbour-key";
const CONNECT: &str = "neighbour-connect";

fn asked(architectures: Vec<Architecture>, scenario: &str) -> Request {
    request(architectures, vec![catalog::load(scenario).unwrap()])
}

fn on<'a>(cells: &'a [Cell], architecture: &str) -> &'a Cell {
    let cell = cells.iter().rfind(|cell| cell.architecture == architecture).unwrap();
    println!("{} on {architecture}: {:?}: {} {:?}", cell.scenario, cell.verdict, cell.reason, cell.evidence);
    cell
}

/// Every answer in the evidence, each once.
fn answers(cell: &Cell) -> Vec<&str> {
    let mut answers: Vec<&str> =
        cell.evidence.iter().filter_map(|evidence| evidence.answer.as_deref()).collect();
    answers.sort_unstable();
    answers.dedup();
    answers
}

/// The shipped file whose services stand on Unix sockets, with this mode.
fn with_sockets(mode: &str) -> Architecture {
    let text = architecture::source("proxy-on-host-unix").unwrap();
    let text = text
        .replace("\"0660\"", &format!("\"{mode}\""))
        .replace("name = \"proxy-on-host-unix\"", "name = \"mine\"");
    architecture::parse("mine.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// Doors of services on API hosts, by what they are: clear ports, others.
fn doors(architecture: &Architecture) -> (u64, u64) {
    let of_services =
        architecture.listeners.iter().filter(|listener| architecture[listener.process].program.is_api());
    let (clear, others): (Vec<_>, Vec<_>) =
        of_services.partition(|listener| listener.identity.is_none() && listener.place != Place::Unix);
    (clear.len() as u64, others.len() as u64)
}

#[test]
fn a_loopback_port_asks_nobody_who_they_are() {
    if !neighbour::possible() {
        return;
    }
    let cells = run(asked(shipped(), CONNECT));
    for architecture in shipped() {
        let cell = on(&cells, &architecture.name);
        let (clear, others) = doors(&architecture);
        let verdict = if clear > 0 { Verdict::Broken } else { Verdict::Held };
        assert_eq!((cell.verdict, cell.method), (verdict, Method::Measured));
        assert_eq!(
            (cell.sent, cell.exposed),
            (clear + others, clear),
            "every door that is clear, and no other"
        );
    }
}

#[test]
fn a_unix_socket_is_refused_by_the_kernel_and_its_owner_is_served() {
    if !neighbour::possible() {
        return;
    }
    let cells = run(asked(vec![with_sockets("0660")], CONNECT));
    let cell = on(&cells, "mine");
    assert_eq!((cell.verdict, cell.method, cell.sent), (Verdict::Held, Method::Measured, 5));
    assert_eq!(cell.control.positive, Positive::Passed);
    assert_eq!(answers(cell), ["permission denied (EACCES)"]);
}

#[test]
fn where_the_mode_lets_everybody_in_the_peer_check_still_refuses() {
    if !neighbour::possible() {
        return;
    }
    let cells = run(asked(vec![with_sockets("0666")], CONNECT));
    let cell = on(&cells, "mine");
    assert_eq!((cell.verdict, cell.exposed), (Verdict::Held, 0));
    assert_eq!(cell.control.positive, Positive::Passed);
    assert_eq!(answers(cell), ["closed without a byte"]);
}

#[test]
fn tls_inside_the_service_leaves_no_clear_port() {
    if !neighbour::possible() {
        return;
    }
    let mut draft = Draft::of("plaintext");
    draft.rename("mine");
    let plain = draft.resolved();
    let services = plain.listener_ids().filter(|id| plain[plain[*id].process].program.is_service());
    for label in services.map(|id| plain.listener_label(id)).collect::<Vec<_>>() {
        draft.flip(&label);
    }
    let cells = run(asked(vec![draft.resolved()], CONNECT));
    let cell = on(&cells, "mine");
    assert_eq!((cell.verdict, cell.exposed), (Verdict::Held, 0));
    assert_eq!(cell.control.positive, Positive::Passed);
    assert!(answers(cell).iter().all(|answer| answer.starts_with("alert ")));
}

#[test]
fn a_key_is_its_owners_alone() {
    if !neighbour::possible() {
        return;
    }
    let cells = run(asked(shipped(), KEY));
    for without in ["plaintext", "proxy-in-front"] {
        assert_eq!(on(&cells, without).verdict, Verdict::NotExercised, "no key lies on an API host");
    }
    let cell = on(&cells, "separate-environments");
    assert_eq!((cell.verdict, cell.method), (Verdict::Held, Method::Measured));
    assert_eq!((cell.sent, cell.exposed, cell.control.positive), (2, 0, Positive::Passed));
    assert_eq!(answers(cell), ["permission denied (EACCES)"]);
}

#[test]
fn a_key_that_everybody_may_read_is_read() {
    if !neighbour::possible() {
        return;
    }
    let text = architecture::source("separate-environments").unwrap();
    let text = text.replace("name = \"separate-environments\"", "name = \"mine\"");
    let mine = architecture::parse("mine.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let cells = run(Request { key_mode: 0o644, ..asked(vec![mine], KEY) });
    let cell = on(&cells, "mine");
    assert_eq!((cell.verdict, cell.sent, cell.exposed), (Verdict::Broken, 2, 2));
}

#[test]
fn a_key_that_not_even_its_owner_can_read_proves_nothing() {
    if !neighbour::possible() {
        return;
    }
    let text = architecture::source("separate-environments").unwrap();
    let text = text.replace("name = \"separate-environments\"", "name = \"mine\"");
    let mine = architecture::parse("mine.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"));
    let session = scenarios::runner::start(Request { key_mode: 0, ..asked(vec![mine], KEY) }).unwrap();
    let events: Vec<_> = session.events.iter().collect();
    let cells = scenarios::snapshot::Snapshot::of(&events).cells;
    let cell = on(&cells, "mine");
    assert_eq!((cell.verdict, cell.control.positive), (Verdict::Inconclusive, Positive::Failed));
}

#[test]
fn what_cannot_be_exercised_here_deviates_from_nothing() {
    for scenario in [KEY, CONNECT] {
        let separate = architecture::load("separate-environments").unwrap();
        let cells = run(Request { helper: None, ..asked(vec![separate], scenario) });
        let cell = on(&cells, "separate-environments");
        assert_eq!((cell.verdict, cell.expected), (Verdict::NotExercised, None));
        assert!(!cell.reason.is_empty());
    }
}
