//! The accepting side of TLS.

use std::{io, sync::Arc};

use rustls::{
    KeyLog, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use super::{TlsError, provider};
use crate::stream::Stream;

/// A certificate chain and its key, as plain values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerIdentity {
    /// Leaf first, DER.
    pub chain: Vec<Vec<u8>>,
    /// PKCS#8, DER.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for ServerIdentity {
    /// Never prints the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerIdentity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// A ready TLS server.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
}

impl ServerTls {
    /// A server presenting `identity`; secrets of its sessions go to `key_log`.
    pub fn new(identity: &ServerIdentity, key_log: Arc<dyn KeyLog>) -> Result<Self, TlsError> {
        let chain = identity.chain.iter().cloned().map(CertificateDer::from).collect();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.clone()));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| TlsError::Settings(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| TlsError::Settings(format!("identity: {error}")))?;
        config.key_log = key_log;
        // The server's order decides, so that a client listing AES-256 first does not pick the dearer suite.
        config.ignore_client_order = true;
        // One, so that a client can tell that its Finished was processed.
        config.send_tls13_tickets = 1;
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// One handshake.
    pub async fn accept<S: Stream>(&self, stream: S) -> io::Result<tokio_rustls::server::TlsStream<S>> {
        self.acceptor.accept(stream).await
    }
}
