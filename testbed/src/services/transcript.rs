//! What the real `openstack` client asks for its four commands, request by request, and what it needs back.
//!
//! The steps are those found by ablation with the real client; a field asserted here is one without which a
//! command of it fails.

use bytes::Bytes;
use hyper::Request;
use serde_json::{Value, json};

use super::testing::{Stand, ask, get, login_body, post};

fn anonymous(path: &str) -> Request<Bytes> {
    Request::get(path).header("Accept", "application/json").body(Bytes::new()).unwrap()
}

fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no {field} in {value}");
    }
}

#[tokio::test]
async fn discovery_of_identity() {
    let stand = Stand::new().await;
    for path in ["/", "/v3", "/v3/"] {
        let answer = ask(stand.to_identity.clone(), anonymous(path)).await;
        let root = path == "/";
        assert_eq!(answer.status.as_u16(), if root { 300 } else { 200 }, "{path}");
        let pointer = if root { "/versions/values/0" } else { "/version" };
        let version = answer.body.pointer(pointer).unwrap();
        assert_eq!((&version["id"], &version["status"]), (&json!("v3.14"), &json!("stable")));
        let link = json!({"rel": "self", "href": "http://identity.invalid:5000/v3/"});
        assert_eq!(version["links"], json!([link]));
    }
}

#[tokio::test]
async fn token_issue_and_catalog_list() {
    let stand = Stand::new().await;
    let body = login_body("admin", "admin-password", Some("demo"));
    let answer = ask(stand.to_identity.clone(), post("/v3/auth/tokens", &body)).await;
    assert_eq!(answer.status, 201);
    assert!(!answer.text("x-subject-token").is_empty());
    let token = &answer.body["token"];
    has(token, &["expires_at", "issued_at", "project", "roles", "methods", "audit_ids"]);
    has(&token["user"], &["id", "name", "domain"]);
    has(&token["catalog"][0], &["type", "name", "id"]);
    has(&token["catalog"][0]["endpoints"][0], &["id", "interface", "region", "region_id", "url"]);
}

#[tokio::test]
async fn endpoint_list() {
    let stand = Stand::new().await;
    let admin = stand.token("admin").await;
    let ask = |path: String| {
        let request = get(&path, &admin);
        let dial = stand.to_identity.clone();
        async move { ask(dial, request).await }
    };
    let list = ask("/v3/endpoints".into()).await.body;
    has(&list, &["links"]);
    let endpoints = list["endpoints"].as_array().unwrap();
    assert_eq!(endpoints.len(), 6);
    for endpoint in endpoints {
        has(endpoint, &["id", "interface", "region_id", "url", "service_id", "enabled"]);
        let id = endpoint["service_id"].as_str().unwrap();
        has(&ask(format!("/v3/services/{id}")).await.body["service"], &["id", "name", "type", "enabled"]);
    }
    // `--service compute`: by id, then by name, then by type.
    assert_eq!(ask("/v3/services/compute".into()).await.status, 404);
    assert_eq!(ask("/v3/services?name=compute".into()).await.body["services"], json!([]));
    let by_type = ask("/v3/services?type=compute".into()).await.body;
    assert_eq!(by_type["services"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn discovery_of_compute() {
    let stand = Stand::new().await;
    for path in ["/v2.1", "/v2.1/"] {
        let version = ask(stand.to_compute.clone(), anonymous(path)).await.body["version"].clone();
        assert_eq!((&version["id"], &version["status"]), (&json!("v2.1"), &json!("CURRENT")));
        assert_eq!((&version["version"], &version["min_version"]), (&json!("2.1"), &json!("2.1")));
        has(&version["links"][0], &["rel", "href"]);
    }
    assert_eq!(ask(stand.to_compute.clone(), anonymous("/")).await.body["versions"][0]["id"], "v2.1");
}

#[tokio::test]
async fn server_list() {
    let stand = Stand::new().await;
    let admin = stand.token("admin").await;
    let mut create = post("/v2.1/servers", &json!({"server": {"name": "web", "flavorRef": "1"}}));
    create.headers_mut().insert("x-auth-token", admin.parse().unwrap());
    assert_eq!(ask(stand.to_compute.clone(), create).await.status, 202);
    let mut list = get("/v2.1/servers/detail?deleted=False", &admin);
    list.headers_mut().insert("openstack-api-version", "compute 2.1".parse().unwrap());
    list.headers_mut().insert("x-openstack-nova-api-version", "2.1".parse().unwrap());
    let server = ask(stand.to_compute.clone(), list).await.body["servers"][0].clone();
    has(&server, &["id", "name", "status", "addresses"]);
    assert_eq!(server["image"], "");
    let flavors =
        ask(stand.to_compute.clone(), get("/v2.1/flavors/detail?is_public=None", &admin)).await.body;
    assert_eq!(flavors["flavors"][0]["id"], server["flavor"]["id"]);
}
