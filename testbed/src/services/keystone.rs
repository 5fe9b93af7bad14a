//! What services say to identity: a login with a password, a question about a token.
//!
//! Builds requests and reads answers; sending them is [`super::client`]'s business.

use bytes::Bytes;
use hyper::{Request, Response, header::CONTENT_TYPE, http};
use serde_json::json;

/// Logs in with a password; `None` as project means the user's own.
pub(super) fn login(name: &str, password: &str, project: Option<&str>) -> http::Result<Request<Bytes>> {
    let domain = json!({"id": "default"});
    let mut body = json!({"auth": {"identity": {"methods": ["password"], "password": {"user":
        {"name": name, "domain": domain, "password": password}}}}});
    if let Some(project) = project {
        body["auth"]["scope"] = json!({"project": {"name": project, "domain": domain}});
    }
    let request = Request::post("/v3/auth/tokens").header(CONTENT_TYPE, "application/json");
    request.body(Bytes::from(body.to_string()))
}

/// Asks whose `subject` is, as the holder of `token`.
pub(super) fn validation(token: &str, subject: &str) -> http::Result<Request<Bytes>> {
    let request = Request::get("/v3/auth/tokens?nocatalog");
    request.header("X-Auth-Token", token).header("X-Subject-Token", subject).body(Bytes::new())
}

/// The token an answer is about.
pub(super) fn token_of(response: &Response<Bytes>) -> Option<String> {
    response.headers().get("X-Subject-Token")?.to_str().ok().map(str::to_owned)
}
