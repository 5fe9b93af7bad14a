//! Asking identity whose a token is, over the dial named `identity`: for every single request.
//!
//! Compute logs in as its service user once and keeps that token; a 401 for it means logging in again, once,
//! and so does being asked to.
//! User tokens are never cached: each validation crosses the management segment, as without memcached.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode};
use serde::Deserialize;
use tokio::{sync::Mutex, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::services::{
    Renewal, Written,
    client::{Client, ExchangeError},
    client_cert::Thumbprint,
    keystone,
    plant::Plant,
};

/// The longest a validation may take, logging in included.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// How compute itself logs in.
#[derive(Clone, Debug)]
pub struct ServiceUser {
    /// Login name, `nova`.
    pub name: String,
    /// Its password: a canary.
    pub password: String,
    /// Its project, `service`.
    pub project: String,
}

/// Why nobody knows whose a token is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unavailable {
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error("identity answered {0}")]
    Status(StatusCode),
    #[error("identity's answer was not understood")]
    Answer,
    #[error("identity took too long")]
    Late,
}

/// Who holds a token, as identity said.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Holder {
    pub(super) user: Reference,
    pub(super) project: Reference,
    pub(super) roles: Vec<Reference>,
    /// Of a token bound to a certificate: which.
    cnf: Option<Confirmation>,
}

impl Holder {
    /// Whether the token is bound, and not to the certificate its bearer came with.
    pub(super) fn is_robbed_by(&self, certificate: Option<Thumbprint>) -> bool {
        self.cnf.as_ref().is_some_and(|cnf| {
            let bound_to = Thumbprint::parse(&cnf.thumbprint);
            bound_to.is_none() || bound_to != certificate
        })
    }
}

/// RFC 8705, section 3.1.
#[derive(Clone, Debug, Deserialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    thumbprint: String,
}

/// A thing with an id and a name in identity's answers.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reference {
    pub(super) id: String,
    pub(super) name: String,
}

pub(super) struct Validator {
    pub(super) client: Client,
    pub(super) user: ServiceUser,
    pub(super) plant: Arc<dyn Plant>,
    /// Compute's own token. Locked while logging in, so that a burst of requests logs in once.
    pub(super) token: Mutex<Option<String>>,
    pub(super) renewal: Renewal,
}

impl Validator {
    /// Whenever that is asked for, logs in again, as if the token had expired; if that fails, the next validation
    /// tries once more. May run on several threads, one of which answers. Ends with `stop`.
    pub(super) async fn keep_logged_in(&self, stop: &CancellationToken) {
        let renewing = async {
            loop {
                let _asked = self.renewal.asked().await;
                let mut kept = self.token.lock().await;
                *kept = None;
                *kept = timeout(DEADLINE, self.log_in()).await.ok().and_then(Result::ok);
            }
        };
        let _: Option<()> = stop.run_until_cancelled(renewing).await;
    }

    /// Who holds `token`; `None` when it is not worth anything.
    pub(super) async fn holder(&self, token: &str) -> Result<Option<Holder>, Unavailable> {
        timeout(DEADLINE, self.validate(token)).await.map_err(|_| Unavailable::Late)?
    }

    async fn validate(&self, token: &str) -> Result<Option<Holder>, Unavailable> {
        let mine = self.own_token(None).await?;
        let mut response = self.ask(&mine, token).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let mine = self.own_token(Some(&mine)).await?;
            response = self.ask(&mine, token).await?;
        }
        match response.status() {
            StatusCode::OK => {
                #[derive(Deserialize)]
                struct Answer {
                    token: Holder,
                }
                let answer: Answer =
                    serde_json::from_slice(response.body()).map_err(|_| Unavailable::Answer)?;
                Ok(Some(answer.token))
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(Unavailable::Status(status)),
        }
    }

    async fn ask(&self, mine: &str, token: &str) -> Result<Response<Bytes>, Unavailable> {
        let request =
            Request::get("/v3/auth/tokens").header("X-Auth-Token", mine).header("X-Subject-Token", token);
        // Both tokens came out of headers, so they fit into headers.
        let request = request.body(Bytes::new()).map_err(|_| Unavailable::Answer)?;
        Ok(self.client.exchange(request, self.sends(vec![mine.to_owned(), token.to_owned()])).await?)
    }

    /// Compute's own token; a new one when there is none or it is `stale`.
    async fn own_token(&self, stale: Option<&str>) -> Result<String, Unavailable> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Some(token.as_str()) != stale) {
            return Ok(token.clone());
        }
        let token = self.log_in().await?;
        *kept = Some(token.clone());
        Ok(token)
    }

    async fn log_in(&self) -> Result<String, Unavailable> {
        let ServiceUser { name, password, project } = &self.user;
        let request = keystone::login(name, password, Some(project)).map_err(|_| Unavailable::Answer)?;
        // No kept connection: one that had died would take the login with it, for a POST is not repeated.
        let response = self.client.exchange_anew(request, self.sends(vec![password.clone()])).await?;
        if response.status() != StatusCode::CREATED {
            return Err(Unavailable::Status(response.status()));
        }
        keystone::token_of(&response).ok_or(Unavailable::Answer)
    }

    fn sends(&self, values: Vec<String>) -> Written {
        let plant = Arc::clone(&self.plant);
        Arc::new(move || values.iter().for_each(|value| plant.sent(value)))
    }
}
