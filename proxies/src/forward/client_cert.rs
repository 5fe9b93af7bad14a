//! `Client-Cert` of RFC 9440: what a proxy that ends TLS tells the service behind it about its caller's
//! certificate. Pure.
//!
//! Whoever may write this header may claim to be anybody, so it is taken from nobody but named callers.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    http::{Refused, name::Name, request::RequestHead, write},
    tls::PeerCertificate,
};

/// Who is believed about other people's certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCert {
    /// DNS names: a caller whose own certificate carries one may pass the header on; everybody else's is
    /// removed, and set anew from the certificate the caller presented, if any.
    pub accept_from: Vec<String>,
}

impl ClientCert {
    /// May this caller speak for others?
    pub(super) fn believes(&self, caller: Option<&PeerCertificate>) -> bool {
        caller.is_some_and(|caller| caller.carries_one_of(&self.accept_from))
    }

    /// The line for a caller that may not, as structured fields write a byte sequence.
    pub(super) fn line(caller: Option<&PeerCertificate>, out: &mut Vec<u8>) {
        if let Some(caller) = caller {
            write::line(&[b"client-cert: :", STANDARD.encode(caller.der()).as_bytes(), b":"], out);
        }
    }
}

/// A believed caller that sends more than one: which is meant is anybody's guess.
pub(super) fn unambiguous(head: &RequestHead<'_>) -> Result<(), Refused> {
    let passed = |name: &str| Name::of(name) == Name::ClientCert && !head.is_named(name);
    let own = |name: &str| name.eq_ignore_ascii_case("client-cert") && passed(name);
    match head.fields.iter().filter(|field| own(field.name)).count() {
        0 | 1 => Ok(()),
        _ => Err(Refused::bad("two certificates")),
    }
}
