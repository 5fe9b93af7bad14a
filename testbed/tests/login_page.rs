//! The login page and privileged operations on real sockets, in two small architectures of this test's own.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode, header};
use proxies::limits::Limits;
use serde_json::{Value, json};
use testbed::{
    architecture::{self, Architecture},
    launch::{LaunchOptions, launch},
    ledger::Ledger,
    node::{plan::DialPlan, wiring::NodeConnect},
    services::{client::Client, identity::NewUser},
    vocabulary::{Asset, Encoding},
    workload::{Arrival, Bounds, Crowd, Meter, Operation},
};
use tokio_util::sync::CancellationToken;

const CLEAR: &str = include_str!("clouds/clear.toml");
const PROTECTED: &str = include_str!("clouds/protected.toml");

fn parsed(text: &str) -> Architecture {
    architecture::parse("test.toml", text).unwrap_or_else(|wrong| panic!("{wrong}"))
}

async fn ask(ledger: &Ledger, door: &DialPlan, request: Request<Bytes>) -> Response<Bytes> {
    let connect = NodeConnect::new(&ledger.world(), door, Limits::default()).unwrap();
    Client::new(connect, 0).exchange(request, Arc::new(|| ())).await.unwrap()
}

/// Ten visits of honest users.
async fn visit(ledger: &Ledger) -> Arc<Meter> {
    let patience = Duration::from_secs(10);
    let bounds = Bounds { in_flight: 16, patience, stragglers: patience };
    let mut crowd = Crowd::start(ledger, bounds).unwrap();
    assert!(crowd.visits_page());
    crowd.enrol(10).await.unwrap();
    let arrival = |n: u64| Arrival { at: Duration::from_millis(n * 10), operation: Operation::Page };
    let meter = Arc::new(Meter::new().unwrap());
    crowd.work((0..10).map(arrival).collect(), meter.clone(), CancellationToken::new()).await.unwrap();
    crowd.stop().unwrap();
    meter
}

#[tokio::test]
async fn form_passwords_and_pages_are_read_exactly_where_nothing_protects_them() {
    for (text, readable) in [(CLEAR, true), (PROTECTED, false)] {
        let file = parsed(text);
        let name = &file.name;
        let (_footholds, ledger) = launch(&file, LaunchOptions::default()).await.unwrap();
        let meter = visit(&ledger).await;
        assert_eq!(meter.total(Operation::Page).done, 10, "{name}: {:?}", meter.failures());
        ledger.fabric.settle().await.unwrap();
        let seen = ledger.found();
        for asset in [Asset::Password, Asset::ResponseBody] {
            let sent = ledger.canaries.sent_between(asset, Duration::ZERO, Duration::MAX).len();
            assert_eq!(sent, 10, "{name}: {asset}");
            for link in ["clients/users>edge", "edge/"] {
                let hits: Vec<_> = seen
                    .findings
                    .iter()
                    .filter(|found| found.link.starts_with(link))
                    .filter(|found| ledger.canaries.asset(found.hit.canary) == asset)
                    .collect();
                assert_eq!(hits.len(), if readable { 10 } else { 0 }, "{name}: {asset} on {link}");
                assert!(hits.iter().all(|found| found.hit.encoding == Encoding::Raw));
            }
        }
        let crossed = |asset| seen.findings.iter().any(|it| ledger.canaries.asset(it.hit.canary) == asset);
        assert!(!crossed(Asset::Token), "{name}: the page's own login stays on a local link");
        drop(seen);
        ledger.teardown().unwrap();
    }
}

#[tokio::test]
async fn cookies_are_secure_exactly_where_users_come_over_tls() {
    for (text, secure) in [(CLEAR, false), (PROTECTED, true)] {
        let (_footholds, ledger) = launch(&parsed(text), LaunchOptions::default()).await.unwrap();
        let door = ledger.users[0].login_page.as_ref().unwrap();
        let form = ask(&ledger, door, Request::get("/auth/login/").body(Bytes::new()).unwrap()).await;
        let cookie = form.headers()[header::SET_COOKIE].to_str().unwrap();
        assert_eq!(cookie.ends_with("; Secure"), secure, "{cookie}");
        ledger.teardown().unwrap();
    }
}

#[tokio::test]
async fn the_same_admin_is_answered_on_one_listener_and_refused_on_the_other() {
    for (upstream, status) in [("api", StatusCode::FORBIDDEN), ("admin", StatusCode::OK)] {
        let from = "to = \"api-1/identity/api\"";
        assert!(CLEAR.contains(from));
        let file = parsed(&CLEAR.replace(from, &from.replace("api\"", &format!("{upstream}\""))));
        let (_footholds, ledger) = launch(&file, LaunchOptions::default()).await.unwrap();
        let boss = NewUser {
            name: "boss".into(),
            password: "boss-password".into(),
            roles: vec!["admin".into()],
            project: "demo".into(),
        };
        ledger.node("api-1/identity").unwrap().identity().unwrap().provision(boss).await.unwrap();
        let door = &ledger.users[0].identity;
        let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user":
            {"name": "boss", "domain": {"id": "default"}, "password": "boss-password"}}}}});
        let login = Request::post("/v3/auth/tokens").body(Bytes::from(body.to_string())).unwrap();
        let login = ask(&ledger, door, login).await;
        let token = login.headers()["x-subject-token"].clone();
        let list = Request::get("/v3/users").header("x-auth-token", &token).body(Bytes::new()).unwrap();
        let answer = ask(&ledger, door, list).await;
        assert_eq!(answer.status(), status, "over {upstream}");
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(body.get("users").is_some(), status == StatusCode::OK);
        let endpoints =
            Request::get("/v3/endpoints").header("x-auth-token", &token).body(Bytes::new()).unwrap();
        assert_eq!(ask(&ledger, door, endpoints).await.status(), StatusCode::OK, "the four commands go on");
        ledger.teardown().unwrap();
    }
}
