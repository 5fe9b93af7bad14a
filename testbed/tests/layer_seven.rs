//! What a file says of requests, PROXY headers and sessions is what its launch does, on real sockets.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use hyper::{Request, Response};
use proxies::limits::Limits;
use testbed::{
    architecture::{self, Architecture},
    launch::{LaunchOptions, launch},
    ledger::Ledger,
    node::{plan::DialPlan, wiring::NodeConnect},
    services::client::Client,
    workload::{Bounds, Crowd},
};

/// A shipped file with some lines written otherwise.
fn edited(name: &str, edits: &[(&str, &str)]) -> Architecture {
    let mut text = architecture::source(name).unwrap().to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{name} says no `{from}`");
        text = text.replace(from, to);
    }
    architecture::parse("edited.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

async fn up(architecture: &Architecture) -> Ledger {
    launch(architecture, LaunchOptions::default()).await.unwrap().1
}

/// Users log in, list and create.
async fn work(ledger: &Ledger) {
    let bounds =
        Bounds { in_flight: 4, patience: Duration::from_secs(10), stragglers: Duration::from_secs(3) };
    let mut crowd = Crowd::start(ledger, bounds).unwrap();
    crowd.enrol(2).await.unwrap();
    crowd.warm_up(2, 2).await.unwrap();
    crowd.stop().unwrap();
}

async fn get(ledger: &Ledger, door: &DialPlan, path: &str) -> Response<Bytes> {
    let connect = NodeConnect::new(&ledger.world(), door, Limits::default()).unwrap();
    let request = Request::get(path).header("x-auth-token", "gAAAAA-nobody").body(Bytes::new()).unwrap();
    Client::new(connect, 0).exchange(request, Arc::new(|| ())).await.unwrap()
}

/// The guide's reason for ending TLS at the edge: traffic can be inspected there.
#[tokio::test]
async fn an_edge_that_reads_requests_turns_bad_ones_away_and_serves_the_others() {
    let bad = "/v2.1/servers?file=../../etc/passwd";
    for name in ["proxy-in-front", "separate-environments"] {
        let plain = up(&edited(name, &[])).await;
        assert_eq!(get(&plain, &plain.users[0].compute, bad).await.status(), 401, "{name}: compute answered");
        plain.teardown().unwrap();
        let reads = r#"identity = "edge-public", protocol = "http", filter = "default", "#;
        let read = up(&edited(name, &[(r#"identity = "edge-public", "#, reads)])).await;
        work(&read).await;
        assert_eq!(
            get(&read, &read.users[0].compute, "/v2.1/servers").await.status(),
            401,
            "{name}: compute"
        );
        assert_eq!(get(&read, &read.users[0].compute, bad).await.status(), 403, "{name}: the edge answered");
        assert_eq!(read.fabric.registry().violations(), vec![], "{name}");
        read.teardown().unwrap();
    }
}

#[tokio::test]
async fn a_proxy_header_is_written_where_it_is_read() {
    let told = edited(
        "over-load-balancer",
        &[
            (
                r#"dials.identity = { to = "api-1/tls-proxy/identity" }"#,
                r#"dials.identity = { to = "api-1/tls-proxy/identity", proxy_header = "v2" }"#,
            ),
            (
                r#"listeners.identity = { on = "management", identity = "api-1-public", "#,
                r#"listeners.identity = { on = "management", identity = "api-1-public", accept_proxy = ["lb/balancer"], "#,
            ),
        ],
    );
    let ledger = up(&told).await;
    work(&ledger).await;
    let tally = ledger.node("api-1/tls-proxy").unwrap().tally().clone();
    assert!(tally.proxy_headers.load(Ordering::Relaxed) > 0);
    assert_eq!(tally.proxy_headers_refused.load(Ordering::Relaxed), 0);
    ledger.teardown().unwrap();
}
