//! Sniffing and replaying, against a segment that gives everything away and one that gives nothing.
#![allow(clippy::unwrap_used)]

mod support;

use attacker::{
    loot::{Act, FlowCounts, Item, LootSink},
    technique::by_name,
};
use support::{
    attempts,
    flows::Segment,
    foothold, run, secrets,
    street::{Door, Street, compute, response},
    target,
};
use testbed::foothold::Foothold;

const OLD: &str = r#"{"id":"s-old","created":"2026-01-01"},{"id":"s-new","created":"2026-02-02"}"#;

/// A foothold on a segment that carried what `play` made it carry, and nothing after.
fn after(play: impl FnOnce(&mut Segment)) -> Foothold {
    let (foothold, stop) = foothold();
    let (mut segment, sniffer) = Segment::new(&stop);
    play(&mut segment);
    foothold.with_sniffer(sniffer)
}

#[tokio::test]
async fn a_clear_segment_gives_password_token_and_bodies_with_provenance() {
    let loot = run("sniff", after(|segment| segment.login(&target(1, "identity")))).await;
    assert_eq!(secrets(&loot, "password"), ["pw-1"]);
    assert_eq!(secrets(&loot, "token"), ["tok"]);
    assert_eq!(secrets(&loot, "response-body"), [r#"{"token":{}}"#]);
    assert_eq!(loot.flows, FlowCounts { clear: 1, tls: 0 });
    let password = loot.secrets().find(|secret| secret.value == "pw-1").unwrap();
    assert_eq!(password.user.as_deref(), Some("alice"));
    assert_eq!(password.provenance.flow, Some(1));
    assert_eq!(password.provenance.where_found, "request body auth.identity.password");
    assert_eq!(password.provenance.step.attack_id, "T1040");
}

#[tokio::test]
async fn an_encrypted_segment_gives_nothing_but_a_count() {
    let loot = run("sniff", after(|segment| segment.encrypted(&target(1, "identity")))).await;
    assert_eq!(loot.items.len(), 0);
    assert_eq!(loot.flows, FlowCounts { clear: 0, tls: 1 });
}

#[tokio::test]
async fn listening_ends_with_the_stop_and_keeps_what_was_captured_by_then() {
    let (foothold, stop) = foothold();
    let (mut segment, sniffer) = Segment::new(&stop);
    segment.login(&target(1, "identity"));
    stop.cancel();
    let loot = run("sniff", foothold.with_sniffer(sniffer)).await;
    assert_eq!(secrets(&loot, "token"), ["tok"]);
}

#[tokio::test]
async fn loot_is_shown_while_the_technique_still_listens() {
    let (foothold, stop) = foothold();
    let (mut segment, sniffer) = Segment::new(&stop);
    let (sink, mut live) = LootSink::channel();
    let listening = (by_name("sniff").unwrap().prepare)(sink).run(foothold.with_sniffer(sniffer));
    let watching = async {
        segment.login(&target(1, "identity"));
        let first = live.recv().await.unwrap();
        assert!(matches!(&first, Item::Secret(secret) if secret.value == "pw-1"), "{first:?}");
        stop.cancel();
    };
    let (loot, ()) = tokio::join!(listening, watching);
    assert!(!loot.items.is_empty());
}

#[tokio::test]
async fn a_stolen_token_deletes_the_oldest_server_once() {
    let street = Street::new(&[("compute", Door::Clear(compute))]);
    let heard = after(|segment| {
        segment.login(&target(9, "identity"));
        segment.list(&target(1, "compute"), "tok", OLD);
        segment.list(&target(1, "compute"), "tok", r#"{"id":"s-other"}"#);
    });
    let loot = run("sniff-and-replay", heard.with_reach(street.reach())).await;
    assert_eq!(street.asked(), ["compute: DELETE /v2.1/servers/s-old [tok]"]);
    let deed = loot.deeds().next().unwrap();
    assert_eq!(deed.what, Act::Deleted { server_id: "s-old".to_owned() });
    assert_eq!((deed.status, deed.request_id.as_deref()), (204, Some("req-7")));
    assert_eq!(deed.token_user.as_deref(), Some("alice"));
    assert_eq!((deed.provenance.flow, deed.provenance.step.attack_id), (Some(2), "T1550.001"));
    assert_eq!(
        attempts(&loot),
        ["host/compute DELETE /v2.1/servers/s-old with a stolen token in clear -> HTTP 204 served"]
    );
}

#[tokio::test]
async fn a_service_that_refuses_the_token_leaves_attempts_and_no_deed() {
    let street = Street::new(&[("compute", Door::Clear(|_| response(401, "", "{}")))]);
    let many = r#"{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"},{"id":"e"}"#;
    let heard = after(|segment| segment.list(&target(1, "compute"), "tok", many));
    let loot = run("sniff-and-replay", heard.with_reach(street.reach())).await;
    assert_eq!(loot.deeds().count(), 0);
    assert_eq!(loot.attempts().count(), 3, "it tries a few, not all");
    assert!(loot.attempts().all(|attempt| !attempt.served));
}

#[tokio::test]
async fn without_a_readable_token_nothing_is_dialled() {
    let street = Street::new(&[("compute", Door::Clear(compute))]);
    let heard = after(|segment| segment.encrypted(&target(1, "compute")));
    let loot = run("sniff-and-replay", heard.with_reach(street.reach())).await;
    assert_eq!((street.asked().len(), loot.items.len()), (0, 0));
}

#[tokio::test]
async fn after_the_stop_nothing_is_replayed() {
    let street = Street::new(&[("compute", Door::Clear(compute))]);
    let heard = after(|segment| segment.list(&target(1, "compute"), "tok", OLD));
    heard.stop().cancel();
    let loot = run("sniff-and-replay", heard.with_reach(street.reach())).await;
    assert_eq!(street.asked().len(), 0);
    assert_eq!(secrets(&loot, "token"), ["tok"]);
}

#[tokio::test]
async fn a_vantage_without_targets_still_sniffs_and_says_what_it_lacked() {
    let heard = after(|segment| segment.list(&target(1, "compute"), "tok", OLD));
    let loot = run("sniff-and-replay", heard).await;
    assert_eq!(secrets(&loot, "token"), ["tok"]);
    let lacked = loot.items.iter().filter(|item| matches!(item, Item::NotGranted(..)));
    assert_eq!(lacked.count(), 1);
}
