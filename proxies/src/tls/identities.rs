//! The certificates of a server, and which one a caller gets.
//!
//! ```text
//!   a name somebody carries   those who carry it, exact before wildcard
//!   no name, or unknown       the first identity, and those who carry its first name too
//!   several                   the first whose key signs with an algorithm the caller knows
//! ```
//!
//! So an RSA and an ECDSA certificate of one name may stand side by side, the preferred one first.

use std::sync::Arc;

use rustls::{
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{Identity, PeerCertificate, TlsError, names::Names};

#[derive(Debug)]
pub(super) struct Identities {
    keys: Vec<Arc<CertifiedKey>>,
    names: Names,
    /// For callers without a name we know.
    default: Vec<usize>,
}

impl Identities {
    /// Reads certificates and keys; a key that is not its certificate's is an error.
    pub(super) fn load<'a>(
        identities: impl IntoIterator<Item = &'a Identity>,
        provider: &CryptoProvider,
    ) -> Result<Self, TlsError> {
        let (mut keys, mut names, mut first_name) = (Vec::new(), Names::default(), None);
        for (position, identity) in identities.into_iter().enumerate() {
            let key = CertifiedKey::from_der(identity.certificates(), identity.private_key()?, provider)
                .map_err(|error| TlsError::Settings(format!("identity {position}: {error}")))?;
            let leaf =
                PeerCertificate::new(key.end_entity_cert().map(|leaf| leaf.to_vec()).unwrap_or_default());
            for name in leaf.dns_names() {
                names.add(name, position);
            }
            if position == 0 {
                first_name = leaf.dns_names().first().cloned();
            }
            keys.push(Arc::new(key));
        }
        let mut default = vec![0];
        if let Some(name) = first_name {
            default.extend(names.carrying(&name).into_iter().filter(|position| *position != 0));
        }
        Ok(Self { keys, names, default })
    }

    /// Is there a certificate of this name?
    pub(super) fn know(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| !self.names.carrying(name).is_empty())
    }
}

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().map(|name| self.names.carrying(name)).unwrap_or_default();
        let fit = if named.is_empty() { &self.default } else { &named };
        let signs = |position: &usize| {
            self.keys
                .get(*position)
                .is_some_and(|held| held.key.choose_scheme(hello.signature_schemes()).is_some())
        };
        let chosen = match fit.as_slice() {
            [only] => Some(only),
            // None that signs: rustls finds out itself, and says so with the right alert.
            several => several.iter().find(|position| signs(position)).or(several.first()),
        };
        self.keys.get(*chosen?).cloned()
    }
}
