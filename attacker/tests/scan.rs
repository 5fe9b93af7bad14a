//! The scan's two modes against every kind of answer.
#![allow(clippy::unwrap_used)]

mod support;

use attacker::loot::Channel;
use support::{
    attempts, foothold, run,
    street::{Door, Street, identity, response},
    tls,
};
use testbed::{foothold::Answer, vocabulary::Method};

fn street() -> std::sync::Arc<Street> {
    Street::new(&[
        ("open", Door::Clear(identity)),
        ("guarded", Door::Clear(|_| response(401, "", "{}"))),
        ("secure", Door::Tls(identity)),
        ("refused", Door::Refused),
        ("far", Door::NoRoute),
        ("closing", Door::Closed),
        ("silent", Door::Silent),
    ])
}

#[tokio::test(start_paused = true)]
async fn every_target_is_asked_in_clear_and_then_over_tls_where_that_may_help() {
    let (foothold, _stop) = foothold();
    let loot = run("scan", foothold.with_reach(street().reach()).with_tls(tls::kit())).await;
    let mut lines = attempts(&loot);
    lines.sort();
    let told = [
        "host/closing GET / in clear -> closed without a byte",
        "host/closing GET / over TLS -> closed without a byte",
        "host/far GET / in clear -> no route",
        "host/guarded GET / in clear -> HTTP 401",
        "host/open GET / in clear -> HTTP 300 served",
        "host/refused GET / in clear -> connection refused",
        "host/secure GET / in clear -> alert decode_error",
        "host/secure GET / over TLS -> HTTP 300 served",
        "host/silent GET / in clear -> silence",
        "host/silent GET / over TLS -> silence",
    ];
    assert_eq!(lines, told);
    let modelled = loot.attempts().filter(|attempt| attempt.answer.method() == Method::Modelled);
    assert!(modelled.map(|attempt| &attempt.answer).eq([&Answer::NoRoute]));
}

#[tokio::test(start_paused = true)]
async fn the_clear_scan_is_served_by_clear_ports_alone() {
    let (foothold, _stop) = foothold();
    let loot = run("scan-clear", foothold.with_reach(street().reach()).with_tls(tls::kit())).await;
    assert!(loot.attempts().all(|attempt| attempt.channel == Channel::Clear));
    assert_eq!(loot.attempts().count(), 7);
    let served: Vec<&str> =
        loot.attempts().filter(|attempt| attempt.served).map(|attempt| attempt.label.as_str()).collect();
    assert_eq!(served, ["host/open"]);
}

#[tokio::test]
async fn a_stopped_scan_asks_nobody() {
    let (foothold, stop) = foothold();
    stop.cancel();
    let street = street();
    let loot = run("scan", foothold.with_reach(street.reach()).with_tls(tls::kit())).await;
    assert_eq!((loot.items.len(), street.asked().len()), (0, 0));
}
