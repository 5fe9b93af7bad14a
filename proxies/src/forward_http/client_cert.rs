//! `Client-Cert` of RFC 9440: what a proxy that ends TLS tells the service behind it about its caller's
//! certificate. A pure decision over header fields.
//!
//! Whoever may write this header may claim to be anybody, so it is taken from nobody but named callers.

use base64::{Engine, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};

use crate::tls::PeerCertificate;

const CLIENT_CERT: HeaderName = HeaderName::from_static("client-cert");
const CLIENT_CERT_CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

/// Who is believed about other people's certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCert {
    /// DNS names: a caller whose own certificate carries one may pass the header on; everybody else's is
    /// removed, and set anew from the certificate the caller presented, if any.
    pub accept_from: Vec<String>,
}

/// A believed caller sent more than one `Client-Cert`: which one is meant is anybody's guess.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous;

impl ClientCert {
    pub(super) fn apply(
        &self,
        caller: Option<&PeerCertificate>,
        headers: &mut HeaderMap,
    ) -> Result<(), Ambiguous> {
        let believed = caller.is_some_and(|caller| caller.carries_one_of(&self.accept_from));
        let removed: Vec<_> = headers
            .keys()
            .filter(|name| reads_as_client_cert(name) && !(believed && is_exact(name)))
            .cloned()
            .collect();
        for name in removed {
            headers.remove(name);
        }
        if believed {
            return if headers.get_all(CLIENT_CERT).iter().count() > 1 { Err(Ambiguous) } else { Ok(()) };
        }
        if let Some(value) = caller.and_then(field_value) {
            headers.insert(CLIENT_CERT, value);
        }
        Ok(())
    }
}

/// A byte sequence as structured fields write it.
fn field_value(caller: &PeerCertificate) -> Option<HeaderValue> {
    HeaderValue::try_from(format!(":{}:", STANDARD.encode(caller.der()))).ok()
}

fn is_exact(name: &HeaderName) -> bool {
    *name == CLIENT_CERT || *name == CLIENT_CERT_CHAIN
}

/// Many services cannot tell `_` from `-` in a field's name.
fn reads_as_client_cert(name: &HeaderName) -> bool {
    let name = name.as_str().replace('_', "-");
    name == CLIENT_CERT.as_str() || name == CLIENT_CERT_CHAIN.as_str()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Header fields as sent and as left.
    fn after(rules: &ClientCert, caller: Option<&PeerCertificate>, sent: &[(&str, &str)]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        rules.apply(caller, &mut headers).unwrap();
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    const SPOOFS: [(&str, &str); 7] = [
        ("Client-Cert", ":AAAA:"),
        ("client-cert", ":BBBB:"),
        ("CLIENT-CERT", ":CCCC:"),
        ("Client-Cert-Chain", ":DDDD:"),
        ("Client_Cert", ":EEEE:"),
        ("client-cert_chain", ":FFFF:"),
        ("X-Other", "kept"),
    ];

    #[test]
    fn nobody_talks_himself_into_a_certificate() {
        assert_eq!(after(&ClientCert::default(), None, &SPOOFS), ["x-other: kept"]);
    }

    #[test]
    fn a_caller_with_a_certificate_gets_exactly_its_own() {
        let caller = PeerCertificate::new(vec![0xfb, 0xff, 0x00, 0x01]);
        let left = after(&ClientCert::default(), Some(&caller), &SPOOFS);
        assert_eq!(left, ["x-other: kept", "client-cert: :+/8AAQ==:"]);
    }

    #[test]
    fn believing_a_name_does_not_believe_a_certificate_without_it() {
        let rules = ClientCert { accept_from: vec!["edge.invalid".to_owned()] };
        let caller = PeerCertificate::new(vec![1]);
        assert_eq!(after(&rules, Some(&caller), &SPOOFS[..1]), ["client-cert: :AQ==:"]);
    }
}
