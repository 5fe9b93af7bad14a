//! Bound tokens on real sockets: certificates are presented in handshakes, carried by proxies as
//! `Client-Cert`, and asked for again when a token is used.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Request, Response};
use proxies::limits::Limits;
use serde_json::{Value, json};
use testbed::{
    architecture,
    launch::{LaunchOptions, launch},
    ledger::Ledger,
    node::{plan::DialPlan, wiring::NodeConnect},
    services::{client::Client, client_cert, identity::NewUser},
};

async fn ask(ledger: &Ledger, door: &DialPlan, request: Request<Bytes>) -> Response<Bytes> {
    let connect = NodeConnect::new(&ledger.world(), door, Limits::default()).unwrap();
    Client::new(connect, 0).exchange(request, Arc::new(|| ())).await.unwrap()
}

/// The cloud, up, and a token of alice's got with her certificate.
async fn cloud() -> (Ledger, String, Value) {
    let file = architecture::parse("bound.toml", include_str!("clouds/bound.toml"));
    let file = file.unwrap_or_else(|wrong| panic!("{wrong}"));
    let (_footholds, ledger) = launch(&file, LaunchOptions::default()).await.unwrap();
    let alice = NewUser {
        name: "alice".into(),
        password: "alice-password".into(),
        roles: vec!["member".into()],
        project: "demo".into(),
    };
    ledger.node("api-1/identity").unwrap().identity().unwrap().provision(alice).await.unwrap();
    let answer = ask(&ledger, &ledger.users[0].identity, login()).await;
    let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
    let facts = serde_json::from_slice(answer.body()).unwrap();
    (ledger, token, facts)
}

fn login() -> Request<Bytes> {
    let body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user":
        {"name": "alice", "domain": {"id": "default"}, "password": "alice-password"}}}}});
    Request::post("/v3/auth/tokens").body(Bytes::from(body.to_string())).unwrap()
}

fn get(path: &str, token: &str) -> Request<Bytes> {
    Request::get(path).header("x-auth-token", token).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_stolen_token_is_worth_nothing_without_its_certificate_wherever_it_is_tried() {
    let (ledger, token, facts) = cloud().await;
    assert_eq!(facts["token"]["cnf"], facts["token"]["oauth2_credential"]);
    assert!(facts["token"]["cnf"]["x5t#S256"].is_string(), "{facts}");
    let [users, thieves] = &ledger.users[..] else { panic!("two groups of users") };
    let list = || get("/v2.1/servers", &token);
    assert_eq!(ask(&ledger, &users.compute, list()).await.status(), 200, "alice herself");
    assert_eq!(ask(&ledger, &thieves.compute, list()).await.status(), 401, "without a certificate");
    let catalog = || get("/v3/auth/catalog", &token);
    assert_eq!(ask(&ledger, &users.identity, catalog()).await.status(), 200, "alice herself");
    assert_eq!(ask(&ledger, &thieves.identity, catalog()).await.status(), 401, "with another one");
    ledger.teardown().unwrap();
}

#[tokio::test]
async fn a_certificate_made_up_in_a_header_is_removed_on_the_way() {
    let (ledger, token, facts) = cloud().await;
    let [users, thieves] = &ledger.users[..] else { panic!("two groups of users") };
    // The certificate is no secret: thieves may have it, but not its key.
    let der = &users.identity.tls.as_ref().unwrap().identity.as_ref().unwrap().chain[0];
    let thumbprint = client_cert::Thumbprint::of(der).to_string();
    assert_eq!(facts["token"]["cnf"]["x5t#S256"], thumbprint, "what the handshake showed was bound");
    for (door, path) in [(&thieves.compute, "/v2.1/servers"), (&thieves.identity, "/v3/auth/catalog")] {
        let mut request = get(path, &token);
        request.headers_mut().insert("client-cert", client_cert::write(der).parse().unwrap());
        assert_eq!(ask(&ledger, door, request).await.status(), 401, "{path}");
    }
    ledger.teardown().unwrap();
}

#[tokio::test]
async fn who_comes_without_a_certificate_gets_an_unbound_token_and_can_work() {
    let (ledger, _, _) = cloud().await;
    let thieves = &ledger.users[1];
    let without = DialPlan {
        tls: thieves.identity.tls.clone().map(|mut tls| {
            tls.identity = None;
            tls
        }),
        ..thieves.identity.clone()
    };
    let answer = ask(&ledger, &without, login()).await;
    let facts: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(facts["token"].get("cnf"), None);
    let token = answer.headers()["x-subject-token"].to_str().unwrap().to_owned();
    assert_eq!(ask(&ledger, &thieves.compute, get("/v2.1/servers", &token)).await.status(), 200);
    ledger.teardown().unwrap();
}
