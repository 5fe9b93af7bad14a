//! The filter in front of compute: no request without a token that identity vouches for.
//!
//! Behaves as Keystone's middleware does: it strips identity headers a caller forged and writes its own, which
//! the app believes. Versions are public. Placed after the app, or not at all, those headers mean nothing:
//! order is security.

use std::sync::Arc;

use hyper::{HeaderMap, Method, StatusCode, header::HeaderValue};

use super::validator::{Holder, Validator};
use crate::services::{
    call::Call,
    pipeline::{Answering, Filter, Next},
    reply::{Dialect, Fault, Reply},
};

/// What the middleware tells the app, and nobody else may.
pub(super) mod header {
    pub(in super::super) const USER_ID: &str = "x-user-id";
    pub(in super::super) const USER_NAME: &str = "x-user-name";
    pub(in super::super) const PROJECT_ID: &str = "x-project-id";
    pub(in super::super) const PROJECT_NAME: &str = "x-project-name";
    pub(in super::super) const ROLES: &str = "x-roles";
    pub(in super::super) const STATUS: &str = "x-identity-status";
}

const WRITTEN: [&str; 6] = [
    header::USER_ID,
    header::USER_NAME,
    header::PROJECT_ID,
    header::PROJECT_NAME,
    header::ROLES,
    header::STATUS,
];

/// Paths that answer without a token: the version documents.
const PUBLIC: [&str; 3] = ["/", "/v2.1", "/v2.1/"];

/// The token filter.
pub(super) struct Auth {
    pub(super) validator: Arc<Validator>,
    /// Where `WWW-Authenticate` sends people.
    pub(super) identity_uri: String,
    /// A bound token is believed only from the holder of its certificate.
    pub(super) bind_tokens: bool,
}

impl Filter for Auth {
    fn pass<'a>(&'a self, mut call: Call, next: Next<'a>) -> Answering<'a> {
        Box::pin(async move {
            for name in WRITTEN {
                call.head.headers.remove(name);
            }
            let public = call.head.method == Method::GET && PUBLIC.contains(&call.head.uri.path());
            if public {
                return next.run(call).await;
            }
            match self.vouch(&mut call).await {
                Ok(()) => next.run(call).await,
                Err(refused) => refused,
            }
        })
    }
}

impl Auth {
    async fn vouch(&self, call: &mut Call) -> Result<(), Reply> {
        let token = call.header("x-auth-token").map(str::to_owned);
        let token = token.ok_or_else(|| self.refused())?;
        match self.validator.holder(&token).await {
            // A certificate nobody can read is as good as none.
            Ok(Some(holder))
                if self.bind_tokens && holder.is_robbed_by(call.certificate().unwrap_or_default()) =>
            {
                Err(self.refused())
            }
            Ok(Some(holder)) => write(&holder, &mut call.head.headers).ok_or_else(unavailable),
            Ok(None) => Err(self.refused()),
            Err(_) => Err(unavailable()),
        }
    }

    fn refused(&self) -> Reply {
        Dialect::Nova.reply(Fault::unauthorized(&self.identity_uri))
    }
}

/// Why stays inside: a caller learns that identity is away, not what compute saw of it.
fn unavailable() -> Reply {
    let message = "The Keystone service is temporarily unavailable.";
    Dialect::Nova.reply(Fault::new(StatusCode::SERVICE_UNAVAILABLE, message))
}

fn write(holder: &Holder, headers: &mut HeaderMap) -> Option<()> {
    let roles: Vec<_> = holder.roles.iter().map(|role| role.name.as_str()).collect();
    let values = [
        holder.user.id.as_str(),
        &holder.user.name,
        &holder.project.id,
        &holder.project.name,
        &roles.join(","),
        "Confirmed",
    ];
    for (name, value) in WRITTEN.into_iter().zip(values) {
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    Some(())
}
