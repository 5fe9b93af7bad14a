//! What both directions share: the hellos, what they agreed on, and the secrets that go with it.

use proxies::peek::ClientHello;
use rustls::{CipherSuite, ProtocolVersion};

use super::{
    alert::Alert,
    error::OpenError,
    hello::ServerHello,
    opened::{Keys, Kind, OneWay, Opened},
    protection::RecordProtection,
    tls12::{self, Randoms, Tls12},
    tls13::{self, Tls13},
};
use crate::{
    keylog::{KeyLogStore, Secrets},
    vocabulary::Direction,
};

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

/// Which of a direction's secrets protects its records; before TLS 1.3 both are the same.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Epoch {
    Handshake,
    Application,
}

/// Shared by the two sides of a flow.
pub(super) struct Session {
    store: KeyLogStore,
    client: Option<ClientHello>,
    server: Option<ServerHello>,
    keys: Keys,
    alerts: Vec<Alert>,
    errors: Vec<OpenError>,
}

impl Session {
    pub(super) fn new(store: KeyLogStore) -> Self {
        Self {
            store,
            client: None,
            server: None,
            keys: Keys::NotNeeded,
            alerts: Vec::new(),
            errors: Vec::new(),
        }
    }

    pub(super) fn client_said(&mut self, hello: ClientHello) {
        // The first one counts; one after a `HelloRetryRequest` has the same random.
        self.client.get_or_insert(hello);
    }

    pub(super) fn server_said(&mut self, hello: ServerHello) {
        // A `HelloRetryRequest` is one too, and binds the server to the same version and suite.
        self.server.get_or_insert(hello);
    }

    pub(super) fn alert(&mut self, alert: Alert) {
        self.alerts.push(alert);
    }

    pub(super) fn error(&mut self, error: OpenError) {
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Both hellos were read, so protected records can be judged.
    pub(super) fn is_agreed(&self) -> bool {
        self.client.is_some() && self.server.is_some()
    }

    /// The records turn protected at a `ChangeCipherSpec`: every version before 1.3.
    pub(super) fn changes_cipher(&self) -> bool {
        self.server.is_some_and(|server| server.version < TLS_1_3)
    }

    /// What does not open with the client's first keys may be early data.
    pub(super) fn offered_early_data(&self) -> bool {
        !self.changes_cipher() && self.client.as_ref().is_some_and(|client| client.early_data)
    }

    /// Notes that a protected record crossed, and gives the secrets of the session.
    pub(super) fn secrets(&mut self) -> Option<Secrets> {
        let secrets = self.client.as_ref().and_then(|client| self.store.lookup(&client.random));
        self.keys = if secrets.is_some() { Keys::Found } else { Keys::Missing };
        secrets
    }

    /// What opens the records of a direction from byte `at` on.
    pub(super) fn protection(
        &mut self,
        direction: Direction,
        epoch: Epoch,
        at: u64,
    ) -> Result<Box<dyn RecordProtection>, OpenError> {
        let secrets = self.secrets();
        let server = self.server.ok_or(OpenError::NoHellos { direction, at })?;
        let unknown = OpenError::UnsupportedSuite { suite: server.suite };
        let label = label(server.version, direction, epoch);
        let secret = secrets.as_ref().and_then(|secrets| secrets.get(label));
        let keys: Option<Box<dyn RecordProtection>> = match server.version {
            TLS_1_2 => {
                let suite = tls12::Suite::by_code(server.suite).ok_or(unknown)?;
                let client = self.client.as_ref().ok_or(OpenError::NoHellos { direction, at })?.random;
                let randoms = Randoms { client, server: server.random };
                let keys = secret.and_then(|master| Tls12::new(suite, master, &randoms, direction));
                keys.map(|keys| Box::new(keys) as _)
            }
            TLS_1_3 => {
                let suite = tls13::Suite::by_code(server.suite).ok_or(unknown)?;
                secret.and_then(|secret| Tls13::new(suite, secret)).map(|keys| Box::new(keys) as _)
            }
            version => return Err(OpenError::UnsupportedVersion { version }),
        };
        keys.ok_or(OpenError::NoSecret { direction, label, at })
    }

    pub(super) fn finish(mut self, kind: Kind, to_acceptor: OneWay, to_dialer: OneWay) -> Opened {
        self.alerts.sort_by_key(|alert| alert.order);
        Opened {
            kind,
            keys: self.keys,
            version: self.server.map(|server| ProtocolVersion::from(server.version)),
            cipher_suite: self.server.map(|server| CipherSuite::from(server.suite)),
            server_name: self.client.and_then(|client| client.server_name),
            handshake_complete: to_acceptor.finished && to_dialer.finished,
            to_acceptor,
            to_dialer,
            alerts: self.alerts,
            errors: self.errors,
        }
    }
}

/// The key log's name of a secret.
fn label(version: u16, direction: Direction, epoch: Epoch) -> &'static str {
    if version < TLS_1_3 {
        return "CLIENT_RANDOM";
    }
    match (direction, epoch) {
        (Direction::ToAcceptor, Epoch::Handshake) => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        (Direction::ToDialer, Epoch::Handshake) => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        (Direction::ToAcceptor, Epoch::Application) => "CLIENT_TRAFFIC_SECRET_0",
        (Direction::ToDialer, Epoch::Application) => "SERVER_TRAFFIC_SECRET_0",
    }
}
