//! TLS servers for tests that keep sessions in one way or another, and what they say first.

use std::sync::Arc;

use proxies::{
    rustls::{
        ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection,
        SupportedProtocolVersion,
        crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs::Ticketer},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName},
        server::{NoServerSessionStorage, ServerSessionMemoryCache},
        version::{TLS12, TLS13},
    },
    tls::provider,
};

/// How a server lets a client come back to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sessions {
    /// By the id of one it keeps. In TLS 1.3 by a ticket that stands for one.
    Ids,
    /// By a ticket it can open.
    Tickets,
    /// Not at all.
    None,
}

pub(crate) const TLS12_ONLY: &[&SupportedProtocolVersion] = &[&TLS12];
pub(crate) const TLS13_ONLY: &[&SupportedProtocolVersion] = &[&TLS13];

/// A certificate of its own, and its key.
pub(crate) type Own = (CertificateDer<'static>, PrivateKeyDer<'static>);

pub(crate) fn own(name: &str) -> Own {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.der().clone(), PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap())
}

/// A server of every version.
pub(crate) fn server((certificate, key): &Own, sessions: Sessions) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.clone_key())
        .unwrap();
    config.session_storage = match sessions {
        Sessions::Ids => ServerSessionMemoryCache::new(10_000),
        Sessions::Tickets | Sessions::None => Arc::new(NoServerSessionStorage {}),
    };
    if sessions == Sessions::Tickets {
        config.ticketer = Ticketer::new().unwrap();
    }
    config
}

/// A client that trusts `root` and offers these versions and groups.
pub(crate) fn client_of(
    root: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    groups: &[&'static dyn SupportedKxGroup],
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = match groups {
        [] => (*provider()).clone(),
        groups => CryptoProvider { kx_groups: groups.to_vec(), ..(*provider()).clone() },
    };
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The client's first flight and the server's answer to it.
pub(crate) fn first_flights(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: &str,
) -> (Vec<u8>, Vec<u8>) {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(client, name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    while client.wants_write() {
        client.write_tls(&mut asked).unwrap();
    }
    let mut rest = &asked[..];
    while !rest.is_empty() {
        server.read_tls(&mut rest).unwrap();
    }
    server.process_new_packets().unwrap();
    while server.wants_write() {
        server.write_tls(&mut answered).unwrap();
    }
    (asked, answered)
}

/// Carries a whole handshake, and the session's first tickets, between the two.
pub(crate) fn shake(client: Arc<ClientConfig>, server: Arc<ServerConfig>, name: &str) -> ServerConnection {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(client, name).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    while client.is_handshaking() || server.is_handshaking() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        let mut rest = &wire[..];
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets().unwrap();
        }
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        let mut rest = &wire[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    server
}
