//! The whole way from a broken-out guest to a deleted server, and a wall on which it ends.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use attacker::loot::Loot;
use support::{
    attempts,
    flows::Segment,
    foothold, run, secrets,
    street::{Door, Street, compute, identity},
    target, tls,
};

const LISTED: &str = r#"{"id":"s-old","created":"2026-01-01"}"#;

async fn escape(street: &Arc<Street>, play: impl FnOnce(&mut Segment)) -> Loot {
    let (foothold, stop) = foothold();
    let (mut segment, sniffer) = Segment::new(&stop);
    play(&mut segment);
    drop(segment);
    run("escape", foothold.with_reach(street.reach()).with_tls(tls::kit()).with_sniffer(sniffer)).await
}

#[tokio::test]
async fn behind_a_clear_segment_everything_falls() {
    let street = Street::new(&[("identity", Door::Clear(identity)), ("compute", Door::Clear(compute))]);
    let loot = escape(&street, |segment| {
        segment.list(&target(2, "compute"), "tok", LISTED);
        segment.list(&target(2, "compute"), "tok", r#"{"id":"s-new"}"#);
    })
    .await;
    let asked = street.asked();
    assert!(asked.contains(&"identity: GET /v3 [-]".to_owned()), "{asked:?}");
    let called = "compute: GET /v2.1/servers/detail [tok]";
    assert_eq!(asked.iter().filter(|line| *line == called).count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|line| line.contains("DELETE")).count(), 1);
    assert_eq!(loot.deeds().count(), 1);
    let bodies = secrets(&loot, "response-body");
    assert!(bodies.iter().any(|body| body.contains("found by calling")), "{bodies:?}");
}

#[tokio::test]
async fn steps_carry_their_own_ids() {
    let street = Street::new(&[("compute", Door::Clear(compute))]);
    let loot = escape(&street, |segment| segment.list(&target(1, "compute"), "tok", LISTED)).await;
    let ids: Vec<&str> = loot.attempts().map(|attempt| attempt.provenance.step.attack_id).collect();
    assert_eq!(ids, ["T1046", "T1611", "T1550.001", "T1550.001"]);
    assert!(loot.secrets().any(|secret| secret.provenance.step.attack_id == "T1040"));
}

#[tokio::test]
async fn behind_tls_and_closed_ports_nothing_falls() {
    let street = Street::new(&[("identity", Door::Tls(compute)), ("service", Door::Refused)]);
    let loot = escape(&street, |segment| segment.encrypted(&target(1, "identity"))).await;
    assert_eq!((loot.secrets().count(), loot.deeds().count()), (0, 0));
    assert_eq!(
        attempts(&loot),
        [
            "host/service GET / in clear -> connection refused",
            "host/identity GET / in clear -> alert decode_error",
            "host/identity GET / over TLS -> HTTP 200 served",
        ]
    );
    assert_eq!(loot.flows.tls, 1);
}

#[tokio::test]
async fn what_the_attacker_says_itself_is_not_loot() {
    let street = Street::new(&[("compute", Door::Clear(compute))]);
    let loot = escape(&street, |segment| {
        let own = "GET / HTTP/1.1\r\nUser-Agent: attacker-call\r\nX-Auth-Token: own\r\n\r\n";
        segment.exchange(&target(1, "compute"), own, "HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\nown");
    })
    .await;
    assert_eq!(loot.secrets().count(), 0);
}
