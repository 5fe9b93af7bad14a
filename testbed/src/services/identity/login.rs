//! What `POST /v3/auth/tokens` asks for. Pure: JSON in, a request to log in or a fault out.
//!
//! Only the password method, and at most a project as scope.

use hyper::StatusCode;
use serde_json::Value;

use super::directory::{Named, User};
use crate::services::reply::Fault;

/// A request to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Reference,
    pub(super) password: String,
    /// `None` = the user's own project.
    scope: Option<Reference>,
}

/// How a caller names a user or a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// By id.
    Id(String),
    /// By name in a domain; domains other than the default one hold nobody.
    Name { name: String, in_default: bool },
}

impl Login {
    /// Reads the body; a missing or mistyped part is a 400 that names it.
    pub(super) fn read(body: &Value) -> Result<Self, Fault> {
        let identity = body.pointer("/auth/identity").ok_or_else(|| missing("auth.identity"))?;
        let methods = identity.get("methods").and_then(Value::as_array);
        let methods = methods.ok_or_else(|| missing("auth.identity.methods"))?;
        if methods.len() != 1 || methods.first().and_then(Value::as_str) != Some("password") {
            return Err(Fault::new(
                StatusCode::UNAUTHORIZED,
                "Attempted to authenticate with an unsupported method.",
            ));
        }
        let user =
            identity.pointer("/password/user").ok_or_else(|| missing("auth.identity.password.user"))?;
        let password = user.get("password").and_then(Value::as_str).ok_or_else(|| missing("password"))?;
        let scope = match body.pointer("/auth/scope") {
            None => None,
            Some(scope) => {
                let project = scope.get("project").ok_or_else(|| missing("auth.scope.project"))?;
                Some(Reference::read(project, "project")?)
            }
        };
        Ok(Self { user: Reference::read(user, "user")?, password: password.to_owned(), scope })
    }

    /// Whether the user has a role where the login wants to work.
    pub(super) fn in_reach_of(&self, user: &User) -> bool {
        !user.roles.is_empty() && self.scope.as_ref().is_none_or(|scope| scope.means(&user.project))
    }
}

impl Reference {
    fn read(value: &Value, what: &str) -> Result<Self, Fault> {
        let text = |value: &Value, key| value.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(id) = text(value, "id") {
            return Ok(Self::Id(id));
        }
        let name = text(value, "name").ok_or_else(|| missing(what))?;
        let domain = value.get("domain").ok_or_else(|| missing(&format!("{what}.domain")))?;
        let in_default = text(domain, "id").as_deref() == Some("default")
            || text(domain, "name").is_some_and(|name| name.eq_ignore_ascii_case("default"));
        Ok(Self::Name { name, in_default })
    }

    fn means(&self, project: &Named) -> bool {
        match self {
            Self::Id(id) => *id == project.id,
            Self::Name { name, in_default } => *in_default && *name == project.name,
        }
    }
}

fn missing(what: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, format!("Expecting to find {what} in the request body."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_body_of_the_real_client_is_understood() {
        let login = Login::read(&json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user":
                {"name": "alice", "domain": {"name": "Default"}, "password": "secret"}}},
            "scope": {"project": {"name": "demo", "domain": {"id": "default"}}},
        }}));
        let named = |name: &str| Reference::Name { name: name.into(), in_default: true };
        let want = Login { user: named("alice"), password: "secret".into(), scope: Some(named("demo")) };
        assert_eq!(login, Ok(want));
    }

    #[test]
    fn every_missing_part_is_a_400_that_names_it() {
        let methods = json!(["password"]);
        let user = json!({"name": "a", "password": "p", "domain": {"id": "default"}});
        let cases = [
            (json!(null), "auth.identity"),
            (json!([1]), "auth.identity"),
            (json!({"auth": {"identity": {"methods": "password"}}}), "methods"),
            (json!({"auth": {"identity": {"methods": methods}}}), "password.user"),
            (
                json!({"auth": {"identity": {"methods": methods, "password": {"user": {"name": "a"}}}}}),
                "password",
            ),
            (
                json!({"auth": {"identity": {"methods": methods,
                    "password": {"user": {"name": "a", "password": "p"}}}}}),
                "user.domain",
            ),
            (
                json!({"auth": {"scope": "unscoped",
                    "identity": {"methods": methods, "password": {"user": user}}}}),
                "auth.scope.project",
            ),
        ];
        for (body, part) in cases {
            let fault = Login::read(&body).unwrap_err();
            assert_eq!(fault.status, StatusCode::BAD_REQUEST, "{body}");
            assert!(fault.message.contains(part), "{body}: {}", fault.message);
        }
    }

    #[test]
    fn another_method_is_not_supported() {
        let body = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "gAAAAA"}}}});
        assert_eq!(Login::read(&body).unwrap_err().status, StatusCode::UNAUTHORIZED);
    }
}
