//! The routes of Identity v3 and what each answers.
//!
//! Decides who may ask; what a token or a password is worth is decided below.

use std::sync::Arc;

use hyper::{
    StatusCode,
    header::{HeaderValue, VARY},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Cloud, HashPool, Hashed, Verified, documents,
    login::{Login, Reference},
    users::{self, Wanted},
};
use crate::services::{
    call::Call,
    catalog::Narrow,
    pipeline::{Answering, App},
    plant::Plant,
    reply::{Dialect, Fault, Reply, carrying, empty_reply, json_reply},
    route::{Route, route},
};

const AUTH: &str = "x-auth-token";
const SUBJECT: &str = "x-subject-token";

/// The app behind identity's pipeline.
pub(super) struct IdentityApp {
    pub(super) cloud: Arc<Cloud>,
    pub(super) pool: Arc<HashPool>,
    pub(super) endpoint: String,
    /// What the password of an unknown user is checked against.
    pub(super) nobody: Hashed,
    /// Tokens of callers that presented a certificate are bound to it.
    pub(super) bind_tokens: bool,
    pub(super) plant: Arc<dyn Plant>,
}

#[derive(Clone, Copy)]
enum Action {
    Versions,
    Version,
    Login,
    Validate,
    Check,
    Revoke,
    Catalog,
    Endpoints,
    Services,
    Service,
    Users,
    CreateUser,
}

const ROUTES: &[Route<Action>] = &[
    ("GET", "", Action::Versions),
    ("GET", "v3", Action::Version),
    ("POST", "v3/auth/tokens", Action::Login),
    ("GET", "v3/auth/tokens", Action::Validate),
    ("HEAD", "v3/auth/tokens", Action::Check),
    ("DELETE", "v3/auth/tokens", Action::Revoke),
    ("GET", "v3/auth/catalog", Action::Catalog),
    ("GET", "v3/endpoints", Action::Endpoints),
    ("GET", "v3/services", Action::Services),
    ("GET", "v3/services/{}", Action::Service),
    ("GET", "v3/users", Action::Users),
    ("POST", "v3/users", Action::CreateUser),
];

impl App for IdentityApp {
    fn answer(&self, call: Call) -> Answering<'_> {
        Box::pin(async {
            let mut reply = self.act(call).await.unwrap_or_else(|fault| Dialect::Keystone.reply(fault));
            reply.headers_mut().insert(VARY, HeaderValue::from_static("X-Auth-Token"));
            reply
        })
    }
}

impl IdentityApp {
    async fn act(&self, call: Call) -> Result<Reply, Fault> {
        let (action, id) = route(ROUTES, &call.head.method, call.head.uri.path())?;
        let body = match action {
            Action::Versions => {
                let versions = json!({"versions": {"values": [self.version()]}});
                return Ok(json_reply(StatusCode::MULTIPLE_CHOICES, &versions));
            }
            Action::Version => json!({"version": self.version()}),
            Action::Login => return self.log_in(call).await,
            Action::Validate => return self.validate(&call),
            Action::Check => {
                self.subject(&call, &["admin", "service"], "validate_token")?;
                return Ok(empty_reply(StatusCode::OK));
            }
            Action::Revoke => {
                let (_, subject) = self.subject(&call, &["admin"], "revoke_token")?;
                self.cloud.tokens.revoke(&subject, Timestamp::now());
                return Ok(empty_reply(StatusCode::NO_CONTENT));
            }
            Action::Catalog => {
                self.caller(&call)?;
                json!({"catalog": self.cloud.catalog.document(), "links": {}})
            }
            Action::Endpoints => {
                self.admin(&call, "list_endpoints")?;
                json!({"endpoints": self.cloud.catalog.endpoints(&narrow(&call)), "links": {}})
            }
            Action::Services => {
                self.admin(&call, "list_services")?;
                json!({"services": self.cloud.catalog.services(&narrow(&call)), "links": {}})
            }
            Action::Service => {
                self.admin(&call, "get_service")?;
                let found = self.cloud.catalog.service(id).ok_or_else(|| {
                    Fault::new(StatusCode::NOT_FOUND, format!("Could not find service: {id}."))
                })?;
                json!({"service": found})
            }
            Action::Users => {
                self.privileged(&call, "list_users")?;
                users::list(&self.cloud, &self.endpoint)
            }
            Action::CreateUser => return self.create_user(call).await,
        };
        Ok(json_reply(StatusCode::OK, &body))
    }

    fn version(&self) -> Value {
        json!({
            "id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
            "links": [{"rel": "self", "href": format!("{}/v3/", self.endpoint)}],
            "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
        })
    }

    async fn log_in(&self, mut call: Call) -> Result<Reply, Fault> {
        // Whoever set an unreadable one meant a certificate: no unbound token instead.
        let bound_to = if self.bind_tokens { call.certificate() } else { Ok(None) };
        let bound_to = bound_to.map_err(|bad| Fault::new(StatusCode::BAD_REQUEST, bad.to_string()))?;
        let login = Login::read(&call.json().await?)?;
        let user = match &login.user {
            Reference::Id(id) => self.cloud.directory.by_id(id),
            Reference::Name { name, in_default: true } => self.cloud.directory.by_name(name),
            Reference::Name { in_default: false, .. } => None,
        };
        let stored = user.as_ref().map_or_else(|| self.nobody.clone(), |user| user.password.clone());
        let password = login.password.clone();
        let matches = self.pool.run(move || stored.matches(&password)).await;
        let matches =
            matches.map_err(|busy| Fault::new(StatusCode::SERVICE_UNAVAILABLE, busy.to_string()))?;
        let user = user.filter(|user| matches && login.in_reach_of(user)).ok_or_else(|| self.stranger())?;
        let issued = self.cloud.tokens.issue(&user, bound_to, Timestamp::now());
        let (token, facts) = issued
            .ok_or_else(|| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, "The token could not be made."))?;
        self.plant.adopt_token(&token);
        Ok(self.token_reply(StatusCode::CREATED, &token, &facts, true))
    }

    fn validate(&self, call: &Call) -> Result<Reply, Fault> {
        let (token, subject) = self.subject(call, &["admin", "service"], "validate_token")?;
        let with_catalog = call.query("nocatalog").is_none();
        Ok(self.token_reply(StatusCode::OK, token, &subject, with_catalog))
    }

    fn token_reply(&self, status: StatusCode, token: &str, facts: &Verified, with_catalog: bool) -> Reply {
        let mut document = documents::token(facts);
        if with_catalog {
            document["catalog"] = self.cloud.catalog.document();
        }
        let mut reply = json_reply(status, &json!({"token": document}));
        if let Ok(value) = HeaderValue::try_from(token) {
            reply.headers_mut().insert(SUBJECT, value);
        }
        carrying(reply, &self.plant, vec![token.to_owned()])
    }

    async fn create_user(&self, mut call: Call) -> Result<Reply, Fault> {
        let admin = self.privileged(&call, "create_user")?;
        let wanted = Wanted::read(&call.json().await?)?;
        let made = wanted.make(&self.cloud, &self.pool, &self.nobody, &admin.user.project).await?;
        let document = documents::user(&self.endpoint, &made);
        Ok(json_reply(StatusCode::CREATED, &json!({"user": document})))
    }

    /// Whoever holds the token in `X-Auth-Token`; of a bound one, whoever also holds its certificate.
    fn caller(&self, call: &Call) -> Result<Verified, Fault> {
        let token = call.header(AUTH).ok_or_else(|| self.stranger())?;
        let caller = self.verify(token).ok_or_else(|| self.stranger())?;
        let stolen =
            self.bind_tokens && caller.bound_to.is_some() && call.certificate() != Ok(caller.bound_to);
        if stolen { Err(self.stranger()) } else { Ok(caller) }
    }

    /// An admin at a listener that answers privileged operations. The refusal is one and the same, whichever of
    /// the two is missing.
    fn privileged(&self, call: &Call, action: &str) -> Result<Verified, Fault> {
        let caller = self.caller(call)?;
        let may = call.origin.privileged && caller.user.has_role("admin");
        if may { Ok(caller) } else { Err(forbidden(action)) }
    }

    fn admin(&self, call: &Call, action: &str) -> Result<(), Fault> {
        if self.caller(call)?.user.has_role("admin") { Ok(()) } else { Err(forbidden(action)) }
    }

    /// The token in `X-Subject-Token`, for a caller with one of `roles` or its own holder.
    fn subject<'c>(
        &self,
        call: &'c Call,
        roles: &[&str],
        action: &str,
    ) -> Result<(&'c str, Verified), Fault> {
        let caller = self.caller(call)?;
        let token = call.header(SUBJECT);
        let own = token.is_some() && token == call.header(AUTH);
        if !own && !roles.iter().any(|role| caller.user.has_role(role)) {
            return Err(forbidden(action));
        }
        let found = token.and_then(|token| Some((token, self.verify(token)?)));
        found.ok_or_else(|| Fault::new(StatusCode::NOT_FOUND, "Could not find token."))
    }

    fn verify(&self, token: &str) -> Option<Verified> {
        self.cloud.tokens.verify(token, &self.cloud.directory, Timestamp::now())
    }

    fn stranger(&self) -> Fault {
        Fault::unauthorized(&self.endpoint)
    }
}

fn narrow(call: &Call) -> Narrow {
    Narrow {
        service_id: call.query("service_id"),
        interface: call.query("interface"),
        name: call.query("name"),
        service_type: call.query("type"),
    }
}

fn forbidden(action: &str) -> Fault {
    let message = format!("You are not authorized to perform the requested action: identity:{action}.");
    Fault::new(StatusCode::FORBIDDEN, message)
}
