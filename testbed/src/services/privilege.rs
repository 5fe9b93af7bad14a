//! Privileged operations, told as stories: on which listener, with whose token.

use bytes::Bytes;
use hyper::Request;
use serde_json::{Value, json};

use super::testing::{Answer, PRIVILEGED, Stand, Wire, ask, get, login_body, post};

/// Every privileged operation: over which service, and what is asked.
fn operations(token: Option<&str>) -> [(bool, Request<Bytes>); 3] {
    let eve = json!({"user": {"name": "eve", "password": "eve-password"}});
    let requests = [
        (true, Request::get("/v3/users").body(Bytes::new()).unwrap()),
        (true, post("/v3/users", &eve)),
        (false, Request::get("/v2.1/os-services").body(Bytes::new()).unwrap()),
    ];
    requests.map(|(identity, mut request)| {
        if let Some(token) = token {
            request.headers_mut().insert("x-auth-token", token.parse().unwrap());
        }
        (identity, request)
    })
}

/// The answers on a listener of each service, privileged or public.
async fn attempt(stand: &Stand, privileged: bool, token: Option<&str>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for (identity, request) in operations(token) {
        let dial = match (identity, privileged) {
            (true, false) => stand.to_identity.clone(),
            (false, false) => stand.to_compute.clone(),
            (true, true) => Wire::through(PRIVILEGED, stand.identity.clone(), "identity.invalid"),
            (false, true) => Wire::through(PRIVILEGED, stand.compute.clone(), "compute.invalid"),
        };
        answers.push(ask(dial, request).await);
    }
    answers
}

fn codes(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status.as_u16()).collect()
}

#[tokio::test]
async fn only_an_admin_on_a_privileged_listener_is_answered() {
    let stand = Stand::new().await;
    let (alice, admin) = (stand.token("alice").await, stand.token("admin").await);
    for (privileged, token, want) in [
        (false, None, [401, 401, 401]),
        (false, Some(&alice), [403, 403, 403]),
        (false, Some(&admin), [403, 403, 403]),
        (true, None, [401, 401, 401]),
        (true, Some(&alice), [403, 403, 403]),
    ] {
        let answers = attempt(&stand, privileged, token.map(String::as_str)).await;
        assert_eq!(codes(&answers), want, "privileged {privileged}, {token:?}");
    }
    assert_eq!(stand.identity_users().await, ["admin", "alice", "nova"], "nothing was made");
    let answers = attempt(&stand, true, Some(&admin)).await;
    assert_eq!(codes(&answers), [200, 201, 200]);
    assert_eq!(answers[2].body["services"][0]["binary"], "nova-compute");
    assert_eq!(answers[2].body["services"][0]["host"], "compute-1");
    assert_eq!(answers[1].body["user"]["name"], "eve");
    assert_eq!(stand.identity_users().await, ["admin", "alice", "eve", "nova"]);
}

#[tokio::test]
async fn a_refusal_says_neither_what_was_missing_nor_any_secret() {
    let stand = Stand::new().await;
    let (alice, admin) = (stand.token("alice").await, stand.token("admin").await);
    let by_role = attempt(&stand, true, Some(&alice)).await;
    let by_listener = attempt(&stand, false, Some(&admin)).await;
    for (role, listener) in by_role.iter().zip(&by_listener) {
        assert_eq!(role.body, listener.body, "one and the same refusal");
        let text = role.body.to_string();
        let secrets = [alice.as_str(), admin.as_str(), "eve", "alice", "admin", "compute-1"];
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "{text}");
    }
    assert_eq!(by_role[2].body["forbidden"]["code"], 403);
}

#[tokio::test]
async fn a_list_of_users_shows_no_password_and_a_new_user_has_no_role_yet() {
    let stand = Stand::new().await;
    let admin = stand.token("admin").await;
    let answers = attempt(&stand, true, Some(&admin)).await;
    let text = answers[0].body.to_string();
    assert!(!text.contains("password\":\"") && !text.contains("hash"), "{text}");
    assert_eq!(answers[1].body["user"].get("password"), None);
    let login = post("/v3/auth/tokens", &login_body("eve", "eve-password", None));
    assert_eq!(ask(stand.to_identity.clone(), login).await.status, 401, "no role, no project, no token");
    let again = attempt(&stand, true, Some(&admin)).await;
    assert_eq!((again[1].status.as_u16(), &again[1].body["error"]["title"]), (409, &json!("Conflict")));
}

#[tokio::test]
async fn a_forged_role_header_makes_nobody_an_admin() {
    let stand = Stand::new().await;
    let mut request = get("/v2.1/os-services", &stand.token("alice").await);
    request.headers_mut().insert("x-roles", "admin".parse().unwrap());
    let dial = Wire::through(PRIVILEGED, stand.compute.clone(), "compute.invalid");
    assert_eq!(ask(dial, request).await.status, 403);
}

impl Stand {
    /// Every user there is, by name, asked as an admin would.
    async fn identity_users(&self) -> Vec<String> {
        let dial = Wire::through(PRIVILEGED, self.identity.clone(), "identity.invalid");
        let list = ask(dial, get("/v3/users", &self.token("admin").await)).await.body;
        let users = list["users"].as_array().unwrap();
        users
            .iter()
            .map(|user| user["name"].as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .unwrap_or_else(|| panic!("{}", Value::from(users.clone())))
    }
}
