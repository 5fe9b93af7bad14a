//! Throw-away authorities for tests.
#![allow(clippy::unwrap_used, dead_code, unreachable_pub)]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use proxies::{
    rustls::KeyLog,
    tls::{ClientAuth, ClientSettings, ClientTls, Identity, ServerSettings, ServerTls, Verification},
};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};

#[derive(Debug)]
pub struct NoLog;
impl KeyLog for NoLog {
    fn log(&self, _: &str, _: &[u8], _: &[u8]) {}
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub root: Vec<u8>,
}

impl Authority {
    pub fn new() -> Self {
        // Named apart: two authorities of one name would differ by their signatures only.
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::default();
        let name = format!("authority {}", MADE.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap().der().to_vec();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A leaf good for both ends of a connection.
    pub fn identity(&self, name: &str) -> Identity {
        self.identity_for(&[name], vec![])
    }

    pub fn identity_for(&self, names: &[&str], purposes: Vec<ExtendedKeyUsagePurpose>) -> Identity {
        self.signed(names, purposes, &KeyPair::generate().unwrap())
    }

    /// RSA, 2048 bits.
    pub fn rsa_identity(&self, name: &str) -> Identity {
        self.signed(&[name], vec![], &KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap())
    }

    fn signed(&self, names: &[&str], purposes: Vec<ExtendedKeyUsagePurpose>, key: &KeyPair) -> Identity {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = purposes;
        let leaf = params.signed_by(key, &self.issuer).unwrap();
        Identity { chain: vec![leaf.der().to_vec()], key: key.serialize_der() }
    }

    pub fn server(&self, name: &str) -> ServerTls {
        server(&ServerSettings::new(self.identity(name)))
    }

    /// A server that takes clients of the same authority, those who carry one of `allow`.
    pub fn server_asking(&self, name: &str, required: bool, allow: Option<&[&str]>) -> ServerTls {
        let allow = allow.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        let client_auth = Some(ClientAuth { roots: vec![self.root.clone()], required, allow });
        server(&ServerSettings { client_auth, ..ServerSettings::new(self.identity(name)) })
    }

    pub fn settings(&self, name: &str) -> ClientSettings {
        ClientSettings::new(vec![self.root.clone()], Verification::Name, name.to_owned())
    }

    pub fn client(&self, name: &str, verification: Verification) -> ClientTls {
        client(&ClientSettings { verification, ..self.settings(name) })
    }
}

pub fn server(settings: &ServerSettings) -> ServerTls {
    ServerTls::new(settings, Arc::new(NoLog)).unwrap()
}

pub fn client(settings: &ClientSettings) -> ClientTls {
    ClientTls::new(settings, Arc::new(NoLog)).unwrap()
}
