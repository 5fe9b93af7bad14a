//! One authority and its certificates (ECDSA P-256), as files for the proxies and as settings for our ends.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    CipherSuite, ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

/// What the proxy's certificate is for.
pub(crate) const FRONT: &str = "front.invalid";
/// What the backend's certificate is for.
pub(crate) const BACK: &str = "back.invalid";

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

pub(crate) struct Files {
    folder: tempfile::TempDir,
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

impl Files {
    pub(crate) fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let mut params = CertificateParams::default();
        // Of a name of its own: by rcgen's usual one, its certificates would seem to sign themselves.
        params.distinguished_name.push(DnType::CommonName, "authority of a benchmark");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate()?;
        let ca = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);
        let leaf = |names: &[&str]| -> Result<_, Failed> {
            let key = KeyPair::generate()?;
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            Ok((CertificateParams::new(names)?.signed_by(&key, &issuer)?, key))
        };
        let (front, front_key) = leaf(&[FRONT])?;
        // A pass-through's client meets the backend under the name it asked for.
        let (back, back_key) = leaf(&[BACK, FRONT])?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write("ca.pem", &ca.pem())?;
        write("cert.pem", &front.pem())?;
        write("key.pem", &front_key.serialize_pem())?;
        // HAProxy wants both in one file.
        write("both.pem", &[front.pem(), front_key.serialize_pem()].concat())?;
        let client = client(ca.der().clone())?;
        let server = server(vec![back.der().clone()], back_key.serialize_der())?;
        Ok(Self { folder, client, server })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> io::Result<PathBuf> {
        fs::write(self.path(name), text)?;
        Ok(self.path(name))
    }
}

/// A server of the certificate in a folder that [`Files`] made.
pub(crate) fn server_of(folder: &Path) -> Result<Arc<ServerConfig>, Failed> {
    let identity = proxies::alone::identity(&folder.join("cert.pem"), &folder.join("key.pem"))?;
    let chain = identity.chain.into_iter().map(CertificateDer::from).collect();
    server(chain, identity.key)
}

/// One suite and one group, so that every contender does the same work: no contender is slowed by what another
/// would not be offered.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| suite.suite() == CipherSuite::TLS13_AES_128_GCM_SHA256);
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    Arc::new(provider)
}

fn client(root: CertificateDer<'static>) -> Result<Arc<ClientConfig>, Failed> {
    let mut roots = RootCertStore::empty();
    roots.add(root)?;
    let builder = ClientConfig::builder_with_provider(provider());
    let mut config = builder
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

fn server(chain: Vec<CertificateDer<'static>>, key: Vec<u8>) -> Result<Arc<ServerConfig>, Failed> {
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13])?.with_no_client_auth();
    Ok(Arc::new(builder.with_single_cert(chain, PrivatePkcs8KeyDer::from(key).into())?))
}
