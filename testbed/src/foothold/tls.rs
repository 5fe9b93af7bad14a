//! The attacker's own TLS: an authority nobody trusts, and a client that verifies nothing.
//!
//! Secrets of these sessions go into the run's key log too, so that a judge can open the impostor's flows.

use std::{future::Future, io, pin::Pin, sync::Arc};

use proxies::stream::BoxStream;

/// How a handshake with a victim ended, as the impostor's own TLS stack reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// The victim sent this alert.
    Alert(String),
    /// The victim closed.
    Closed,
    /// Anything else.
    Other(String),
}

/// What the launch puts behind an [`AttackerTls`].
pub trait TlsBackend: Send + Sync + 'static {
    /// Plays the server under `server_name` with a certificate of the attacker's own authority.
    fn accept(
        &self,
        victim: BoxStream,
        server_name: String,
    ) -> Pin<Box<dyn Future<Output = Result<BoxStream, HandshakeFailure>> + Send + '_>>;

    /// Connects without verifying anything.
    fn connect(
        &self,
        stream: BoxStream,
        server_name: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + '_>>;
}

/// The attacker's TLS kit.
#[derive(Clone)]
pub struct AttackerTls(Arc<dyn TlsBackend>);

impl AttackerTls {
    /// Wraps a backend.
    pub fn new(backend: Arc<dyn TlsBackend>) -> Self {
        Self(backend)
    }

    /// Plays the server towards a victim.
    pub async fn accept(&self, victim: BoxStream, server_name: &str) -> Result<BoxStream, HandshakeFailure> {
        self.0.accept(victim, server_name.to_owned()).await
    }

    /// Plays a careless client.
    pub async fn connect(&self, stream: BoxStream, server_name: &str) -> io::Result<BoxStream> {
        self.0.connect(stream, server_name.to_owned()).await
    }
}
