//! The privileged operations: who there is, and one more of them.
//!
//! Who may ask, and on which listener, was decided before. A user made here has no role anywhere, so it
//! cannot log in to a project until somebody gives it one, which nothing here can: as in Keystone, making a
//! user and granting it something are two operations.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    Cloud, HashPool, Hashed,
    directory::{Named, User},
    documents,
};
use crate::services::reply::Fault;

/// Users a list shows; Keystone's `list_limit`, with `truncated` said where there are more.
const MAX_LIST: usize = 1000;
/// Users at which no more are made over the wire.
const MAX_USERS: usize = 100_000;
/// Keystone's limit of a name.
const MAX_NAME: usize = 255;
/// Keystone's `[identity] max_password_length`.
const MAX_PASSWORD: usize = 4096;

/// The answer to `GET /v3/users`.
pub(super) fn list(cloud: &Cloud, endpoint: &str) -> Value {
    let (users, more) = cloud.directory.first(MAX_LIST);
    let users: Value = users.iter().map(|user| documents::user(endpoint, user)).collect();
    let mut answer = json!({"users": users, "links": {"self": format!("{endpoint}/v3/users")}});
    if more {
        answer["truncated"] = true.into();
    }
    answer
}

/// What `POST /v3/users` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    name: String,
    password: Option<String>,
    project: Option<String>,
}

impl Wanted {
    /// Reads the body; whatever Keystone's schema would refuse is a 400 that names it.
    pub(super) fn read(body: &Value) -> Result<Self, Fault> {
        let user = body.get("user").and_then(Value::as_object).ok_or_else(|| invalid("user"))?;
        let text = |key: &str, longest: usize| match user.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if (1..=longest).contains(&text.len()) => Ok(Some(text.clone())),
            Some(_) => Err(invalid(key)),
        };
        if text("domain_id", MAX_NAME)?.is_some_and(|domain| domain != "default") {
            return Err(Fault::new(StatusCode::NOT_FOUND, "Could not find domain."));
        }
        let name = text("name", MAX_NAME)?.filter(|name| !name.trim().is_empty());
        Ok(Self {
            name: name.ok_or_else(|| invalid("name"))?,
            password: text("password", MAX_PASSWORD)?,
            project: text("default_project_id", MAX_NAME)?,
        })
    }

    /// Adds the user, in `home` where no project was named; its document.
    pub(super) async fn make(
        self,
        cloud: &Cloud,
        pool: &HashPool,
        nobody: &Hashed,
        home: &Named,
    ) -> Result<std::sync::Arc<User>, Fault> {
        let project = match &self.project {
            None => home.name.clone(),
            Some(id) => cloud
                .directory
                .project_name(id)
                .ok_or_else(|| Fault::new(StatusCode::NOT_FOUND, format!("Could not find project: {id}.")))?,
        };
        if cloud.directory.count() >= MAX_USERS {
            return Err(Fault::new(StatusCode::FORBIDDEN, "Unable to create additional user resources."));
        }
        // Without a password there is none that matches.
        let password = match self.password {
            None => nobody.clone(),
            Some(password) => {
                let cost = nobody.cost();
                let hashed = pool.run(move || Hashed::new(&password, cost)).await;
                hashed.map_err(|busy| Fault::new(StatusCode::SERVICE_UNAVAILABLE, busy.to_string()))?
            }
        };
        let taken = || {
            let name = &self.name;
            let message = format!(
                "Conflict occurred attempting to store user - it is not permitted to have two users with the same name in the same domain: {name}."
            );
            Fault::new(StatusCode::CONFLICT, message)
        };
        cloud.directory.add(&self.name, password, &[], &project).ok_or_else(taken)
    }
}

fn invalid(field: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, format!("Invalid input for field '{field}'."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_user_needs_a_name_and_nothing_else() {
        let wanted = Wanted::read(&json!({"user": {"name": "eve", "password": null, "email": "x"}})).unwrap();
        assert_eq!(wanted, Wanted { name: "eve".into(), password: None, project: None });
    }

    #[test]
    fn whatever_keystone_would_refuse_is_refused_by_name() {
        let long = "x".repeat(MAX_PASSWORD + 1);
        for (body, part) in [
            (json!([]), "user"),
            (json!({"user": "eve"}), "user"),
            (json!({"user": {}}), "name"),
            (json!({"user": {"name": " "}}), "name"),
            (json!({"user": {"name": 7}}), "name"),
            (json!({"user": {"name": long}}), "name"),
            (json!({"user": {"name": "eve", "password": long}}), "password"),
            (json!({"user": {"name": "eve", "password": ["a"]}}), "password"),
            (json!({"user": {"name": "eve", "domain_id": "other"}}), "domain"),
            (json!({"user": {"name": "eve", "default_project_id": {}}}), "default_project_id"),
        ] {
            let fault = Wanted::read(&body).unwrap_err();
            assert!(fault.status.is_client_error() && fault.message.contains(part), "{body}: {fault:?}");
            assert!(!fault.message.contains(&long), "no refusal repeats a secret");
        }
    }
}
