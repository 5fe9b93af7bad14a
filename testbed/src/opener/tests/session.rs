//! A real TLS session between two rustls endpoints in memory, and the transcript a tap would have of it.

use std::{
    io::{Read, Write},
    sync::{Arc, OnceLock},
};

use rcgen::{
    CertificateParams, CertifiedKey, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm,
};
use rustls::{
    ClientConfig, ClientConnection, Connection, HandshakeKind, RootCertStore, ServerConfig, ServerConnection,
    SupportedCipherSuite, SupportedProtocolVersion,
    client::{Resumption, Tls12Resumption},
    crypto::{
        CryptoProvider,
        aws_lc_rs::{ALL_CIPHER_SUITES, DEFAULT_CIPHER_SUITES, Ticketer, default_provider, kx_group},
    },
    pki_types::PrivateKeyDer,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};

use crate::{
    keylog::KeyLogStore,
    opener::{Opened, Opener},
    vocabulary::Direction,
};

/// What to vary.
pub(super) struct Setup {
    pub(super) suite: Option<SupportedCipherSuite>,
    pub(super) version: &'static SupportedProtocolVersion,
    pub(super) fragment: Option<usize>,
    pub(super) twist: Twist,
}

/// What is unusual about a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Twist {
    None,
    /// The server wants another key share than the client guessed.
    Retry,
    /// The client trusts nobody.
    EmptyRoots,
    /// The server knows none of the client's suites.
    NoCommonSuite,
    /// The server asks for a certificate, and the client has none.
    ClientCertificateWanted,
    /// Both allow data before the end of a resumed handshake.
    EarlyData,
    /// The server remembers sessions of TLS 1.2 itself and hands out no ticket.
    SessionIds,
    /// The server remembers nothing: sessions of TLS 1.2 are resumed by ticket.
    Tickets,
}

impl Default for Setup {
    fn default() -> Self {
        Self { suite: None, version: &rustls::version::TLS13, fragment: None, twist: Twist::None }
    }
}

/// All suites of a version: three of TLS 1.3, six of TLS 1.2.
pub(super) fn suites(version: &SupportedProtocolVersion) -> Vec<SupportedCipherSuite> {
    let of = |suite: &SupportedCipherSuite| suite.version().version == version.version;
    ALL_CIPHER_SUITES.iter().copied().filter(of).collect()
}

type Certified = CertifiedKey<KeyPair>;

fn self_signed(algorithm: &'static SignatureAlgorithm) -> Certified {
    let params = CertificateParams::new(["identity.cloud.invalid".to_owned()]).unwrap();
    let signing_key = KeyPair::generate_for(algorithm).unwrap();
    CertifiedKey { cert: params.self_signed(&signing_key).unwrap(), signing_key }
}

fn certified() -> &'static Certified {
    static CERTIFIED: OnceLock<Certified> = OnceLock::new();
    CERTIFIED.get_or_init(|| self_signed(&PKCS_ECDSA_P256_SHA256))
}

/// For suites that sign with RSA.
fn certified_rsa() -> &'static Certified {
    static CERTIFIED: OnceLock<Certified> = OnceLock::new();
    CERTIFIED.get_or_init(|| self_signed(&PKCS_RSA_SHA256))
}

fn roots(certified: &Certified) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    roots
}

impl Setup {
    pub(super) fn pair(self) -> Pair {
        let keys = KeyLogStore::default();
        let configs = (Arc::new(self.client(&keys)), Arc::new(self.server(&keys)));
        Pair::new(configs, keys)
    }

    fn provider(&self) -> CryptoProvider {
        let cipher_suites = self.suite.map_or_else(|| DEFAULT_CIPHER_SUITES.to_vec(), |suite| vec![suite]);
        CryptoProvider { cipher_suites, ..default_provider() }
    }

    fn certified(&self) -> &'static Certified {
        let name = self.suite.and_then(|suite| suite.suite().as_str());
        if name.is_some_and(|name| name.contains("_RSA_")) { certified_rsa() } else { certified() }
    }

    fn client(&self, keys: &KeyLogStore) -> ClientConfig {
        let mut provider = self.provider();
        if self.twist == Twist::Retry {
            provider.kx_groups = vec![kx_group::X25519, kx_group::SECP384R1];
        }
        if self.twist == Twist::NoCommonSuite {
            provider.cipher_suites = vec![suites(self.version)[0]];
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[self.version])
            .unwrap()
            .with_root_certificates(if self.twist == Twist::EmptyRoots {
                RootCertStore::empty()
            } else {
                roots(self.certified())
            })
            .with_no_client_auth();
        config.resumption = Resumption::in_memory_sessions(4).tls12_resumption(match self.twist {
            Twist::SessionIds => Tls12Resumption::SessionIdOnly,
            _ => Tls12Resumption::SessionIdOrTickets,
        });
        config.max_fragment_size = self.fragment;
        config.enable_early_data = self.twist == Twist::EarlyData;
        config.key_log = Arc::new(keys.clone());
        config
    }

    fn server(&self, keys: &KeyLogStore) -> ServerConfig {
        let mut provider = self.provider();
        if self.twist == Twist::Retry {
            provider.kx_groups = vec![kx_group::SECP384R1];
        }
        if self.twist == Twist::NoCommonSuite {
            provider.cipher_suites = vec![suites(self.version)[1]];
        }
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[self.version])
            .unwrap();
        let builder = if self.twist == Twist::ClientCertificateWanted {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots(self.certified())), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let CertifiedKey { cert, signing_key } = self.certified();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let mut config = builder.with_single_cert(vec![cert.der().clone()], key).unwrap();
        if self.twist == Twist::Tickets {
            config.ticketer = Ticketer::new().unwrap();
            config.session_storage = Arc::new(NoServerSessionStorage {});
        }
        config.max_fragment_size = self.fragment;
        config.max_early_data_size = if self.twist == Twist::EarlyData { 1000 } else { 0 };
        config.key_log = Arc::new(keys.clone());
        config
    }
}

/// Two endpoints and what crossed between them.
pub(super) struct Pair {
    client: Connection,
    server: Connection,
    chunks: Vec<(Direction, Vec<u8>)>,
    configs: Configs,
    keys: KeyLogStore,
}

type Configs = (Arc<ClientConfig>, Arc<ServerConfig>);

impl Pair {
    fn new(configs: Configs, keys: KeyLogStore) -> Self {
        let name = "identity.cloud.invalid".try_into().unwrap();
        let client = ClientConnection::new(configs.0.clone(), name).unwrap();
        let server = ServerConnection::new(configs.1.clone()).unwrap();
        Self { client: client.into(), server: server.into(), chunks: Vec::new(), configs, keys }
    }

    /// The same two endpoints on a new connection, with the tickets they have.
    pub(super) fn again(self) -> Self {
        Self::new(self.configs, self.keys)
    }

    /// Did this connection begin with what both know of an earlier one?
    pub(super) fn is_resumed(&self) -> bool {
        self.client.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// How many bytes the client sends before the handshake.
    pub(super) fn client_says_early(&mut self, bytes: &[u8]) -> usize {
        let Connection::Client(client) = &mut self.client else { unreachable!("it was made from one") };
        client.early_data().unwrap().write(bytes).unwrap()
    }

    /// Up to where both are done, or one refuses.
    pub(super) fn handshake(&mut self) {
        self.exchange();
    }

    pub(super) fn client_says(&mut self, bytes: &[u8]) {
        say(&mut self.client, bytes);
        self.exchange();
    }

    pub(super) fn server_says(&mut self, bytes: &[u8]) {
        say(&mut self.server, bytes);
        self.exchange();
    }

    pub(super) fn client_updates_keys(&mut self) {
        self.client.refresh_traffic_keys().unwrap();
        self.exchange();
    }

    pub(super) fn server_updates_keys(&mut self) {
        self.server.refresh_traffic_keys().unwrap();
        self.exchange();
    }

    pub(super) fn close(&mut self) {
        self.client.send_close_notify();
        self.server.send_close_notify();
        self.exchange();
    }

    pub(super) fn transcript(self) -> Transcript {
        Transcript { chunks: self.chunks, keys: self.keys }
    }

    /// Until neither has anything to send.
    fn exchange(&mut self) {
        while self.client.wants_write() || self.server.wants_write() {
            let flight = cross(&mut self.client, &mut self.server);
            self.chunks.extend(flight.map(|bytes| (Direction::ToAcceptor, bytes)));
            let flight = cross(&mut self.server, &mut self.client);
            self.chunks.extend(flight.map(|bytes| (Direction::ToDialer, bytes)));
        }
    }
}

fn say(endpoint: &mut Connection, bytes: &[u8]) {
    endpoint.set_buffer_limit(None);
    endpoint.writer().write_all(bytes).unwrap();
}

fn cross(from: &mut Connection, to: &mut Connection) -> Option<Vec<u8>> {
    let mut flight = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut flight).unwrap();
    }
    let mut rest = &flight[..];
    while !rest.is_empty() {
        if to.read_tls(&mut rest).unwrap() == 0 {
            break;
        }
        // A refusal shows as an error here and as an alert in the transcript.
        if to.process_new_packets().is_err() {
            break;
        }
        let _ = to.reader().read_to_end(&mut Vec::new());
    }
    (!flight.is_empty()).then_some(flight)
}

/// A part of the server's hello.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Version,
    Suite,
}

/// What a tap captured, and the key log of the run.
#[derive(Clone)]
pub(super) struct Transcript {
    pub(super) chunks: Vec<(Direction, Vec<u8>)>,
    pub(super) keys: KeyLogStore,
}

impl Transcript {
    pub(super) fn of(chunks: Vec<(Direction, Vec<u8>)>) -> Self {
        Self { chunks, keys: KeyLogStore::default() }
    }

    pub(super) fn open(&self) -> Opened {
        self.open_with(&self.keys)
    }

    pub(super) fn open_with(&self, keys: &KeyLogStore) -> Opened {
        let mut opener = Opener::new(keys);
        for (direction, bytes) in &self.chunks {
            opener.feed(*direction, bytes);
        }
        opener.finish()
    }

    pub(super) fn stream(&self, direction: Direction) -> Vec<u8> {
        self.chunks
            .iter()
            .filter(|(which, _)| *which == direction)
            .flat_map(|(_, bytes)| bytes.clone())
            .collect()
    }

    /// The content types of a direction's records, as on the wire.
    pub(super) fn record_kinds(&self, direction: Direction) -> Vec<u8> {
        let stream = self.stream(direction);
        let (mut rest, mut kinds) = (&stream[..], Vec::new());
        while let [kind, _, _, high, low, body @ ..] = rest {
            kinds.push(*kind);
            rest = &body[usize::from(u16::from_be_bytes([*high, *low]))..];
        }
        kinds
    }

    /// The same flow with another suite, or version, in the server's hello: what it looks like where those were
    /// negotiated, up to the first protected record.
    pub(super) fn with_server_hello(&self, at: Field, value: u16) -> Self {
        let stream = self.stream(Direction::ToDialer);
        // Headers of record and message; version, random, session id, suite.
        let at = 9 + match at {
            Field::Version => 0,
            Field::Suite => 2 + 32 + 1 + usize::from(stream[43]),
        };
        let mut before = 0;
        self.map(Direction::ToDialer, |bytes| {
            let mut bytes = bytes.to_vec();
            for (at, byte) in (at..).zip(value.to_be_bytes()) {
                if let Some(slot) = at.checked_sub(before).and_then(|at| bytes.get_mut(at)) {
                    *slot = byte;
                }
            }
            before += bytes.len();
            vec![bytes]
        })
    }

    /// The random of the client's hello.
    pub(super) fn client_random(&self) -> [u8; 32] {
        self.stream(Direction::ToAcceptor)[11..43].try_into().unwrap()
    }

    /// The same flow up to the client's `ChangeCipherSpec`.
    pub(super) fn ending_with_change(&self) -> Self {
        let stream = self.stream(Direction::ToAcceptor);
        let change = stream.windows(6).position(|bytes| bytes == [20, 3, 3, 0, 1, 1]).unwrap();
        self.ending(Direction::ToAcceptor, change + 6)
    }

    /// The same flow without a direction's `ChangeCipherSpec`.
    pub(super) fn without_change(&self, direction: Direction) -> Self {
        let stream = self.stream(direction);
        let (mut rest, mut kept) = (&stream[..], Vec::new());
        while let [kind, _, _, high, low, ..] = rest {
            let (record, after) = rest.split_at(5 + usize::from(u16::from_be_bytes([*high, *low])));
            if *kind != 20 {
                kept.extend_from_slice(record);
            }
            rest = after;
        }
        let mut flow = self.without(direction);
        flow.chunks.push((direction, kept));
        flow
    }

    /// The same bytes, with one more cut after `at` bytes of a direction.
    pub(super) fn cut(&self, direction: Direction, at: usize) -> Self {
        let mut left = at;
        self.map(direction, |bytes| {
            let cut = left.min(bytes.len());
            left -= cut;
            vec![bytes[..cut].to_vec(), bytes[cut..].to_vec()]
        })
    }

    /// The same flow, captured only up to `end` bytes of a direction.
    pub(super) fn ending(&self, direction: Direction, end: usize) -> Self {
        let mut left = end;
        self.map(direction, |bytes| {
            let kept = left.min(bytes.len());
            left -= kept;
            vec![bytes[..kept].to_vec()]
        })
    }

    /// The same flow with a bit of one byte changed.
    pub(super) fn flipping(&self, direction: Direction, at: usize) -> Self {
        let mut before = 0;
        self.map(direction, |bytes| {
            let mut bytes = bytes.to_vec();
            if let Some(byte) = at.checked_sub(before).and_then(|at| bytes.get_mut(at)) {
                *byte ^= 0x10;
            }
            before += bytes.len();
            vec![bytes]
        })
    }

    pub(super) fn without(&self, direction: Direction) -> Self {
        self.map(direction, |_| Vec::new())
    }

    pub(super) fn byte_by_byte(&self) -> Self {
        self.chunked(1)
    }

    pub(super) fn chunked(&self, size: usize) -> Self {
        let chunks = self
            .chunks
            .iter()
            .flat_map(|(direction, bytes)| bytes.chunks(size).map(|chunk| (*direction, chunk.to_vec())))
            .collect();
        Self { chunks, keys: self.keys.clone() }
    }

    /// All bytes of one direction in one chunk, then all of the other.
    pub(super) fn one_direction_first(&self, first: Direction) -> Self {
        let second = match first {
            Direction::ToAcceptor => Direction::ToDialer,
            Direction::ToDialer => Direction::ToAcceptor,
        };
        let chunks = [first, second].map(|direction| (direction, self.stream(direction))).to_vec();
        Self { chunks, keys: self.keys.clone() }
    }

    fn map(&self, direction: Direction, mut change: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Self {
        let chunks = self
            .chunks
            .iter()
            .flat_map(|(which, bytes)| {
                let chunks = if *which == direction { change(bytes) } else { vec![bytes.clone()] };
                chunks.into_iter().map(|chunk| (*which, chunk))
            })
            .collect();
        Self { chunks, keys: self.keys.clone() }
    }
}
