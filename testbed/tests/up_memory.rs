//! `up` may stand for days: nothing it holds grows with traffic. Alone in its process, whose memory it measures.
#![allow(clippy::unwrap_used)]

use std::{fs, sync::Arc};

use proxies::{limits::Limits, transport::Party};
use testbed::{
    architecture,
    fabric::parties::Kind,
    ledger::{Ledger, Seen},
    node::{plan::DialPlan, wiring::NodeConnect},
    services::client::Client,
    up::{UpOptions, up},
};
use tokio::task::JoinSet;

/// Enough that whatever is kept per connection or request would show.
const REQUESTS: usize = 2_000;
const WARM_UP: usize = 500;
const AT_ONCE: usize = 20;
/// What they may leave behind in the allocator: far below the 10 KiB and more that each recorded one takes.
const SLACK_KIB: usize = 8 * 1024;

fn client(ledger: &Ledger, party: Party) -> Client {
    let published = ledger.published.iter().find(|one| one.service_type == "compute").unwrap();
    let registry = ledger.fabric.registry();
    let plan = DialPlan {
        entry: published.entry,
        source: registry.source(registry.draw_ip()),
        party,
        segment: None,
        tls: ledger.users[0].compute.tls.clone(),
        authority: published.authority.clone(),
        header: None,
    };
    Client::new(NodeConnect::new(&ledger.world(), &plan, Limits::default()).unwrap(), 0)
}

/// Asks compute with a token identity has to be asked about: every leg of the architecture is crossed.
async fn ask(client: &Client) {
    let request = hyper::Request::get("/v2.1/servers").header("X-Auth-Token", "gAAAAA-nobody");
    let request = request.body(bytes::Bytes::new()).unwrap();
    let answer = client.exchange(request, Arc::new(|| {})).await.unwrap();
    assert_eq!(answer.status(), 401);
}

async fn ask_often(ledger: &Ledger, party: Party, requests: usize) {
    let client = Arc::new(client(ledger, party));
    let mut asking = JoinSet::new();
    for _ in 0..AT_ONCE {
        let client = client.clone();
        asking.spawn(async move {
            for _ in 0..requests / AT_ONCE {
                ask(&client).await;
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked.unwrap();
    }
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

#[tokio::test]
async fn nothing_grows_with_traffic() {
    let home = tempfile::tempdir().unwrap();
    let up = up(&architecture::load("separate-environments").unwrap(), home.path(), UpOptions::default())
        .await
        .unwrap();
    let ledger = up.ledger();
    let party = ledger.fabric.parties().add("outside/test", Kind::Honest);
    ask_often(ledger, party, WARM_UP).await;
    let before = resident_kib();
    ask_often(ledger, party, REQUESTS).await;
    let grown = resident_kib().saturating_sub(before);
    println!("{grown} KiB more after {REQUESTS} requests");
    assert!(grown < SLACK_KIB, "{grown} KiB more after {REQUESTS} requests");

    ledger.fabric.settle().await.unwrap();
    assert_eq!(ledger.captured().flows().count(), 0);
    assert_eq!(ledger.key_log.sessions_logged(), 0);
    assert_eq!(format!("{:?}", ledger.found()), format!("{:?}", Seen::default()));
    assert_eq!(format!("{:?}", ledger.canaries), "Canaries(0 canaries)");
    let store = ledger.store();
    assert!(store.creations().is_empty() && !store.servers().is_empty());
    up.down().unwrap();
}
