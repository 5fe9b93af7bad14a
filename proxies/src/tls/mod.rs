//! TLS settings from plain values: certificates and keys in DER, trust, and how much is verified.
//!
//! TLS 1.3 only. Choices that weaken anything live in `danger`. Sessions are never resumed by our dialers,
//! so that every connection's cost is a full handshake; servers do issue a ticket, as real ones do.

mod danger;
mod server;
mod settled;

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, KeyLog, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, ServerName},
};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

pub use server::{ServerIdentity, ServerTls};

use crate::stream::Stream;

/// Why TLS settings could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A name, certificate or key is not usable.
    #[error("TLS settings: {0}")]
    Settings(String),
}

/// How much of the server's certificate a client checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Chain and name.
    Name,
    /// Chain only: any certificate of a trusted authority will do.
    Chain,
    /// Nothing: whoever answers is believed.
    Off,
}

/// What a client needs to open TLS, as plain values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientSettings {
    /// Trusted authorities, DER.
    pub roots: Vec<Vec<u8>>,
    /// How much is checked.
    pub verification: Verification,
    /// SNI, and the name that is checked.
    pub server_name: String,
}

/// A ready TLS client for one server name.
#[derive(Clone)]
pub struct ClientTls {
    connector: TlsConnector,
    server_name: ServerName<'static>,
}

impl ClientTls {
    /// A client; secrets of its sessions go to `key_log`.
    pub fn new(settings: &ClientSettings, key_log: Arc<dyn KeyLog>) -> Result<Self, TlsError> {
        let provider = provider();
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| TlsError::Settings(error.to_string()))?;
        let mut config = match settings.verification {
            Verification::Off => builder
                .dangerous()
                .with_custom_certificate_verifier(danger::believe_anyone(provider))
                .with_no_client_auth(),
            Verification::Name => {
                builder.with_webpki_verifier(webpki(settings, provider)?).with_no_client_auth()
            }
            Verification::Chain => builder
                .dangerous()
                .with_custom_certificate_verifier(danger::chain_only(webpki(settings, provider)?))
                .with_no_client_auth(),
        };
        config.key_log = key_log;
        config.resumption = Resumption::disabled();
        let server_name = ServerName::try_from(settings.server_name.clone()).map_err(|error| {
            TlsError::Settings(format!("server name `{}`: {error}", settings.server_name))
        })?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), server_name })
    }

    /// One handshake.
    pub async fn connect<S: Stream>(&self, stream: S) -> io::Result<tokio_rustls::client::TlsStream<S>> {
        self.connector.connect(self.server_name.clone(), stream).await
    }

    /// One handshake, resolved once the server is known to have processed all of it.
    pub async fn connect_settled<S: Stream>(
        &self,
        stream: S,
    ) -> io::Result<tokio_rustls::client::TlsStream<S>> {
        settled::ticket(self.connect(stream).await?).await
    }
}

/// The one crypto provider, with the AES-128 suite first: SHA-384 has no hardware instruction where SHA-256
/// has, which makes a handshake a quarter cheaper.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider
        .cipher_suites
        .sort_by_key(|suite| suite.suite() != rustls::CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

fn webpki(
    settings: &ClientSettings,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for root in &settings.roots {
        roots
            .add(CertificateDer::from(root.clone()))
            .map_err(|error| TlsError::Settings(format!("trusted authority: {error}")))?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| TlsError::Settings(format!("trust: {error}")))
}
