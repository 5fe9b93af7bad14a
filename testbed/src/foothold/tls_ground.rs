//! Behind [`AttackerTls`](super::AttackerTls): an authority of the attacker's own, made when first needed.
//!
//! Its sessions' secrets go into the run's key log, so that a judge can open the impostor's flows.

use std::{
    collections::HashMap,
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use proxies::{
    limits::Limits,
    rustls,
    stream::BoxStream,
    tls::{ClientSettings, ClientTls, ServerSettings, ServerTls, Verification},
};
use tokio::time::timeout;

use super::tls::{HandshakeFailure, TlsBackend};
use crate::{
    keylog::KeyLogStore,
    opener::AlertDescription,
    pki::{Authority, Usage},
};

pub(super) struct OwnAuthority {
    key_log: KeyLogStore,
    authority: OnceLock<Authority>,
    servers: Mutex<HashMap<String, ServerTls>>,
    deadline: Duration,
}

impl OwnAuthority {
    pub(super) fn new(key_log: KeyLogStore) -> Self {
        let deadline = Limits::default().handshake;
        Self { key_log, authority: OnceLock::new(), servers: Mutex::default(), deadline }
    }

    fn server(&self, name: &str) -> io::Result<ServerTls> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = servers.get(name) {
            return Ok(known.clone());
        }
        if self.authority.get().is_none() {
            let made = Authority::new("attacker", false).map_err(io::Error::other)?;
            // Someone else may have been first; then theirs is as good.
            let _ = self.authority.set(made);
        }
        let authority = self.authority.get().ok_or_else(|| io::Error::other("no authority"))?;
        let leaf = authority.leaf(&[name.to_owned()], false, Usage::Server).map_err(io::Error::other)?;
        let (settings, log) = (ServerSettings::new(leaf), Arc::new(self.key_log.clone()));
        let server = ServerTls::new(&settings, log).map_err(io::Error::other)?;
        servers.insert(name.to_owned(), server.clone());
        Ok(server)
    }
}

impl TlsBackend for OwnAuthority {
    fn accept(
        &self,
        victim: BoxStream,
        server_name: String,
    ) -> Pin<Box<dyn Future<Output = Result<BoxStream, HandshakeFailure>> + Send + '_>> {
        Box::pin(async move {
            let server =
                self.server(&server_name).map_err(|error| HandshakeFailure::Other(error.to_string()))?;
            match timeout(self.deadline, server.accept(victim)).await {
                Ok(Ok(session)) => Ok(Box::new(session) as BoxStream),
                Ok(Err(error)) => Err(failure(&error)),
                Err(_elapsed) => Err(HandshakeFailure::Other("the victim fell silent".to_owned())),
            }
        })
    }

    fn connect(
        &self,
        stream: BoxStream,
        server_name: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<BoxStream>> + Send + '_>> {
        Box::pin(async move {
            let settings = ClientSettings::new(Vec::new(), Verification::Off, server_name);
            let client =
                ClientTls::new(&settings, Arc::new(self.key_log.clone())).map_err(io::Error::other)?;
            let session = timeout(self.deadline, client.connect(stream)).await;
            session
                .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                .map(|session| Box::new(session) as BoxStream)
        })
    }
}

fn failure(error: &io::Error) -> HandshakeFailure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => {
            HandshakeFailure::Alert(AlertDescription(u8::from(*alert)).to_string())
        }
        _ if matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        ) =>
        {
            HandshakeFailure::Closed
        }
        _ => HandshakeFailure::Other(error.to_string()),
    }
}
