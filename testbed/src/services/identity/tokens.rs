//! Issuing, verifying and revoking tokens. Pure: every decision takes the time as a value.
//!
//! A token is verified on each use and stored nowhere; only revocations are, until the token would have
//! expired anyway. They go by audit id, so the list holds no secret.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::error::Unspecified;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};

use super::{
    directory::{Directory, User},
    fernet::Fernet,
    payload::Payload,
};
use crate::services::{client_cert::Thumbprint, ids};

/// The tokens of a cloud: its key and its revocations. Shared by every identity process of a launch.
pub struct Tokens {
    key: Fernet,
    lifetime: SignedDuration,
    revoked: Mutex<HashMap<[u8; 16], Timestamp>>,
}

/// A token that held when it was looked at.
#[derive(Clone)]
pub struct Verified {
    /// Whose.
    pub user: Arc<User>,
    /// When it was made.
    pub issued: Timestamp,
    /// Until when.
    pub expires: Timestamp,
    /// The certificate whose holder alone may use it; `None` = whoever has it.
    pub bound_to: Option<Thumbprint>,
    audit: [u8; 16],
}

impl Verified {
    /// The audit id as Keystone writes it.
    pub fn audit_id(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.audit)
    }
}

impl Tokens {
    /// Keystone's default `[token] expiration`.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

    /// Tokens under a key drawn now.
    pub fn new(lifetime: SignedDuration) -> Result<Self, Unspecified> {
        Ok(Self { key: Fernet::generate()?, lifetime, revoked: Mutex::default() })
    }

    /// A token for a user on its project, bound or not; whole seconds, as in Keystone. `None` if the cipher
    /// refuses.
    pub fn issue(
        &self,
        user: &Arc<User>,
        bound_to: Option<Thumbprint>,
        now: Timestamp,
    ) -> Option<(String, Verified)> {
        let issued = Timestamp::from_second(now.as_second()).ok()?;
        let expires = issued.checked_add(self.lifetime).ok()?;
        let verified = Verified { user: Arc::clone(user), issued, expires, bound_to, audit: ids::random() };
        let payload = Payload {
            user: ids::unhex(&user.id)?,
            project: ids::unhex(&user.project.id)?,
            expires: expires.as_second() as f64,
            audit: verified.audit,
            bound_to,
        };
        let token = self.key.seal(u64::try_from(issued.as_second()).ok()?, &payload.pack()).ok()?;
        Some((token, verified))
    }

    /// The facts of a token that holds at `now`; `None` when forged, expired, revoked, or of a user that is
    /// gone or has left the project.
    pub fn verify(&self, token: &str, directory: &Directory, now: Timestamp) -> Option<Verified> {
        let opened = self.key.open(token)?;
        let payload = Payload::unpack(&opened.payload)?;
        let expires = Timestamp::from_second(payload.expires as i64).ok()?;
        let user = directory.by_id(&ids::hex(&payload.user))?;
        let holds = now < expires
            && user.project.id == ids::hex(&payload.project)
            && !self.revoked.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&payload.audit);
        let issued = Timestamp::from_second(i64::try_from(opened.issued).ok()?).ok()?;
        holds.then_some(Verified { user, issued, expires, bound_to: payload.bound_to, audit: payload.audit })
    }

    /// Refuses a token from now on.
    pub fn revoke(&self, token: &Verified, now: Timestamp) {
        let mut revoked = self.revoked.lock().unwrap_or_else(PoisonError::into_inner);
        revoked.retain(|_, expires| now < *expires);
        revoked.insert(token.audit, token.expires);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{
        super::passwords::{HashCost, Hashed},
        *,
    };

    fn cloud() -> (Directory, Arc<User>, Tokens) {
        let directory = Directory::default();
        let user = directory.add("alice", Hashed::nobody(HashCost::LEAST), &[], "demo").unwrap();
        (directory, user, Tokens::new(Tokens::LIFETIME).unwrap())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn a_token_looks_like_keystones_and_holds_for_its_hour() {
        let (directory, user, tokens) = cloud();
        let (token, _) = tokens.issue(&user, None, at(0)).unwrap();
        assert!(token.starts_with("gAAAAA") && !token.contains('='), "{token}");
        let verified = tokens.verify(&token, &directory, at(3599)).unwrap();
        assert_eq!((verified.issued, verified.expires), (at(0), at(3600)));
        assert_eq!(verified.user.name, "alice");
        assert!(tokens.verify(&token, &directory, at(3600)).is_none());
    }

    #[test]
    fn a_token_remembers_the_certificate_it_is_bound_to() {
        let (directory, user, tokens) = cloud();
        let thumbprint = Thumbprint::of(b"certificate");
        let (token, _) = tokens.issue(&user, Some(thumbprint), at(0)).unwrap();
        let verified = tokens.verify(&token, &directory, at(1)).unwrap();
        assert_eq!(verified.bound_to, Some(thumbprint));
    }

    #[test]
    fn a_revoked_token_is_refused_and_its_neighbour_is_not() {
        let (directory, user, tokens) = cloud();
        let (first, verified) = tokens.issue(&user, None, at(0)).unwrap();
        let (second, _) = tokens.issue(&user, None, at(0)).unwrap();
        tokens.revoke(&verified, at(1));
        assert!(tokens.verify(&first, &directory, at(1)).is_none());
        assert!(tokens.verify(&second, &directory, at(1)).is_some());
    }

    #[test]
    fn revocations_are_forgotten_when_the_token_would_have_expired() {
        let (_, user, tokens) = cloud();
        let (_, early) = tokens.issue(&user, None, at(0)).unwrap();
        let (_, late) = tokens.issue(&user, None, at(4000)).unwrap();
        tokens.revoke(&early, at(1));
        tokens.revoke(&late, at(4001));
        assert_eq!(tokens.revoked.lock().unwrap().len(), 1);
    }

    #[test]
    fn another_clouds_token_is_nobodys() {
        let (directory, user, tokens) = cloud();
        let (token, _) = Tokens::new(Tokens::LIFETIME).unwrap().issue(&user, None, at(0)).unwrap();
        assert!(tokens.verify(&token, &directory, at(0)).is_none());
    }
}
