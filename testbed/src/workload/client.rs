//! The requests of honest users, as the real client words them, and what is read from the answers.
//!
//! Tells the plant which canaries left with each request. Keeps no state; see [`super::operations`].

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hyper::{Method, Request, Response, StatusCode, header::CONTENT_TYPE, http::request::Builder};
use serde_json::{Value, json};

use super::{accounts::Account, operations::Failure};
use crate::{
    services::{Written, client::Client, plant::Plant},
    vocabulary::Asset,
};

/// Both services, as a user reaches them.
pub(super) struct OpenStack {
    pub(super) identity: Client,
    pub(super) compute: Client,
    pub(super) plant: Arc<dyn Plant>,
}

impl OpenStack {
    /// Logs in; the token.
    pub(super) async fn log_in(&self, account: &Account) -> Result<String, Failure> {
        let domain = json!({"name": "Default"});
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user":
                {"name": account.name, "domain": domain, "password": account.password}}},
            "scope": {"project": {"name": account.project, "domain": domain}},
        }});
        let request = with_json(Request::post("/v3/auth/tokens"), &body)?;
        let response = self.identity.exchange(request, self.sends(&[&account.password])).await?;
        let response = expect(StatusCode::CREATED, response)?;
        let token = response.headers().get("X-Subject-Token").and_then(|token| token.to_str().ok());
        token.map(str::to_owned).ok_or(Failure::Answer("a token"))
    }

    /// Lists servers; how many.
    pub(super) async fn list(&self, token: &str) -> Result<usize, Failure> {
        let request = authorized(Method::GET, "/v2.1/servers/detail", token);
        let body = self.ask(request, StatusCode::OK, token).await?;
        body["servers"].as_array().map(Vec::len).ok_or(Failure::Answer("servers"))
    }

    /// Makes a server whose metadata and user data carry one canary; its id.
    pub(super) async fn create(&self, token: &str) -> Result<String, Failure> {
        let canary = self.plant.plant(Asset::RequestBody);
        let user_data = STANDARD.encode(format!("#cloud-config\npassword: {canary}\n"));
        let body = json!({"server": {
            "name": "honest", "flavorRef": "1", "imageRef": "",
            "metadata": {"purpose": canary}, "user_data": user_data,
        }});
        let request = with_json(authorized(Method::POST, "/v2.1/servers", token), &body)?;
        let response = self.compute.exchange(request, self.sends(&[token, &canary])).await?;
        let body = read(&expect(StatusCode::ACCEPTED, response)?)?;
        body["server"]["id"].as_str().map(str::to_owned).ok_or(Failure::Answer("a server id"))
    }

    /// Deletes a server.
    pub(super) async fn delete(&self, token: &str, id: &str) -> Result<(), Failure> {
        let request = authorized(Method::DELETE, &format!("/v2.1/servers/{id}"), token);
        let request = request.body(Bytes::new()).map_err(|_| Failure::Answer("a usable id"))?;
        let response = self.compute.exchange(request, self.sends(&[token])).await?;
        expect(StatusCode::NO_CONTENT, response).map(drop)
    }

    async fn ask(&self, request: Builder, want: StatusCode, token: &str) -> Result<Value, Failure> {
        let request = request.body(Bytes::new()).map_err(|_| Failure::Answer("a usable token"))?;
        let response = self.compute.exchange(request, self.sends(&[token])).await?;
        read(&expect(want, response)?)
    }

    fn sends(&self, values: &[&str]) -> Written {
        let plant = Arc::clone(&self.plant);
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        Arc::new(move || values.iter().for_each(|value| plant.sent(value)))
    }
}

fn authorized(method: Method, path: &str, token: &str) -> Builder {
    Request::builder().method(method).uri(path).header("X-Auth-Token", token)
}

fn with_json(request: Builder, body: &Value) -> Result<Request<Bytes>, Failure> {
    let request = request.header(CONTENT_TYPE, "application/json");
    request.body(Bytes::from(body.to_string())).map_err(|_| Failure::Answer("a usable token"))
}

fn expect(want: StatusCode, response: Response<Bytes>) -> Result<Response<Bytes>, Failure> {
    if response.status() == want { Ok(response) } else { Err(Failure::Status(response.status())) }
}

fn read(response: &Response<Bytes>) -> Result<Value, Failure> {
    serde_json::from_slice(response.body()).map_err(|_| Failure::Answer("JSON"))
}
