//! The run's authorities and leaf certificates: made in memory, short-lived, named "do not trust".
//!
//! Both authorities carry the same test-wide name constraint, so that no certificate of a run is good for
//! any name or address outside it. Key identifiers, critical constraints and usages are what strict verifiers
//! (Python 3.13, sslyze, `openssl verify -x509_strict`) insist on. Keys leave memory only as node plans.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, UnparsedPublicKey},
};
use proxies::{
    rustls::{
        pki_types::{PrivateKeyDer, pem::PemObject},
        sign::CertifiedKey,
    },
    tls::Identity,
};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, SerialNumber,
};
use rustls::{pki_types::CertificateDer, server::ParsedCertificate};

use crate::architecture::{Architecture, AuthorityId, IdentityId};

/// How long certificates of a run are good; the safety plan allows seven days at most.
const VALID_FOR: Duration = Duration::from_hours(48);
/// Clocks may be a little apart.
const VALID_SINCE: Duration = Duration::from_hours(1);
/// The domain every name of an architecture file lies under.
pub const DOMAIN: &str = "cloud.invalid";

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("certificate of `{subject}`: {source}")]
pub struct PkiError {
    subject: String,
    source: rcgen::Error,
}

/// Which end of a connection a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// The accepting end.
    Server,
    /// The dialing end.
    Client,
    /// Either.
    Both,
}

impl Usage {
    fn purposes(self) -> Vec<ExtendedKeyUsagePurpose> {
        match self {
            Self::Server => vec![ExtendedKeyUsagePurpose::ServerAuth],
            Self::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
            Self::Both => vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth],
        }
    }
}

/// A certificate authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: Vec<u8>,
    pem: String,
}

impl Authority {
    /// An authority; `constrained` to the run's names unless it is an attacker's own.
    pub fn new(name: &str, constrained: bool) -> Result<Self, PkiError> {
        let failed = |source| PkiError { subject: name.to_owned(), source };
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(&format!("testbed {name} authority - do not trust"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial());
        (params.not_before, params.not_after) = validity();
        if constrained {
            params.name_constraints =
                Some(NameConstraints { permitted_subtrees: permitted(), excluded_subtrees: Vec::new() });
        }
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let (der, pem) = (certificate.der().to_vec(), certificate.pem());
        Ok(Self { issuer: Issuer::new(params, key), der, pem })
    }

    /// A leaf for `names`, and for 127.0.0.1 and `localhost` where outside clients shall verify it.
    pub fn leaf(&self, names: &[String], outside: bool, usage: Usage) -> Result<Identity, PkiError> {
        let subject_name = names.first().map_or("unnamed", String::as_str).to_owned();
        let failed = |source| PkiError { subject: subject_name.clone(), source };
        let mut names = names.to_vec();
        if outside {
            names.push("localhost".to_owned());
        }
        let mut params = CertificateParams::new(names).map_err(failed)?;
        if outside {
            params.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        }
        params.distinguished_name = subject(&subject_name);
        params.use_authority_key_identifier_extension = true;
        // Also what makes a leaf carry its own key identifier.
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usage.purposes();
        params.serial_number = Some(serial());
        (params.not_before, params.not_after) = validity();
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed)?;
        Ok(Identity { chain: vec![certificate.der().to_vec()], key: key.serialize_der() })
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }
}

/// Every authority and identity of one architecture.
pub struct Pki {
    authorities: HashMap<AuthorityId, Authority>,
    identities: HashMap<IdentityId, Identity>,
}

impl Pki {
    /// Makes all of them.
    pub fn new(architecture: &Architecture, outside: bool) -> Result<Self, PkiError> {
        let mut authorities = HashMap::new();
        for (index, authority) in architecture.authorities.iter().enumerate() {
            authorities.insert(AuthorityId(index), Authority::new(&authority.name, true)?);
        }
        let mut identities = HashMap::new();
        for (index, identity) in architecture.identities.iter().enumerate() {
            let id = IdentityId(index);
            let leaf =
                authorities[&identity.authority].leaf(&identity.names, outside, usage(architecture, id))?;
            identities.insert(id, leaf);
        }
        Ok(Self { authorities, identities })
    }

    /// An authority of the architecture this was made for.
    pub fn authority(&self, id: AuthorityId) -> &Authority {
        &self.authorities[&id]
    }

    /// An identity of the architecture this was made for.
    pub fn identity(&self, id: IdentityId) -> &Identity {
        &self.identities[&id]
    }
}

/// A private key (PKCS #8, DER) as it is written into a file.
pub(crate) fn key_pem(der: &[u8]) -> std::io::Result<String> {
    let key = KeyPair::try_from(der).map_err(std::io::Error::other)?;
    Ok(key.serialize_pem())
}

/// Is this text a private key, and the one of this certificate? Its public half is compared.
pub(crate) fn is_key_of(pem: &[u8], certificate: &[u8]) -> bool {
    let Ok(der) = PrivateKeyDer::from_pem_slice(pem) else { return false };
    let Ok(key) = proxies::tls::provider().key_provider.load_private_key(der) else { return false };
    CertifiedKey::new(vec![certificate.to_vec().into()], key).keys_match().is_ok()
}

/// What a certificate is for, by who presents it.
fn usage(architecture: &Architecture, id: IdentityId) -> Usage {
    let accepts = architecture.listeners.iter().any(|listener| listener.identity == Some(id));
    let dials =
        architecture.dials.iter().filter_map(|dial| dial.tls.as_ref()).any(|tls| tls.identity == Some(id));
    match (accepts, dials) {
        (true, true) => Usage::Both,
        (false, true) => Usage::Client,
        (_, false) => Usage::Server,
    }
}

/// Does this private key (PKCS#8) sign for this certificate? It signs something fresh, and the signature is
/// verified with the certificate's public key.
pub fn signs_for(pkcs8: &[u8], certificate: &[u8]) -> bool {
    let (random, challenge) = (SystemRandom::new(), rand::random::<[u8; 32]>());
    let signature = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
        .ok()
        .and_then(|key| key.sign(&random, &challenge).ok());
    let certificate = CertificateDer::from(certificate);
    let public = ParsedCertificate::try_from(&certificate).map(|leaf| leaf.subject_public_key_info());
    let (Some(signature), Ok(public)) = (signature, public) else { return false };
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public.as_ref())
        .verify(&challenge, signature.as_ref())
        .is_ok()
}

fn subject(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn permitted() -> Vec<GeneralSubtree> {
    vec![
        GeneralSubtree::DnsName(DOMAIN.to_owned()),
        GeneralSubtree::DnsName("localhost".to_owned()),
        GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
    ]
}

fn serial() -> SerialNumber {
    let bytes: [u8; 16] = rand::random();
    // Positive and without a leading zero, as strict verifiers want it.
    SerialNumber::from_slice(&[&[0x40 | (bytes[0] & 0x3f)], &bytes[1..]].concat())
}

fn validity() -> (time::OffsetDateTime, time::OffsetDateTime) {
    let now = SystemTime::now();
    ((now - VALID_SINCE).into(), (now + VALID_FOR).into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{process::Command, sync::Arc};

    use proxies::rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier},
        pki_types::{CertificateDer, ServerName, UnixTime},
        server::WebPkiClientVerifier,
    };

    use super::*;

    fn accepts(authority: &Authority, leaf: &Identity, name: &'static str) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), proxies::tls::provider())
            .build()
            .unwrap();
        let leaf = CertificateDer::from(leaf.chain[0].clone());
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(&leaf, &[], &name, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn a_leaf_is_good_for_its_own_names_under_its_own_authority_only() {
        let (public, internal) =
            (Authority::new("public", true).unwrap(), Authority::new("internal", true).unwrap());
        let leaf = public.leaf(&["identity.cloud.invalid".to_owned()], true, Usage::Server).unwrap();
        assert!(accepts(&public, &leaf, "identity.cloud.invalid"));
        assert!(accepts(&public, &leaf, "localhost"));
        assert!(accepts(&public, &leaf, "127.0.0.1"));
        assert!(!accepts(&public, &leaf, "compute.cloud.invalid"));
        assert!(!accepts(&internal, &leaf, "identity.cloud.invalid"));
        let inside = public.leaf(&["identity.cloud.invalid".to_owned()], false, Usage::Server).unwrap();
        assert!(!accepts(&public, &inside, "localhost"));
    }

    #[test]
    fn a_key_signs_for_its_own_certificate_and_no_other() {
        let authority = Authority::new("public", true).unwrap();
        let leaf = || authority.leaf(&["identity.cloud.invalid".to_owned()], false, Usage::Server).unwrap();
        let (one, other) = (leaf(), leaf());
        assert!(signs_for(&one.key, &one.chain[0]));
        assert!(!signs_for(&one.key, &other.chain[0]));
        assert!(!signs_for(b"no key", &one.chain[0]));
        assert!(!signs_for(&one.key, b"no certificate"));
    }

    #[test]
    fn no_certificate_of_a_run_is_good_outside_it() {
        let run = Authority::new("public", true).unwrap();
        let leaf = run.leaf(&["www.example.com".to_owned()], false, Usage::Server).unwrap();
        assert!(!accepts(&run, &leaf, "www.example.com"), "the name constraint forbids it");
        let anyone = Authority::new("attacker", false).unwrap();
        let leaf = anyone.leaf(&["www.example.com".to_owned()], false, Usage::Server).unwrap();
        assert!(accepts(&anyone, &leaf, "www.example.com"), "the constraint is what refused it above");
    }

    fn accepts_client(authority: &Authority, leaf: &Identity) -> bool {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.der().to_vec())).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), proxies::tls::provider())
            .build()
            .unwrap();
        let leaf = CertificateDer::from(leaf.chain[0].clone());
        verifier.verify_client_cert(&leaf, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn a_certificate_is_good_for_the_end_it_was_made_for() {
        let internal = Authority::new("internal", true).unwrap();
        for (usage, server, client) in
            [(Usage::Server, true, false), (Usage::Client, false, true), (Usage::Both, true, true)]
        {
            let leaf = internal.leaf(&["edge.cloud.invalid".to_owned()], false, usage).unwrap();
            assert_eq!(accepts(&internal, &leaf, "edge.cloud.invalid"), server, "{usage:?}");
            assert_eq!(accepts_client(&internal, &leaf), client, "{usage:?}");
        }
    }

    /// What openssl, asked for strictness, says of a leaf; `None` (and a word about it) without openssl.
    fn strictly(authority: &Authority, leaf: &Identity, purpose: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let (root, der) = (folder.path().join("root.pem"), folder.path().join("leaf.der"));
        std::fs::write(&root, authority.pem()).unwrap();
        std::fs::write(&der, &leaf.chain[0]).unwrap();
        let asked = Command::new("openssl")
            .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
            .args([&root, &der])
            .output();
        let Ok(output) = asked else {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: openssl is not installed\n");
            return None;
        };
        let said = [output.stdout, output.stderr].concat();
        Some(String::from_utf8(said).unwrap().replace(der.to_str().unwrap(), "leaf"))
    }

    #[test]
    fn strict_verifiers_accept_what_a_run_presents() {
        let public = Authority::new("public", true).unwrap();
        for (usage, purpose) in [(Usage::Server, "sslserver"), (Usage::Client, "sslclient")] {
            let leaf = public.leaf(&["identity.cloud.invalid".to_owned()], true, usage).unwrap();
            let Some(said) = strictly(&public, &leaf, purpose) else { return };
            assert_eq!(said, "leaf: OK\n", "{usage:?}");
        }
        // The strictness is real: a certificate as they come by default is refused.
        let key = KeyPair::generate().unwrap();
        let bare = CertificateParams::new(["identity.cloud.invalid".to_owned()]).unwrap();
        let bare = bare.signed_by(&key, &public.issuer).unwrap();
        let bare = Identity { chain: vec![bare.der().to_vec()], key: key.serialize_der() };
        let said = strictly(&public, &bare, "sslserver").unwrap_or_default();
        assert!(said.contains("Missing Authority Key Identifier"), "{said}");
    }
}
