//! Tokens and users as Keystone writes them. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{User, Verified};

/// The `token` of a login or a validation, without its catalog.
///
/// A bound one says to which certificate, twice: as `oauth2_credential`, where Keystone puts it, and as `cnf`,
/// where RFC 8705 does. Both hold RFC 8705's value, over the DER; Keystone hashes the PEM text instead.
pub(super) fn token(facts: &Verified) -> Value {
    let domain = json!({"id": "default", "name": "Default"});
    let User { id, name, roles, project, .. } = &*facts.user;
    let roles: Value = roles.iter().map(|role| json!({"id": role.id, "name": role.name})).collect();
    let mut document = json!({
        "methods": ["password"],
        "user": {"id": id, "name": name, "domain": domain, "password_expires_at": null},
        "project": {"id": project.id, "name": project.name, "domain": domain},
        "is_domain": false,
        "roles": roles,
        "audit_ids": [facts.audit_id()],
        "issued_at": isotime(facts.issued),
        "expires_at": isotime(facts.expires),
    });
    if let Some(thumbprint) = facts.bound_to {
        let bound = json!({"x5t#S256": thumbprint.to_string()});
        document["oauth2_credential"] = bound.clone();
        document["cnf"] = bound;
    }
    document
}

/// One of `users`, or the `user` of a creation.
pub(super) fn user(endpoint: &str, user: &User) -> Value {
    json!({
        "id": user.id, "name": user.name, "domain_id": "default", "enabled": true,
        "default_project_id": user.project.id, "password_expires_at": null, "options": {},
        "links": {"self": format!("{endpoint}/v3/users/{}", user.id)},
    })
}

/// Keystone's time format.
fn isotime(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
