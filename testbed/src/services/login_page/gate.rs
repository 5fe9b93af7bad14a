//! What the page asks identity: whether a password is right, and whether a token still holds.
//!
//! Keeps no state. Whatever goes wrong between the two is one answer, without a reason a browser could read.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use hyper::{Request, Response, StatusCode, http};
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::timeout;

use super::sessions::Session;
use crate::services::{Written, client::Client, keystone, plant::Plant};

/// The longest one question may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// The way to identity.
pub(super) struct Gate {
    pub(super) client: Client,
    pub(super) plant: Arc<dyn Plant>,
}

/// Identity could not be asked, or answered nothing that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unavailable;

#[derive(Deserialize)]
struct Answer {
    token: Token,
}

#[derive(Deserialize)]
struct Token {
    user: Named,
    project: Named,
    expires_at: Timestamp,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

impl Gate {
    /// A session to be; `None` when name and password do not fit.
    pub(super) async fn log_in(&self, user: &str, password: &str) -> Result<Option<Session>, Unavailable> {
        let request = keystone::login(user, password, None);
        let response = self.ask(request, password).await?;
        match response.status() {
            StatusCode::CREATED => {
                let answer: Answer = serde_json::from_slice(response.body()).map_err(|_| Unavailable)?;
                let Token { user, project, expires_at: expires } = answer.token;
                let token = keystone::token_of(&response).ok_or(Unavailable)?;
                Ok(Some(Session { user: user.name, project: project.name, token, expires }))
            }
            StatusCode::UNAUTHORIZED => Ok(None),
            _ => Err(Unavailable),
        }
    }

    /// Whether a token still holds: it may have been revoked.
    pub(super) async fn holds(&self, token: &str) -> Result<bool, Unavailable> {
        let response = self.ask(keystone::validation(token, token), token).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => Ok(false),
            _ => Err(Unavailable),
        }
    }

    async fn ask(
        &self,
        request: http::Result<Request<Bytes>>,
        secret: &str,
    ) -> Result<Response<Bytes>, Unavailable> {
        let request = request.map_err(|_| Unavailable)?;
        let (plant, secret) = (Arc::clone(&self.plant), secret.to_owned());
        let sent: Written = Arc::new(move || plant.sent(&secret));
        let answered = timeout(DEADLINE, self.client.exchange(request, sent)).await;
        answered.map_err(|_| Unavailable)?.map_err(|_| Unavailable)
    }
}
