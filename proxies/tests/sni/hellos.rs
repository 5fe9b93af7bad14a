//! Hellos for tests: real ones, as rustls writes them, and hand-made ones that no library would write.

use std::sync::Arc;

use proxies::{
    rustls::{
        ClientConfig, ClientConnection, RootCertStore,
        client::{EchConfig, EchMode},
        crypto::{
            CryptoProvider, SupportedKxGroup,
            aws_lc_rs::{hpke, kx_group},
            hpke::Hpke,
        },
        pki_types::ServerName,
    },
    tls::provider,
};

const HANDSHAKE_RECORD: u8 = 22;
pub(crate) const RECORD_HEADER: usize = 5;

/// A key exchange without and one with a post-quantum part: about 500 bytes and more than 1,700.
pub(crate) fn sizes() -> [(&'static str, Vec<u8>); 2] {
    let classic = real("identity.cloud.invalid", kx_group::X25519);
    let post_quantum = real("identity.cloud.invalid", kx_group::X25519MLKEM768);
    assert!((450..600).contains(&classic.len()), "{}", classic.len());
    assert!((1_701..2_000).contains(&post_quantum.len()), "{}", post_quantum.len());
    [("X25519", classic), ("X25519MLKEM768", post_quantum)]
}

/// What rustls sends first, in one record.
pub(crate) fn real(name: &str, group: &'static dyn SupportedKxGroup) -> Vec<u8> {
    let mut config = client(RootCertStore::empty(), group);
    // As many as it takes to reach the sizes of browsers' hellos.
    config.alpn_protocols = (0..4).map(|n| format!("{n}{}", "-protocol".repeat(7)).into_bytes()).collect();
    first_of(config, name)
}

/// What a client sends first.
pub(crate) fn first_of(config: impl Into<Arc<ClientConfig>>, name: &str) -> Vec<u8> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(config.into(), name).unwrap();
    let mut wire = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut wire).unwrap();
    }
    wire
}

/// What rustls sends first if the server's true name is encrypted (ECH) and only `outer` is there for all to see.
pub(crate) fn encrypted(inner: &str, outer: &str) -> Vec<u8> {
    const VERSION: [u8; 2] = [0xfe, 0x0d];
    let suite = hpke::DH_KEM_X25519_HKDF_SHA256_AES_128;
    let (public, _private) = suite.generate_key_pair().unwrap();
    let contents: [&[u8]; 6] = [
        // Its number, and DHKEM(X25519, HKDF-SHA256).
        &[7, 0, 0x20],
        &vector(2, &public.0),
        // HKDF-SHA256 with AES-128-GCM.
        &vector(2, &[0, 1, 0, 1]),
        // The longest name to be padded for.
        &[64],
        &vector(1, outer.as_bytes()),
        &vector(2, b""),
    ];
    let list = vector(2, &[&VERSION[..], &vector(2, &contents.concat())].concat());
    let ech = EchConfig::new(list.into(), &[suite]).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_ech(EchMode::Enable(ech))
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    first_of(config, inner)
}

/// A client that offers TLS 1.2 and 1.3 with one key exchange group.
pub(crate) fn client(roots: RootCertStore, group: &'static dyn SupportedKxGroup) -> ClientConfig {
    let provider = CryptoProvider { kx_groups: vec![group], ..(*provider()).clone() };
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// The same handshake bytes with the first record ending after `at` of them.
pub(crate) fn cut_record(wire: &[u8], at: usize) -> Vec<u8> {
    let (one, other) = wire[RECORD_HEADER..].split_at(at);
    [record(one), record(other)].concat()
}

/// The same handshake bytes in records of at most `longest`.
pub(crate) fn in_records_of(wire: &[u8], longest: usize) -> Vec<u8> {
    wire[RECORD_HEADER..].chunks(longest).flat_map(record).collect()
}

pub(crate) fn record(body: &[u8]) -> Vec<u8> {
    [&[HANDSHAKE_RECORD, 3, 1][..], &vector(2, body)].concat()
}

/// A body behind its length in `width` bytes.
pub(crate) fn vector(width: usize, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u64).to_be_bytes();
    [&length[8 - width..], body].concat()
}

/// A hand-made hello in one record.
pub(crate) fn made(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    record(&message(extensions))
}

/// A hand-made hello as a handshake message: session id 7, 7, one suite behind a GREASE one.
pub(crate) fn message(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let extensions: Vec<u8> = extensions
        .iter()
        .flat_map(|(number, content)| [&number.to_be_bytes()[..], &vector(2, content)].concat())
        .collect();
    let fields: [&[u8]; 6] = [
        &[3, 3],
        &[9; 32],
        &vector(1, &[7; 2]),
        &vector(2, &[0x1a, 0x1a, 0x13, 1]),
        &[1, 0],
        &vector(2, &extensions),
    ];
    [&[1][..], &vector(3, &fields.concat())].concat()
}

/// The `server_name` extension with one host name.
pub(crate) fn asks_for(name: &[u8]) -> (u16, Vec<u8>) {
    (0, vector(2, &host_name(name)))
}

/// One entry of a server name list.
pub(crate) fn host_name(name: &[u8]) -> Vec<u8> {
    [&[0][..], &vector(2, name)].concat()
}
