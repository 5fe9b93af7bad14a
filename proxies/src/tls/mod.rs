//! TLS settings from plain values: versions, groups, certificates and keys in DER, trust, and how much is verified.
//!
//! TLS 1.2 and 1.3, with the suites and groups of Mozilla's *intermediate* profile (*modern* where only 1.3 is
//! allowed) plus the hybrid post-quantum group. Choices that weaken anything live in `danger`. Unless told to, our
//! dialers resume nothing, so that every connection's cost is a full handshake; servers do issue a TLS 1.3 ticket,
//! as real ones do, and keep no TLS 1.2 sessions. Nothing here runs a task.
//!
//! What rustls lacks on purpose, and no setting brings back:
//!
//! ```text
//!   static RSA key exchange      a stolen certificate key opens no recording; DHE over primes is missing too
//!   CBC, RC4, 3DES suites        no padding to ask questions of, no short blocks
//!   TLS 1.1 and older, SSL       protocol_version
//!   renegotiation                a hello in mid-session is answered no_renegotiation (1.2) or ends it (1.3)
//!   compression                  only the null method
//!   early data (0-RTT)           off unless a server sets a size for it, which ours never does
//!   SHA-1 and DSA signatures     neither made nor taken
//! ```

mod client;
mod client_auth;
mod danger;
mod group;
mod identities;
mod names;
mod peer;
mod server;
mod sessions;
mod settled;
mod ticket;

use std::sync::Arc;

use rustls::{
    CipherSuite, ProtocolVersion, RootCertStore, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer},
    version::{TLS12, TLS13},
};
use serde::{Deserialize, Serialize};

pub use client::{ClientSettings, ClientTls, Resumes, Verification};
pub use client_auth::ClientAuth;
pub use group::Group;
pub use peer::PeerCertificate;
pub use server::{ServerSettings, ServerTls};
pub use sessions::{Resumption, Tickets};
pub use ticket::{Opened, TicketKey, TicketKeys};

/// Why TLS settings could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A name, certificate or key is not usable.
    #[error("TLS settings: {0}")]
    Settings(String),
}

/// A version of TLS, written as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    Tls13,
}

impl TlsVersion {
    /// What is spoken where nobody says otherwise: all of them.
    pub fn all() -> Vec<Self> {
        vec![Self::Tls12, Self::Tls13]
    }

    /// The one of this number.
    pub(crate) fn of(version: ProtocolVersion) -> Option<Self> {
        match version {
            ProtocolVersion::TLSv1_2 => Some(Self::Tls12),
            ProtocolVersion::TLSv1_3 => Some(Self::Tls13),
            _ => None,
        }
    }
}

/// A certificate chain and its key, as plain values: what a server, or a client that is asked, presents.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Leaf first, DER.
    pub chain: Vec<Vec<u8>>,
    /// ECDSA or RSA; PKCS#8, or as older tools write it (PKCS#1, SEC 1); DER.
    pub key: Vec<u8>,
}

impl Identity {
    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.chain.iter().cloned().map(CertificateDer::from).collect()
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::try_from(self.key.clone())
            .map_err(|error| TlsError::Settings(format!("private key: {error}")))
    }
}

impl std::fmt::Debug for Identity {
    /// Never prints the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// The one crypto provider, with the AES-128 suites first: SHA-384 has no hardware instruction where SHA-256
/// has, which makes a handshake a quarter cheaper.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| (suite.tls13().is_none(), !is_aes128(*suite)));
    Arc::new(provider)
}

/// The same, with these groups only.
fn provider_of(groups: &[Group]) -> Result<Arc<CryptoProvider>, TlsError> {
    let kx_groups = group::supported(groups)?;
    Ok(Arc::new(CryptoProvider { kx_groups, ..Arc::unwrap_or_clone(provider()) }))
}

fn is_aes128(suite: SupportedCipherSuite) -> bool {
    matches!(
        suite.suite(),
        CipherSuite::TLS13_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    )
}

fn supported(versions: &[TlsVersion]) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    if versions.is_empty() {
        return Err(TlsError::Settings("no version of TLS is allowed".to_owned()));
    }
    let supported = versions.iter().map(|version| match version {
        TlsVersion::Tls12 => &TLS12,
        TlsVersion::Tls13 => &TLS13,
    });
    Ok(supported.collect())
}

fn trusted(roots: &[Vec<u8>]) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store
            .add(CertificateDer::from(root.clone()))
            .map_err(|error| TlsError::Settings(format!("trusted authority: {error}")))?;
    }
    Ok(Arc::new(store))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_people_write_them() {
        assert_eq!(serde_json::to_string(&TlsVersion::all()).unwrap(), r#"["1.2","1.3"]"#);
        assert!(serde_json::from_str::<TlsVersion>(r#""1.1""#).is_err());
    }

    /// Mozilla's *intermediate*, version 5.7, without its DHE suites, which rustls does not have.
    #[test]
    fn every_suite_and_group_is_one_of_the_intermediate_profile_or_the_post_quantum_hybrid() {
        use rustls::{CipherSuite as Suite, NamedGroup as Group};
        let provider = provider();
        let suites: Vec<_> = provider.cipher_suites.iter().map(SupportedCipherSuite::suite).collect();
        assert_eq!(
            suites,
            [
                Suite::TLS13_AES_128_GCM_SHA256,
                Suite::TLS13_AES_256_GCM_SHA384,
                Suite::TLS13_CHACHA20_POLY1305_SHA256,
                Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            ]
        );
        let groups: Vec<_> = provider.kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(groups, [Group::X25519MLKEM768, Group::X25519, Group::secp256r1, Group::secp384r1]);
    }
}
