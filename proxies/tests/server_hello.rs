//! The look at a `ServerHello`: which session it names, whatever the cuts; whatever the bytes, an answer.
#![allow(clippy::unwrap_used)]

mod sni;

use std::sync::Arc;

use proptest::prelude::*;
use proxies::{
    peek::{NoHello, PeekServer, Peeked, ServerHello},
    rustls::{
        ClientConfig, HandshakeKind, ProtocolVersion, ServerConfig, SupportedProtocolVersion,
        crypto::{CryptoProvider, aws_lc_rs::kx_group},
        server::ServerSessionMemoryCache,
    },
    tls::provider,
};
use sni::{
    hellos::{RECORD_HEADER, in_records_of, record, vector},
    servers::{Sessions, TLS12_ONLY, TLS13_ONLY, client_of, first_flights, own, server, shake},
};

const LIMIT: usize = 4 * 1024;
const NAME: &str = "a.invalid";

fn peek(wire: &[u8]) -> Peeked<ServerHello> {
    PeekServer::new(LIMIT).feed(wire).clone()
}

fn hello(wire: &[u8]) -> ServerHello {
    match peek(wire) {
        Peeked::Hello(hello) => hello,
        other => panic!("no hello but {other:?}"),
    }
}

/// A client and a server that know each other.
fn pair(
    sessions: Sessions,
    versions: &[&'static SupportedProtocolVersion],
) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
    let own = own(NAME);
    (Arc::new(client_of(&own.0, versions, &[])), Arc::new(server(&own, sessions)))
}

fn answer(sessions: Sessions, versions: &[&'static SupportedProtocolVersion]) -> Vec<u8> {
    let (client, server) = pair(sessions, versions);
    first_flights(client, server, NAME).1
}

#[test]
fn a_server_that_keeps_sessions_names_a_new_one_and_then_the_same_one_again() {
    let (client, server) = pair(Sessions::Ids, TLS12_ONLY);
    let fresh = hello(&first_flights(client.clone(), server.clone(), NAME).1);
    assert_eq!(fresh.version, ProtocolVersion::TLSv1_2);
    assert_eq!(fresh.session().unwrap().len(), 32);
    let other = hello(&first_flights(client.clone(), server.clone(), NAME).1);
    assert_ne!(fresh.session(), other.session());

    shake(client.clone(), server.clone(), NAME);
    let (asked, answered) = first_flights(client.clone(), server.clone(), NAME);
    let asked = match proxies::peek::Peek::new(LIMIT).feed(&asked) {
        Peeked::Hello(hello) => hello.session_id.clone(),
        other => panic!("no hello but {other:?}"),
    };
    assert_eq!(hello(&answered).session(), Some(&asked[..]));
    assert_eq!(shake(client, server, NAME).handshake_kind(), Some(HandshakeKind::Resumed));
}

#[test]
fn without_kept_sessions_and_in_tls_1_3_none_is_named() {
    for sessions in [Sessions::Tickets, Sessions::None] {
        let hello = hello(&answer(sessions, TLS12_ONLY));
        assert_eq!((hello.version, hello.session()), (ProtocolVersion::TLSv1_2, None), "{sessions:?}");
        assert_eq!(hello.session_id, b"", "{sessions:?}");
    }
    let hello = hello(&answer(Sessions::Ids, TLS13_ONLY));
    assert_eq!(hello.version, ProtocolVersion::TLSv1_3);
    assert_eq!(hello.session_id.len(), 32, "it says the client's own value again");
    assert_eq!(hello.session(), None);
}

/// What a server of TLS 1.3 says to a client that guessed another group.
#[test]
fn a_request_to_try_again_names_no_session() {
    let own = own(NAME);
    let client = client_of(&own.0, TLS13_ONLY, &[kx_group::X25519, kx_group::SECP256R1]);
    let picky = CryptoProvider { kx_groups: vec![kx_group::SECP256R1], ..(*provider()).clone() };
    let mut server = ServerConfig::builder_with_provider(Arc::new(picky))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.0.clone()], own.1.clone_key())
        .unwrap();
    server.session_storage = ServerSessionMemoryCache::new(10);
    let (_, answered) = first_flights(Arc::new(client), Arc::new(server), NAME);
    let hello = hello(&answered);
    assert_eq!((hello.version, hello.session()), (ProtocolVersion::TLSv1_3, None));
    assert!(!hello.session_id.is_empty());
    let random_of_a_retry = [0xcf, 0x21, 0xad, 0x74];
    assert_eq!(answered[11..15], random_of_a_retry, "it is one");
}

/// What servers say first, and how many bytes of it are the hello's with its record header.
fn flights() -> [(&'static str, Vec<u8>, usize); 2] {
    [("TLS 1.2", TLS12_ONLY), ("TLS 1.3", TLS13_ONLY)].map(|(version, versions)| {
        let flight = answer(Sessions::Ids, versions);
        let length = usize::from(u16::from_be_bytes([flight[RECORD_HEADER + 2], flight[RECORD_HEADER + 3]]));
        (version, flight, RECORD_HEADER + 4 + length)
    })
}

/// The answer comes with the hello's last byte, whatever follows it, and is the same for every cut.
#[test]
fn every_cut_of_a_record_and_of_the_stream_tells_the_same() {
    for (version, flight, end) in flights() {
        let whole = peek(&flight);
        assert!(matches!(whole, Peeked::Hello(_)), "{version}");
        let body = &flight[RECORD_HEADER..end];
        for at in 1..body.len() {
            let wire = [record(&body[..at]), record(&body[at..]), vec![0xff; 300]].concat();
            let last = wire.len() - 300;
            let stride = if version == "TLS 1.2" { 1 } else { 29 };
            for read in (1..last).step_by(stride).chain([last - 1]) {
                let mut peek = PeekServer::new(LIMIT);
                assert_eq!(*peek.feed(&wire[..read]), Peeked::More, "{version}, record {at}, read {read}");
                assert_eq!(*peek.feed(&wire[read..]), whole, "{version}, record {at}, read {read}");
            }
        }
    }
}

#[test]
fn bytes_one_by_one_in_records_of_any_length_tell_the_same() {
    for (version, flight, end) in flights() {
        let whole = peek(&flight);
        let longest = if version == "TLS 1.2" { 1 } else { 3 };
        for longest in (longest..40).chain([end]) {
            let wire = in_records_of(&flight[..end], longest);
            let mut peek = PeekServer::new(LIMIT);
            let mut told: Vec<_> = wire.chunks(1).map(|byte| peek.feed(byte).clone()).collect();
            assert_eq!(told.pop(), Some(whole.clone()), "{version}, records of {longest}");
            assert!(told.iter().all(|early| *early == Peeked::More), "{version}, records of {longest}");
        }
    }
}

type Extensions = Vec<(u16, Vec<u8>)>;

/// A hand-made hello as a handshake message.
fn made(legacy: [u8; 2], session_id: &[u8], extensions: Option<&[(u16, Vec<u8>)]>) -> Vec<u8> {
    let each = |(number, content): &(u16, Vec<u8>)| [&number.to_be_bytes()[..], &vector(2, content)].concat();
    let extensions = extensions.map(|all| vector(2, &all.iter().flat_map(each).collect::<Vec<u8>>()));
    let fields =
        [&legacy[..], &[9; 32], &vector(1, session_id), &[0xc0, 0x2b, 0], &extensions.unwrap_or_default()];
    [&[2][..], &vector(3, &fields.concat())].concat()
}

#[test]
fn what_names_a_session_is_the_version_chosen() {
    let chosen = |version: [u8; 2]| vec![(43, version.to_vec())];
    let named: [([u8; 2], Option<Extensions>, bool); 6] = [
        ([3, 3], None, true),
        ([3, 3], Some(vec![]), true),
        ([3, 1], Some(vec![(0xff01, vec![0])]), true),
        ([3, 3], Some(chosen([3, 4])), false),
        ([3, 3], Some(chosen([3, 5])), false),
        ([3, 4], None, false),
    ];
    for (legacy, extensions, named) in named {
        let hello = hello(&record(&made(legacy, b"session", extensions.as_deref())));
        assert_eq!(hello.session(), named.then_some(&b"session"[..]), "{legacy:?} {extensions:?}");
    }
    assert_eq!(hello(&record(&made([3, 3], b"", None))).session(), None);
}

#[test]
fn whatever_is_no_hello_is_told_so() {
    let good = made([3, 3], b"session", None);
    let cases = [
        ("an alert", vec![21, 3, 3, 0, 2, 2, 40], NoHello::NotTls),
        ("plain HTTP", b"HTTP/1.1 400 Bad Request".to_vec(), NoHello::NotTls),
        ("a client's hello", record(&[1]), NoHello::Malformed),
        ("a hello's wish to begin", record(&[0, 0, 0, 0]), NoHello::Malformed),
        ("an id of 33 bytes", record(&made([3, 3], &[7; 33], None)), NoHello::Malformed),
        ("an odd version", record(&made([3, 3], b"", Some(&[(43, vec![3])]))), NoHello::Malformed),
        ("two versions", record(&made([3, 3], b"", Some(&[(43, vec![3, 4, 3, 3])]))), NoHello::Malformed),
        (
            "a version twice",
            record(&made([3, 3], b"", Some(&[(43, vec![3, 4]), (43, vec![3, 3])]))),
            NoHello::Malformed,
        ),
        ("4 KiB announced", record(&[2, 0, 0x10, 0]), NoHello::TooLarge),
        ("an alert inside", [record(&good[..20]), vec![21, 3, 3]].concat(), NoHello::Malformed),
    ];
    for (case, wire, reason) in cases {
        assert_eq!(peek(&wire), Peeked::Refused(reason), "{case}");
    }
    for end in 0..good.len() - 4 {
        let short = [&[2][..], &vector(3, &good[4..4 + end])].concat();
        assert_eq!(peek(&record(&short)), Peeked::Refused(NoHello::Malformed), "{end}");
    }
    let dripping = in_records_of(&record(&made([3, 3], b"", Some(&[(21, vec![0; 1_000])]))), 1);
    assert_eq!(peek(&dripping), Peeked::Refused(NoHello::TooLarge), "headers count");
}

proptest! {
    #[test]
    fn no_bytes_panic_and_pieces_do_not_matter(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        overwritten in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        lengths in prop::collection::vec(1_usize..60, 1..6),
        longest in 1_usize..200,
        limit in 1_usize..400,
    ) {
        let mut good = record(&made([3, 3], b"session", Some(&[(43, vec![3, 4]), (51, vec![0; 36])])));
        for (at, byte) in overwritten {
            let at = at.index(good.len());
            good[at] = byte;
        }
        let raw = [&[2][..], &vector(3, &bytes)].concat();
        for wire in [bytes.clone(), record(&bytes), record(&raw), in_records_of(&good, longest), good] {
            let mut pieces = PeekServer::new(limit);
            let mut rest = &wire[..];
            for &length in lengths.iter().cycle() {
                if rest.is_empty() { break; }
                let (piece, after) = rest.split_at(length.min(rest.len()));
                pieces.feed(piece);
                rest = after;
            }
            let mut whole = PeekServer::new(limit);
            prop_assert_eq!(pieces.feed(&[]), whole.feed(&wire));
        }
    }
}
