//! Identity as its callers see it: over one connection in memory.

use bytes::Bytes;
use hyper::Request;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{NewUser, ProvisionError};
use crate::services::testing::{Answer, Stand, ask, get, login_body, post, with_token};

async fn log_in(stand: &Stand, user: &str, password: &str, project: Option<&str>) -> Answer {
    ask(stand.to_identity.clone(), post("/v3/auth/tokens", &login_body(user, password, project))).await
}

/// A request about `subject` by the holder of `token`.
async fn about(stand: &Stand, method: &str, token: &str, subject: &str) -> Answer {
    let mut request = with_token(method, "/v3/auth/tokens", token);
    request.headers_mut().insert("x-subject-token", subject.parse().unwrap());
    ask(stand.to_identity.clone(), request).await
}

#[tokio::test]
async fn a_login_answers_with_everything_the_real_client_needs() {
    let stand = Stand::new().await;
    let answer = log_in(&stand, "alice", "alice-password", Some("demo")).await;
    assert_eq!(answer.status, 201);
    let token = answer.text("x-subject-token");
    assert!(token.starts_with("gAAAAA"));
    assert!(answer.text("x-openstack-request-id").starts_with("req-"));
    assert_eq!(answer.text("vary"), "X-Auth-Token");
    let facts = &answer.body["token"];
    assert_eq!(facts["user"]["name"], "alice");
    assert_eq!(facts["user"]["domain"], json!({"id": "default", "name": "Default"}));
    assert_eq!(facts["project"]["name"], "demo");
    assert_eq!(facts["roles"][0]["name"], "member");
    assert_eq!(facts["catalog"][1]["endpoints"][0]["url"], "http://public.compute.invalid/v2.1");
    let lifetime = |key: &str| facts[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(lifetime("expires_at").duration_since(lifetime("issued_at")), SignedDuration::from_hours(1));
    assert_eq!(stand.registry.adopted.lock().unwrap().as_slice(), [token]);
    assert!(stand.registry.was_sent(token));
}

#[tokio::test]
async fn whoever_cannot_prove_who_they_are_gets_keystones_401() {
    let stand = Stand::new().await;
    let mut elsewhere = login_body("alice", "alice-password", None);
    elsewhere["auth"]["identity"]["password"]["user"]["domain"] = json!({"name": "Elsewhere"});
    let attempts = [
        login_body("alice", "wrong", Some("demo")),
        login_body("nobody", "alice-password", Some("demo")),
        login_body("alice", "alice-password", Some("service")),
        elsewhere,
    ];
    for body in attempts {
        let answer = ask(stand.to_identity.clone(), post("/v3/auth/tokens", &body)).await;
        assert_eq!(answer.status, 401, "{body}");
        assert_eq!(answer.text("www-authenticate"), "Keystone uri=\"http://identity.invalid:5000\"");
        let message = "The request you have made requires authentication.";
        assert_eq!(answer.body, json!({"error": {"code": 401, "title": "Unauthorized", "message": message}}));
    }
    assert_eq!(stand.registry.adopted.lock().unwrap().len(), 0, "nobody got a token");
}

#[tokio::test]
async fn a_service_validates_a_users_token_and_a_user_only_its_own() {
    let stand = Stand::new().await;
    let (alice, nova) = (stand.token("alice").await, stand.token("nova").await);
    let answer = about(&stand, "GET", &nova, &alice).await;
    assert_eq!((answer.status.as_u16(), &answer.body["token"]["user"]["name"]), (200, &json!("alice")));
    assert_eq!(answer.text("x-subject-token"), alice);
    assert_eq!(about(&stand, "GET", &alice, &alice).await.status, 200);
    let refused = about(&stand, "GET", &alice, &nova).await;
    assert_eq!((refused.status.as_u16(), &refused.body["error"]["title"]), (403, &json!("Forbidden")));
    assert_eq!(about(&stand, "GET", &nova, "gAAAAAforged").await.status, 404);
    assert_eq!(about(&stand, "GET", "gAAAAAforged", &alice).await.status, 401);
    let head = about(&stand, "HEAD", &nova, &alice).await;
    assert_eq!((head.status.as_u16(), head.body), (200, Value::Null));
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing() {
    let stand = Stand::new().await;
    let (alice, nova) = (stand.token("alice").await, stand.token("nova").await);
    assert_eq!(about(&stand, "DELETE", &nova, &alice).await.status, 403, "a service may not revoke");
    assert_eq!(about(&stand, "DELETE", &alice, &alice).await.status, 204);
    assert_eq!(about(&stand, "GET", &nova, &alice).await.status, 404);
    assert_eq!(ask(stand.to_identity.clone(), get("/v3/auth/catalog", &alice)).await.status, 401);
}

#[tokio::test]
async fn an_expired_token_is_worth_nothing() {
    let stand = Stand::with_lifetime(SignedDuration::ZERO).await;
    let alice = stand.token("alice").await;
    assert_eq!(ask(stand.to_identity.clone(), get("/v3/auth/catalog", &alice)).await.status, 401);
}

#[tokio::test]
async fn only_an_admin_lists_endpoints_and_services() {
    let stand = Stand::new().await;
    let (alice, admin) = (stand.token("alice").await, stand.token("admin").await);
    for path in ["/v3/endpoints", "/v3/services", "/v3/services/1"] {
        assert_eq!(ask(stand.to_identity.clone(), get(path, &alice)).await.status, 403, "{path}");
        let nobody = Request::get(path).body(Bytes::new()).unwrap();
        assert_eq!(ask(stand.to_identity.clone(), nobody).await.status, 401, "{path}");
    }
    let admins = |path: &'static str| ask(stand.to_identity.clone(), get(path, &admin));
    let compute = admins("/v3/services?type=compute").await.body["services"][0]["id"].clone();
    let id = compute.as_str().unwrap();
    let path = format!("/v3/endpoints?service_id={id}&interface=internal");
    let narrowed = ask(stand.to_identity.clone(), get(&path, &admin)).await;
    assert_eq!(narrowed.body["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(narrowed.body["endpoints"][0]["url"], "http://internal.compute.invalid/v2.1");
    let unknown = admins("/v3/services/nova").await;
    assert_eq!((unknown.status.as_u16(), &unknown.body["error"]["code"]), (404, &json!(404)));
}

#[tokio::test]
async fn nonsense_gets_an_honest_refusal() {
    let stand = Stand::new().await;
    let broken = Request::post("/v3/auth/tokens").body(Bytes::from_static(b"{\"auth\":")).unwrap();
    let huge = Request::post("/v3/auth/tokens").body(Bytes::from(vec![b' '; 1024 * 1024 + 1])).unwrap();
    let wrong_method = Request::patch("/v3/endpoints").body(Bytes::new()).unwrap();
    let nowhere = Request::get("/v2.0/tokens").body(Bytes::new()).unwrap();
    for (request, code, title) in [
        (broken, 400, "Bad Request"),
        (huge, 413, "Payload Too Large"),
        (wrong_method, 405, "Method Not Allowed"),
        (nowhere, 404, "Not Found"),
    ] {
        let answer = ask(stand.to_identity.clone(), request).await;
        assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (code, &json!(code)));
        assert_eq!(answer.body["error"]["title"], title);
        assert!(answer.text("x-openstack-request-id").starts_with("req-"));
    }
}

#[tokio::test]
async fn a_user_provisioned_while_it_runs_can_log_in_and_only_once_of_that_name() {
    let stand = Stand::new().await;
    assert_eq!(log_in(&stand, "carol", "secret", None).await.status, 401);
    let carol = NewUser {
        name: "carol".into(),
        password: "secret".into(),
        roles: vec!["member".into()],
        project: "demo".into(),
    };
    stand.identity.provision(carol.clone()).await.unwrap();
    assert_eq!(log_in(&stand, "carol", "secret", Some("demo")).await.status, 201);
    let again = stand.identity.provision(carol).await;
    assert_eq!(again.err(), Some(ProvisionError::NameTaken("carol".into())));
}
