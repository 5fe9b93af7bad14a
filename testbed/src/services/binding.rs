//! Tokens bound to certificates, told as stories: two services that bind, with proxies in front of them.

use bytes::Bytes;
use hyper::{Request, StatusCode};
use serde_json::json;

use super::{
    client_cert::{self, CLIENT_CERT, Thumbprint},
    compute::{Compute, ComputeConfig},
    testing::{BELIEVING, Fronted, Stand, Wire, ask, compute_config, get, login_body, post, with_token},
};

/// Two SEQUENCEs, which is all that is looked at.
const ALICES: &[u8] = &[0x30, 3, 2, 1, 1];
const MALLORYS: &[u8] = &[0x30, 3, 2, 1, 2];
const NOVAS: &[u8] = &[0x30, 3, 2, 1, 3];

fn forged(mut request: Request<Bytes>, certificate: &[u8]) -> Request<Bytes> {
    let value = client_cert::write(certificate).parse().unwrap();
    request.headers_mut().append(CLIENT_CERT, value);
    request
}

#[tokio::test]
async fn a_login_with_a_certificate_gives_a_token_that_says_so() {
    let stand = Stand::binding().await;
    let login = post("/v3/auth/tokens", &login_body("alice", "alice-password", None));
    let answer = ask(stand.to_identity_as(Some(ALICES)), login).await;
    let bound = json!({"x5t#S256": Thumbprint::of(ALICES).to_string()});
    assert_eq!((&answer.body["token"]["oauth2_credential"], &answer.body["token"]["cnf"]), (&bound, &bound));

    let mut validation = get("/v3/auth/tokens", &stand.token("nova").await);
    validation.headers_mut().insert("x-subject-token", answer.text("x-subject-token").parse().unwrap());
    let told = ask(stand.to_identity.clone(), validation).await;
    assert_eq!(told.body["token"]["cnf"], bound, "a service that asks is told");
}

#[tokio::test]
async fn compute_takes_a_bound_token_from_the_holder_of_its_certificate_only() {
    let stand = Stand::binding().await;
    let token = stand.token_over(stand.to_identity_as(Some(ALICES)), "alice").await;
    for (certificate, status) in [(Some(ALICES), 200), (Some(MALLORYS), 401), (None, 401)] {
        let answer = ask(stand.to_compute_as(certificate), get("/v2.1/servers", &token)).await;
        assert_eq!(answer.status, status, "{certificate:?}");
    }
    let public = ask(stand.to_compute.clone(), get("/v2.1/servers", &token)).await;
    assert_eq!(public.status, 401, "where nobody is believed, nobody holds the certificate");
    assert_eq!(public.body["error"]["title"], "Unauthorized");
}

#[tokio::test]
async fn identity_takes_a_bound_token_from_the_holder_of_its_certificate_only() {
    let stand = Stand::binding().await;
    let service = stand.token_over(stand.to_identity_as(Some(NOVAS)), "nova").await;
    let user = stand.token("alice").await;
    for (certificate, status) in [(Some(NOVAS), 200), (Some(MALLORYS), 401), (None, 401)] {
        let mut request = with_token("GET", "/v3/auth/tokens", &service);
        request.headers_mut().insert("x-subject-token", user.parse().unwrap());
        assert_eq!(ask(stand.to_identity_as(certificate), request).await.status, status, "{certificate:?}");
        let catalog = get("/v3/auth/catalog", &service);
        assert_eq!(ask(stand.to_identity_as(certificate), catalog).await.status, status, "{certificate:?}");
    }
}

#[tokio::test]
async fn a_stolen_bound_token_cannot_even_be_revoked_by_the_thief() {
    let stand = Stand::binding().await;
    let token = stand.token_over(stand.to_identity_as(Some(ALICES)), "alice").await;
    let revoke = |certificate| {
        let mut request = with_token("DELETE", "/v3/auth/tokens", &token);
        request.headers_mut().insert("x-subject-token", token.parse().unwrap());
        ask(stand.to_identity_as(certificate), request)
    };
    assert_eq!(revoke(Some(MALLORYS)).await.status, 401);
    assert_eq!(revoke(Some(ALICES)).await.status, 204);
}

#[tokio::test]
async fn a_service_with_a_certificate_gets_a_bound_token_and_validates_with_it() {
    let stand = Stand::binding().await;
    let dial = stand.to_identity_as(Some(NOVAS));
    let config = compute_config(&stand.registry, &stand.store, dial, "nova-password");
    let compute = Compute::new(ComputeConfig { bind_tokens: true, ..config });
    let alice = stand.token("alice").await;
    let answer = ask(Wire::to(compute, "compute.invalid"), get("/v2.1/servers", &alice)).await;
    assert_eq!(answer.status, 200);
    let own = stand.registry.adopted.lock().unwrap().last().unwrap().clone();
    let stolen = ask(stand.to_identity.clone(), get("/v3/auth/catalog", &own)).await;
    assert_eq!(stolen.status, 401, "whoever steals it from compute has nothing");
}

#[tokio::test]
async fn a_made_up_certificate_counts_only_where_headers_are_believed() {
    let stand = Stand::binding().await;
    let login = || post("/v3/auth/tokens", &login_body("alice", "alice-password", None));
    let unbound = ask(stand.to_identity.clone(), forged(login(), ALICES)).await;
    assert_eq!(unbound.body["token"].get("cnf"), None);

    let token = stand.token_over(stand.to_identity_as(Some(ALICES)), "alice").await;
    let replay = || forged(get("/v2.1/servers", &token), ALICES);
    assert_eq!(ask(stand.to_compute.clone(), replay()).await.status, 401, "nobody believes it");
    assert_eq!(ask(stand.to_compute_as(None), replay()).await.status, 401, "the proxy removed it");
    let careless = Wire::through(BELIEVING, stand.compute.clone(), "compute.invalid");
    assert_eq!(ask(careless, replay()).await.status, 200, "without a proxy that removes it, it is believed");
}

#[tokio::test]
async fn an_unreadable_certificate_binds_nothing_and_opens_nothing() {
    let stand = Stand::binding().await;
    let believing = || Wire::through(BELIEVING, stand.identity.clone(), "identity.invalid");
    let login = || post("/v3/auth/tokens", &login_body("alice", "alice-password", None));
    let mut garbled = login();
    garbled.headers_mut().insert(CLIENT_CERT, "alice".parse().unwrap());
    let twice = forged(forged(login(), ALICES), ALICES);
    for request in [garbled, twice] {
        assert_eq!(ask(believing(), request).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(stand.registry.adopted.lock().unwrap().len(), 0, "no token, above all no unbound one");

    let token = stand.token_over(stand.to_identity_as(Some(ALICES)), "alice").await;
    let to_compute = Wire::through(BELIEVING, stand.compute.clone(), "compute.invalid");
    let twice = forged(forged(get("/v2.1/servers", &token), ALICES), ALICES);
    assert_eq!(ask(to_compute, twice).await.status, 401);
    let mut catalog = get("/v3/auth/catalog", &token);
    catalog.headers_mut().insert(CLIENT_CERT, ":MAMCAQE=:x".parse().unwrap());
    assert_eq!(ask(believing(), catalog).await.status, 401);
}

#[tokio::test]
async fn tokens_that_are_not_bound_are_taken_with_any_certificate_or_none() {
    let stand = Stand::binding().await;
    let token = stand.token("alice").await;
    for certificate in [Some(ALICES), Some(MALLORYS), None] {
        assert_eq!(ask(stand.to_compute_as(certificate), get("/v2.1/servers", &token)).await.status, 200);
        let catalog = get("/v3/auth/catalog", &token);
        assert_eq!(ask(stand.to_identity_as(certificate), catalog).await.status, 200);
    }
}

#[tokio::test]
async fn services_that_bind_nothing_ignore_certificates_readable_or_not() {
    let stand = Stand::new().await;
    let token = stand.token_over(stand.to_identity_as(Some(ALICES)), "alice").await;
    assert_eq!(ask(stand.to_compute_as(Some(MALLORYS)), get("/v2.1/servers", &token)).await.status, 200);
    let mut garbled = get("/v3/auth/catalog", &token);
    garbled.headers_mut().insert(CLIENT_CERT, "nonsense".parse().unwrap());
    let believing = Wire::through(BELIEVING, stand.identity.clone(), "identity.invalid");
    assert_eq!(ask(believing, garbled).await.status, 200);
}

#[tokio::test]
async fn a_bound_token_is_a_bearer_token_to_a_service_that_does_not_bind() {
    // What a deployment loses that binds at identity and forgets compute.
    let stand = Stand::binding().await;
    let token = stand.token_over(stand.to_identity_as(Some(ALICES)), "alice").await;
    let config = compute_config(&stand.registry, &stand.store, stand.to_identity.clone(), "nova-password");
    let forgetful = Fronted { service: Compute::new(config), certificate: None };
    let to_compute = Wire::through(BELIEVING, std::sync::Arc::new(forgetful), "compute.invalid");
    assert_eq!(ask(to_compute, get("/v2.1/servers", &token)).await.status, 200);
}
