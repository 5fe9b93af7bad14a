//! The dialing side of TLS.

use std::{io, sync::Arc};

use rustls::{
    ClientConfig, KeyLog,
    client::{Resumption, Tls12Resumption, WebPkiServerVerifier},
    crypto::CryptoProvider,
    pki_types::ServerName,
};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;

use super::{Group, Identity, TlsError, TlsVersion, danger, provider_of, settled, supported, trusted};
use crate::{caller::Application, stream::Stream};

/// Sessions a client keeps, as many as rustls keeps by default.
const SESSIONS: usize = 256;

/// How much of the server's certificate a client checks. Where both sides are to be checked, the client also
/// presents an identity, and the server asks for one.
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

/// Which sessions a client resumes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resumes {
    /// None: every connection costs a full handshake.
    #[default]
    Off,
    /// TLS 1.2 by session id; of TLS 1.3, which has nothing else, by ticket.
    SessionIds,
    /// By ticket, and by session id where a TLS 1.2 server gave no ticket.
    Tickets,
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
    /// Versions offered.
    pub versions: Vec<TlsVersion>,
    /// Groups offered, the one preferred first; it sends a key share of that one.
    pub groups: Vec<Group>,
    /// Presented to a server that asks for a certificate.
    pub identity: Option<Identity>,
    /// Sessions it resumes.
    pub resumption: Resumes,
    /// Application protocols it names, the one preferred first; empty = it names none.
    pub application: Vec<Application>,
}

impl ClientSettings {
    /// A client that offers every version and group, resumes nothing and has no certificate of its own.
    pub fn new(roots: Vec<Vec<u8>>, verification: Verification, server_name: String) -> Self {
        Self {
            roots,
            verification,
            server_name,
            versions: TlsVersion::all(),
            groups: Group::all(),
            identity: None,
            resumption: Resumes::Off,
            application: Vec::new(),
        }
    }

    /// The same, presenting `identity` when asked.
    #[must_use]
    pub fn presenting(self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self }
    }
}

/// A ready TLS client for one server name; its clones share the sessions it resumes.
#[derive(Clone)]
pub struct ClientTls {
    connector: TlsConnector,
    server_name: ServerName<'static>,
}

impl ClientTls {
    /// A client; secrets of its sessions go to `key_log`.
    pub fn new(settings: &ClientSettings, key_log: Arc<dyn KeyLog>) -> Result<Self, TlsError> {
        let provider = provider_of(&settings.groups)?;
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&supported(&settings.versions)?)
            .map_err(|error| TlsError::Settings(error.to_string()))?;
        let builder = match settings.verification {
            Verification::Name => builder.with_webpki_verifier(webpki(settings, provider)?),
            Verification::Chain => {
                let chain = webpki(settings, provider.clone())?;
                let lenient = danger::chain_only(chain, provider);
                builder.dangerous().with_custom_certificate_verifier(lenient)
            }
            Verification::Off => {
                builder.dangerous().with_custom_certificate_verifier(danger::believe_anyone(provider))
            }
        };
        let mut config = match &settings.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.certificates(), identity.private_key()?)
                .map_err(|error| TlsError::Settings(format!("identity: {error}")))?,
        };
        config.key_log = key_log;
        config.alpn_protocols = settings.application.iter().map(|known| known.alpn().to_vec()).collect();
        config.resumption = resumption(settings.resumption);
        let server_name = ServerName::try_from(settings.server_name.clone()).map_err(|error| {
            TlsError::Settings(format!("server name `{}`: {error}", settings.server_name))
        })?;
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), server_name })
    }

    /// The name asked for; `None` where it is an address, which nobody asks for.
    pub(crate) fn server_name(&self) -> Option<String> {
        match &self.server_name {
            ServerName::DnsName(name) => Some(name.as_ref().to_ascii_lowercase()),
            _ => None,
        }
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
        settled::settled(self.connect(stream).await?).await
    }
}

fn resumption(resumes: Resumes) -> Resumption {
    let store = || Resumption::in_memory_sessions(SESSIONS);
    match resumes {
        Resumes::Off => Resumption::disabled(),
        Resumes::SessionIds => store().tls12_resumption(Tls12Resumption::SessionIdOnly),
        Resumes::Tickets => store().tls12_resumption(Tls12Resumption::SessionIdOrTickets),
    }
}

fn webpki(
    settings: &ClientSettings,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    WebPkiServerVerifier::builder_with_provider(trusted(&settings.roots)?, provider)
        .build()
        .map_err(|error| TlsError::Settings(format!("trust: {error}")))
}
