//! Compute as its callers see it, with a real identity behind it, over memory.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::Compute;
use crate::{
    connect::Connect,
    services::testing::{Answer, Refused, Stand, Wire, ask, compute_config, get, post, with_token},
    vocabulary::Asset,
};

async fn create(stand: &Stand, token: &str, name: &str) -> Answer {
    let body = json!({"server": {"name": name, "flavorRef": "1", "imageRef": "", "metadata": {"k": "v"}}});
    let mut request = post("/v2.1/servers", &body);
    request.headers_mut().insert("x-auth-token", token.parse().unwrap());
    ask(stand.to_compute.clone(), request).await
}

/// The answer of a compute process that reaches identity by `dial`, logging in with `password`.
async fn list_over(stand: &Stand, dial: Arc<dyn Connect>, password: &str) -> Answer {
    let token = stand.token("alice").await;
    let compute = Compute::new(compute_config(&stand.registry, &stand.store, dial, password));
    ask(Wire::to(compute, "compute.invalid"), get("/v2.1/servers", &token)).await
}

#[tokio::test]
async fn a_server_is_made_seen_and_deleted_and_the_log_tells_by_which_request() {
    let stand = Stand::new().await;
    let token = stand.token("alice").await;
    let made = create(&stand, &token, "web").await;
    assert_eq!(made.status, 202);
    let id = made.body["server"]["id"].as_str().unwrap();
    assert_eq!(made.text("location"), format!("http://compute.invalid:8774/v2.1/servers/{id}"));
    let password = made.body["server"]["adminPass"].as_str().unwrap();
    assert_eq!(stand.registry.of(Asset::ResponseBody), [password]);
    assert!(stand.registry.was_sent(password));

    let path = format!("/v2.1/servers/{id}");
    let shown = ask(stand.to_compute.clone(), get(&path, &token)).await;
    assert_eq!(shown.body["server"]["name"], "web");
    assert_eq!(shown.body["server"]["metadata"], json!({"k": "v"}));

    let gone = ask(stand.to_compute.clone(), with_token("DELETE", &path, &token)).await;
    assert_eq!((gone.status.as_u16(), &gone.body), (204, &Value::Null));
    assert_eq!(gone.text("x-compute-request-id"), gone.text("x-openstack-request-id"));
    let deletions = stand.store.deletions();
    assert_eq!(deletions.len(), 1);
    assert_eq!(deletions[0].request_id, gone.text("x-compute-request-id"));
    assert_eq!((deletions[0].server_id.as_str(), deletions[0].user.as_str()), (id, "alice"));
    assert_eq!(stand.store.creations()[0].request_id, made.text("x-compute-request-id"));

    let again = ask(stand.to_compute.clone(), with_token("DELETE", &path, &token)).await;
    let message = format!("Instance {id} could not be found.");
    assert_eq!(again.body, json!({"itemNotFound": {"code": 404, "message": message}}));
}

#[tokio::test]
async fn every_list_in_detail_carries_a_canary_of_its_own() {
    let stand = Stand::new().await;
    let token = stand.token("alice").await;
    let list = || ask(stand.to_compute.clone(), get("/v2.1/servers/detail?deleted=False", &token));
    assert_eq!(list().await.body, json!({"servers": []}), "an empty list gives nothing away");
    create(&stand, &token, "old").await;
    create(&stand, &token, "new").await;
    let (first, second) = (list().await.body, list().await.body);
    assert_eq!((&first["servers"][0]["name"], &first["servers"][1]["name"]), (&json!("new"), &json!("old")));
    let canary = |body: &Value| body["servers"][0]["metadata"]["description"].as_str().unwrap().to_owned();
    assert_ne!(canary(&first), canary(&second));
    let planted = stand.registry.of(Asset::ResponseBody);
    assert_eq!(planted[2..], [canary(&first), canary(&second)]);
    assert!(planted.iter().all(|canary| stand.registry.was_sent(canary)));
}

#[tokio::test]
async fn every_request_is_validated_with_identity_on_one_kept_connection() {
    let stand = Stand::new().await;
    let token = stand.token("alice").await;
    let before = stand.to_identity.opened.load(Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(ask(stand.to_compute.clone(), get("/v2.1/servers", &token)).await.status, 200);
    }
    assert_eq!(stand.to_identity.opened.load(Ordering::Relaxed) - before, 1);
    assert!(stand.registry.was_sent("nova-password"));
    let mut revoke = with_token("DELETE", "/v3/auth/tokens", &token);
    revoke.headers_mut().insert("x-subject-token", token.parse().unwrap());
    assert_eq!(ask(stand.to_identity.clone(), revoke).await.status, 204);
    let refused = ask(stand.to_compute.clone(), get("/v2.1/servers", &token)).await;
    assert_eq!(refused.status, 401, "no answer of identity is cached");
}

#[tokio::test]
async fn compute_logs_in_again_once_when_its_own_token_was_revoked() {
    let stand = Stand::new().await;
    let token = stand.token("alice").await;
    let list = || ask(stand.to_compute.clone(), get("/v2.1/servers", &token));
    assert_eq!(list().await.status, 200);
    let own = stand.registry.adopted.lock().unwrap().last().unwrap().clone();
    let mut revoke = with_token("DELETE", "/v3/auth/tokens", &own);
    revoke.headers_mut().insert("x-subject-token", own.parse().unwrap());
    assert_eq!(ask(stand.to_identity.clone(), revoke).await.status, 204);
    let issued = stand.registry.adopted.lock().unwrap().len();
    assert_eq!(list().await.status, 200);
    assert_eq!(list().await.status, 200);
    assert_eq!(stand.registry.adopted.lock().unwrap().len() - issued, 1, "one new login");
}

#[tokio::test]
async fn compute_that_is_asked_to_logs_in_again_at_once_on_a_new_connection() {
    let stand = Stand::new().await;
    let (token, stop) = (stand.token("alice").await, CancellationToken::new());
    let compute = Compute::new(compute_config(
        &stand.registry,
        &stand.store,
        stand.to_identity.clone(),
        "nova-password",
    ));
    let to_compute = Wire::to(compute.clone(), "compute.invalid");
    let issued = || stand.registry.adopted.lock().unwrap().len();
    let opened = || stand.to_identity.opened.load(Ordering::Relaxed);
    let asking = async {
        assert_eq!(ask(to_compute.clone(), get("/v2.1/servers", &token)).await.status, 200);
        let before = (issued(), opened());
        compute.renewal().ask().await;
        assert_eq!((issued(), opened()), (before.0 + 1, before.1 + 1), "without any request");
        assert_eq!(ask(to_compute.clone(), get("/v2.1/servers", &token)).await.status, 200);
        assert_eq!((issued(), opened()), (before.0 + 1, before.1 + 1), "its new token does");
        stop.cancel();
    };
    tokio::join!(compute.keep_logged_in(&stop), asking);
}

#[tokio::test]
async fn a_renewal_that_fails_is_over_as_well() {
    let stand = Stand::new().await;
    let stop = CancellationToken::new();
    let compute =
        Compute::new(compute_config(&stand.registry, &stand.store, Arc::new(Refused), "nova-password"));
    let asking = async {
        compute.renewal().ask().await;
        stop.cancel();
    };
    tokio::join!(compute.keep_logged_in(&stop), asking);
    assert_eq!(stand.registry.adopted.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn a_connection_identity_closed_meanwhile_is_replaced() {
    let stand = Stand::new().await;
    let token = stand.token("alice").await;
    let list = || ask(stand.to_compute.clone(), get("/v2.1/servers", &token));
    assert_eq!(list().await.status, 200);
    let before = stand.to_identity.opened.load(Ordering::Relaxed);
    stand.to_identity.hang_up();
    assert_eq!(list().await.status, 200);
    assert!(stand.to_identity.opened.load(Ordering::Relaxed) > before);
}

#[tokio::test]
async fn nobody_and_forged_headers_are_401_in_the_middlewares_words() {
    let stand = Stand::new().await;
    let nobody = Request::get("/v2.1/servers/detail").body(Bytes::new()).unwrap();
    let forged = Request::get("/v2.1/servers/detail")
        .header("X-User-Id", "root")
        .header("X-User-Name", "root")
        .header("X-Project-Id", "any")
        .header("X-Identity-Status", "Confirmed")
        .body(Bytes::new())
        .unwrap();
    for request in [nobody, forged, get("/v2.1/servers/detail", "gAAAAAforged")] {
        let answer = ask(stand.to_compute.clone(), request).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["title"]), (401, &json!("Unauthorized")));
        assert_eq!(answer.text("www-authenticate"), "Keystone uri=\"http://identity.invalid:5000\"");
    }
}

#[tokio::test]
async fn without_identity_compute_is_unavailable_in_novas_words() {
    let stand = Stand::new().await;
    let unreachable = list_over(&stand, Arc::new(Refused), "nova-password").await;
    let unwanted = list_over(&stand, stand.to_identity.clone(), "wrong").await;
    for answer in [unreachable, unwanted] {
        assert_eq!(answer.status, 503);
        assert_eq!(answer.body["serviceUnavailable"]["code"], 503);
    }
    let healthy = list_over(&stand, stand.to_identity.clone(), "nova-password").await;
    assert_eq!(healthy.status, 200);
}

#[tokio::test]
async fn nonsense_is_refused_in_novas_words() {
    let stand = Stand::new().await;
    let token = stand.token("alice").await;
    let request = |method: &str, path: &str, body: Vec<u8>| {
        let request = Request::builder().method(method).uri(path).header("X-Auth-Token", &token);
        request.body(Bytes::from(body)).unwrap()
    };
    for (request, code, name) in [
        (request("POST", "/v2.1/servers", b"{".to_vec()), 400, "badRequest"),
        (request("POST", "/v2.1/servers", b"{}".to_vec()), 400, "badRequest"),
        (request("POST", "/v2.1/servers", vec![b' '; 1024 * 1024 + 1]), 413, "overLimit"),
        (request("PUT", "/v2.1/servers", vec![]), 405, "badMethod"),
        (request("GET", "/v2.1/images", vec![]), 404, "itemNotFound"),
        (request("GET", "/v2.1/servers/%00", vec![]), 404, "itemNotFound"),
    ] {
        let path = request.uri().path().to_owned();
        let answer = ask(stand.to_compute.clone(), request).await;
        assert_eq!((answer.status, &answer.body[name]["code"]), (status(code), &json!(code)), "{path}");
    }
    assert_eq!(stand.store.creations(), []);
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}
