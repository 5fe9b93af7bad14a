//! The certificate a peer presented, after somebody verified it. Reads it, and judges nothing.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::{CommonState, pki_types::CertificateDer};
use webpki::EndEntityCert;

/// The leaf certificate of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    der: Vec<u8>,
    dns_names: Vec<String>,
}

impl PeerCertificate {
    /// Reads a certificate; one that cannot be read carries no names.
    pub fn new(der: Vec<u8>) -> Self {
        let dns_names = names(&der);
        Self { der, dns_names }
    }

    /// What the other side presented in this handshake, or in the one it resumed, if it did.
    pub(crate) fn of(connection: &CommonState) -> Option<Self> {
        connection.peer_certificates()?.first().map(|leaf| Self::new(leaf.to_vec()))
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The DNS names it carries, as they stand in it.
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Is one of its names one of `names`? To the letter but for case: a wildcard stands for itself only.
    pub fn carries_one_of(&self, names: &[String]) -> bool {
        self.dns_names.iter().any(|own| names.iter().any(|name| name.eq_ignore_ascii_case(own)))
    }

    /// SHA-256 of the certificate, base64url without padding: `x5t#S256` of RFC 8705.
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &self.der))
    }
}

fn names(der: &[u8]) -> Vec<String> {
    let der = CertificateDer::from(der);
    let Ok(certificate) = EndEntityCert::try_from(&der) else { return Vec::new() };
    certificate.valid_dns_names().map(str::to_owned).collect()
}
