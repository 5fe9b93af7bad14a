//! The accepting side of TLS.
//!
//! Settings may change while it runs: handshakes that began go on with the old ones, later ones get the new.
//! Watching files or signals for such a change is somebody else's affair.

use std::{
    io,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    KeyLog, ServerConfig,
    server::{Acceptor, StoresServerSessions},
};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor, server::TlsStream};

use super::{
    ClientAuth, Group, Identity, Resumption, Tickets, TlsError, TlsVersion, client_auth,
    identities::Identities, provider_of, supported, ticket::Ticketer,
};
use crate::{caller::Application, refusal::Refusal, stream::Stream};

/// What a server needs to end TLS, as plain values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerSettings {
    /// The certificate it presents to callers that ask for no name, or for none it has.
    pub identity: Identity,
    /// Certificates it presents to callers that ask for one of their names.
    pub further: Vec<Identity>,
    /// Are callers that ask for no name, or for none it has, refused instead? They get `unrecognized_name`.
    pub strict: bool,
    /// Versions it accepts.
    pub versions: Vec<TlsVersion>,
    /// Groups it accepts; among them the caller's order decides.
    pub groups: Vec<Group>,
    /// Whether it asks clients for a certificate, and whose it takes.
    pub client_auth: Option<ClientAuth>,
    /// Sessions it resumes.
    pub resumption: Resumption,
    /// Application protocols it takes, the one preferred first. A caller that names only others meets
    /// `no_application_protocol`; empty = whatever a caller names is ignored.
    pub application: Vec<Application>,
}

impl ServerSettings {
    /// A server of one certificate, every version and every group, that asks nobody for a certificate.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            further: Vec::new(),
            strict: false,
            versions: TlsVersion::all(),
            groups: Group::all(),
            client_auth: None,
            resumption: Resumption::default(),
            application: Vec::new(),
        }
    }

    /// Every certificate, the default first.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        std::iter::once(&self.identity).chain(&self.further)
    }
}

/// A ready TLS server; its clones are the same server.
#[derive(Clone)]
pub struct ServerTls(Arc<Server>);

struct Server {
    ready: RwLock<Arc<Ready>>,
    key_log: Arc<dyn KeyLog>,
}

impl ServerTls {
    /// A server; secrets of its sessions go to `key_log`.
    pub fn new(settings: &ServerSettings, key_log: Arc<dyn KeyLog>) -> Result<Self, TlsError> {
        let ready =
            RwLock::new(Arc::new(Ready::new(settings, key_log.clone(), settings.resumption.storage())?));
        Ok(Self(Arc::new(Server { ready, key_log })))
    }

    /// Takes other settings, for every clone. Handshakes that began are not touched; after an error all stays as it
    /// was. Sessions kept so far stay good where the new settings keep the same kind and take the same callers.
    pub fn reload(&self, settings: &ServerSettings) -> Result<(), TlsError> {
        let kept = self.ready().kept_for(settings);
        let ready = Ready::new(settings, self.0.key_log.clone(), kept)?;
        *self.0.ready.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ready);
        Ok(())
    }

    /// One handshake.
    pub async fn accept<S: Stream>(&self, stream: S) -> io::Result<TlsStream<S>> {
        let ready = self.ready();
        match &ready.strict {
            None => TlsAcceptor::from(ready.config.clone()).accept(stream).await,
            Some(identities) => accept_known(identities, ready.config.clone(), stream).await,
        }
    }

    fn ready(&self) -> Arc<Ready> {
        self.0.ready.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Settings made ready.
struct Ready {
    config: Arc<ServerConfig>,
    /// The names taken, where others are refused.
    strict: Option<Arc<Identities>>,
    client_auth: Option<ClientAuth>,
    resumption: Resumption,
}

impl Ready {
    fn new(
        settings: &ServerSettings,
        key_log: Arc<dyn KeyLog>,
        kept: Arc<dyn StoresServerSessions>,
    ) -> Result<Self, TlsError> {
        let provider = provider_of(&settings.groups)?;
        let identities = Arc::new(Identities::load(settings.identities(), &provider)?);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&supported(&settings.versions)?)
            .map_err(|error| TlsError::Settings(error.to_string()))?;
        let builder = match &settings.client_auth {
            None => builder.with_no_client_auth(),
            Some(auth) => builder.with_client_cert_verifier(client_auth::verifier(auth, provider)?),
        };
        let mut config = builder.with_cert_resolver(identities.clone());
        config.key_log = key_log;
        // The server's order decides, so that a client listing AES-256 first does not pick the dearer suite.
        config.ignore_client_order = true;
        config.alpn_protocols = settings.application.iter().map(|known| known.alpn().to_vec()).collect();
        // One, so that a client can tell that its Finished was processed.
        config.send_tls13_tickets = usize::from(settings.resumption.tickets != Tickets::Off);
        config.session_storage = kept;
        if let Tickets::Sealed(keys) = &settings.resumption.tickets {
            config.ticketer =
                Arc::new(Ticketer::new(keys, client_auth::digest(settings.client_auth.as_ref()))?);
        }
        Ok(Self {
            config: Arc::new(config),
            strict: settings.strict.then_some(identities),
            client_auth: settings.client_auth.clone(),
            resumption: settings.resumption.clone(),
        })
    }

    /// Where a successor keeps sessions. A resumed session counts as verified, so none passes to other rules.
    fn kept_for(&self, next: &ServerSettings) -> Arc<dyn StoresServerSessions> {
        if next.client_auth == self.client_auth && next.resumption.keeps_as(&self.resumption) {
            return self.config.session_storage.clone();
        }
        next.resumption.storage()
    }
}

/// One handshake of a server that takes known names only. rustls itself would say `access_denied`.
async fn accept_known<S: Stream>(
    identities: &Identities,
    config: Arc<ServerConfig>,
    stream: S,
) -> io::Result<TlsStream<S>> {
    let mut start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
    if identities.know(start.client_hello().server_name()) {
        return start.into_stream(config).await;
    }
    if let Some(alert) = Refusal::UnknownName.alert() {
        start.io.write_all(&alert).await?;
        start.io.flush().await?;
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "no certificate of the name asked for"))
}
