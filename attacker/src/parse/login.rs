//! Login secrets where people and services send them: Keystone's JSON, web forms, `Authorization`.
//!
//! Knows the shapes of requests only; what becomes of a found secret is for [`super::secrets`].

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

/// A login as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) secret: String,
    /// Where in the request, for people.
    pub(super) place: &'static str,
}

/// Form fields that hold a secret.
const SECRET_FIELDS: &[&str] = &["password", "passwd", "pass", "pwd"];
/// Form fields that hold a name.
const USER_FIELDS: &[&str] = &["username", "user", "login", "email", "name"];

/// The password method of Identity v3, or an application credential.
pub(super) fn keystone(body: &[u8]) -> Option<Login> {
    let json: Value = serde_json::from_slice(body).ok()?;
    let identity = json.pointer("/auth/identity")?;
    let text = |path: &str| identity.pointer(path).and_then(Value::as_str).map(str::to_owned);
    if let Some(secret) = text("/password/user/password") {
        let user = text("/password/user/name").or_else(|| text("/password/user/id"));
        return Some(Login { user, secret, place: "request body auth.identity.password" });
    }
    let secret = text("/application_credential/secret")?;
    let user = text("/application_credential/name").or_else(|| text("/application_credential/id"));
    Some(Login { user, secret, place: "request body auth.identity.application_credential" })
}

/// The token an Identity v3 login trades for another.
pub(super) fn keystone_token(body: &[u8]) -> Option<String> {
    let json: Value = serde_json::from_slice(body).ok()?;
    json.pointer("/auth/identity/token/id").and_then(Value::as_str).map(str::to_owned)
}

/// A web form with a password field.
pub(super) fn form(body: &[u8]) -> Option<Login> {
    let fields: Vec<(String, String)> = body
        .split(|&byte| byte == b'&')
        .map(|pair| {
            let mut halves = pair.splitn(2, |&byte| byte == b'=');
            let name = decoded(halves.next().unwrap_or_default()).to_ascii_lowercase();
            (name, decoded(halves.next().unwrap_or_default()))
        })
        .collect();
    let first = |names: &[&str]| {
        let field = |name: &&str| fields.iter().find(|(key, value)| key == *name && !value.is_empty());
        names.iter().find_map(field).map(|(_, value)| value.clone())
    };
    Some(Login {
        user: first(USER_FIELDS),
        secret: first(SECRET_FIELDS)?,
        place: "request body form password",
    })
}

/// `Authorization: Basic`.
pub(super) fn basic(value: &str) -> Option<Login> {
    let encoded = scheme(value, "basic")?;
    let plain = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (user, secret) = plain.split_once(':')?;
    let user = Some(user.to_owned());
    Some(Login { user, secret: secret.to_owned(), place: "request head Authorization" })
}

/// `Authorization: Bearer`.
pub(super) fn bearer(value: &str) -> Option<&str> {
    scheme(value, "bearer")
}

fn scheme<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim()).filter(|rest| !rest.is_empty())
}

/// Undoes form encoding; what is no valid escape stays as it is.
fn decoded(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        out.push(escaped.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
        rest = after.get(if escaped.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_password_method_names_its_user() {
        let body = br#"{"auth":{"identity":{"methods":["password"],
            "password":{"user":{"name":"alice","domain":{"id":"default"},"password":"s3cret"}}}}}"#;
        let login = keystone(body).unwrap();
        assert_eq!((login.user.as_deref(), login.secret.as_str()), (Some("alice"), "s3cret"));
        assert_eq!(keystone_token(body), None);
    }

    #[test]
    fn trading_a_token_shows_the_token_and_no_password() {
        let body = br#"{"auth":{"identity":{"methods":["token"],"token":{"id":"gAAAA"}}}}"#;
        assert_eq!(keystone_token(body).as_deref(), Some("gAAAA"));
        assert_eq!(keystone(body), None);
    }

    #[test]
    fn a_form_is_decoded_and_one_without_a_password_is_none() {
        let login = form(b"region=x&Username=al+ice&password=a%26b%zz%").unwrap();
        assert_eq!((login.user.as_deref(), login.secret.as_str()), (Some("al ice"), "a&b%zz%"));
        assert_eq!(form(b"username=alice&password="), None);
        assert_eq!(form(b"q=password"), None);
    }

    #[test]
    fn authorization_schemes_are_told_apart() {
        let login = basic("Basic YWxpY2U6YTpi").unwrap();
        assert_eq!((login.user.as_deref(), login.secret.as_str()), (Some("alice"), "a:b"));
        assert_eq!(basic("Bearer YWxpY2U6YTpi"), None);
        assert_eq!(bearer("bearer abc"), Some("abc"));
        assert_eq!(bearer("Bearer "), None);
    }
}
