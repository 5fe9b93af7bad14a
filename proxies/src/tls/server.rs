//! The accepting side of TLS.

use std::{io, sync::Arc};

use rustls::{KeyLog, ServerConfig};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use super::{ClientAuth, Identity, TlsError, TlsVersion, client_auth, provider, sessions, supported};
use crate::stream::Stream;

/// What a server needs to end TLS, as plain values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSettings {
    /// The certificate it presents.
    pub identity: Identity,
    /// Versions it accepts.
    pub versions: Vec<TlsVersion>,
    /// Whether it asks clients for a certificate, and whose it takes.
    pub client_auth: Option<ClientAuth>,
}

impl ServerSettings {
    /// A server of every version that asks nobody for a certificate.
    pub fn new(identity: Identity) -> Self {
        Self { identity, versions: TlsVersion::all(), client_auth: None }
    }
}

/// A ready TLS server.
#[derive(Clone)]
pub struct ServerTls {
    acceptor: TlsAcceptor,
}

impl ServerTls {
    /// A server; secrets of its sessions go to `key_log`.
    pub fn new(settings: &ServerSettings, key_log: Arc<dyn KeyLog>) -> Result<Self, TlsError> {
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&supported(&settings.versions)?)
            .map_err(|error| TlsError::Settings(error.to_string()))?;
        let builder = match &settings.client_auth {
            None => builder.with_no_client_auth(),
            Some(auth) => builder.with_client_cert_verifier(client_auth::verifier(auth, provider)?),
        };
        let mut config = builder
            .with_single_cert(settings.identity.certificates(), settings.identity.private_key())
            .map_err(|error| TlsError::Settings(format!("identity: {error}")))?;
        config.key_log = key_log;
        // The server's order decides, so that a client listing AES-256 first does not pick the dearer suite.
        config.ignore_client_order = true;
        // One, so that a client can tell that its Finished was processed.
        config.send_tls13_tickets = 1;
        config.session_storage = sessions::tickets_only();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    /// One handshake.
    pub async fn accept<S: Stream>(&self, stream: S) -> io::Result<tokio_rustls::server::TlsStream<S>> {
        self.acceptor.accept(stream).await
    }
}
