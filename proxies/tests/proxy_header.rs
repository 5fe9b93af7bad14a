//! The PROXY protocol: as transcripts of bytes, and as stories over memory and real TCP.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use proptest::prelude::*;
use proxies::{
    balance::{Backend, Group, Policy},
    caller::Caller,
    codec::{BackCodec, FrontCodec},
    guard::Entrance,
    proxy::{Forward, Proxy},
    proxy_header::{
        Accept, BadHeader, Header, LONGEST_V1, LONGEST_V2, Parsed, Peer, Version, fuzz::fuzz_header, parse,
        read,
    },
    serve::Tally,
    tls::Verification,
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use support::Authority;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, duplex},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn between(source: &str, destination: &str) -> Header {
    Header::For { source: source.parse().unwrap(), destination: destination.parse().unwrap() }
}

fn binary(kind: [u8; 2], content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [SIGNATURE, &kind, &length, content].concat()
}

const FOUR: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 1, 0xbb];

fn refused(bytes: &[u8]) -> BadHeader {
    match parse(bytes) {
        Parsed::Refused(reason) => reason,
        other => panic!("{other:?} of {:?}", String::from_utf8_lossy(bytes)),
    }
}

#[test]
fn headers_are_written_as_the_specification_has_them() {
    let four = between("192.0.2.1:12345", "198.51.100.2:443");
    let six = between("[2001:db8::1]:1", "[2001:db8::2]:65535");
    assert_eq!(four.encode(Version::V1), b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n");
    assert_eq!(six.encode(Version::V1), b"PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n");
    assert_eq!(Header::Own.encode(Version::V1), b"PROXY UNKNOWN\r\n");
    assert_eq!(four.encode(Version::V2), binary([0x21, 0x11], &FOUR));
    let mut expected = [0; 36];
    expected[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    (expected[15], expected[31]) = (1, 2);
    expected[16..20].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
    expected[32..].copy_from_slice(&[0, 1, 0xff, 0xff]);
    assert_eq!(six.encode(Version::V2), binary([0x21, 0x21], &expected));
    assert_eq!(Header::Own.encode(Version::V2), binary([0x20, 0], b""));
    let mixed = between("192.0.2.1:1", "[2001:db8::2]:2");
    for version in [Version::V1, Version::V2] {
        assert_eq!(mixed.encode(version), Header::Own.encode(version));
    }
}

#[test]
fn what_a_header_says() {
    let four = between("192.0.2.1:12345", "198.51.100.2:443");
    let longest = b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535".to_vec();
    let widest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let full = format!("PROXY TCP6 {widest} {widest} 65535 65535\r\n");
    let mut checked = [&FOUR[..], &[3, 0, 4, 0, 0, 0, 0], &[4, 0, 1, 9]].concat();
    let sum = crc32c(&binary([0x21, 0x11], &checked)).to_be_bytes();
    checked[15..19].copy_from_slice(&sum);
    let cases: Vec<(Vec<u8>, Header)> = vec![
        (b"PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n".to_vec(), four),
        (b"PROXY TCP6 :: ::1 0 0\r\n".to_vec(), between("[::]:0", "[::1]:0")),
        (full.into_bytes(), between(&format!("[{widest}]:65535"), &format!("[{widest}]:65535"))),
        (b"PROXY UNKNOWN\r\n".to_vec(), Header::Own),
        ([&longest[..], b"\r\n"].concat(), Header::Own),
        (binary([0x20, 0], b""), Header::Own),
        (binary([0x20, 0xff], b"whatever"), Header::Own),
        (binary([0x21, 0], b"\x01\x02"), Header::Own),
        (binary([0x21, 0x11], &FOUR), four),
        (binary([0x21, 0x11], &[&FOUR[..], &[2, 0, 1, b'a', 4, 0, 0]].concat()), four),
        (binary([0x21, 0x11], &checked), four),
        (binary([0x21, 0x31], &[7; 216]), Header::Own),
        (binary([0x20, 0], &vec![0; LONGEST_V2 - 16]), Header::Own),
    ];
    for (bytes, header) in cases {
        assert_eq!(
            parse(&bytes),
            Parsed::Whole(header, bytes.len()),
            "{:?}",
            String::from_utf8_lossy(&bytes)
        );
        // Cut anywhere it asks for more, and never for more than there is.
        for at in 0..bytes.len() {
            assert!(
                matches!(parse(&bytes[..at]), Parsed::More(more) if (1..=bytes.len() - at).contains(&more)),
                "{at} of {:?}: {:?}",
                String::from_utf8_lossy(&bytes),
                parse(&bytes[..at])
            );
        }
        // What follows changes nothing.
        let more = [&bytes[..], b"\x16\x03\x01"].concat();
        assert_eq!(parse(&more), Parsed::Whole(header, bytes.len()));
    }
}

/// Castagnoli's checksum, written another way than the code under test.
fn crc32c(bytes: &[u8]) -> u32 {
    let fold = |sum: u32, byte: &u8| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| {
                if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 }
            },
        )
    };
    !bytes.iter().fold(!0, fold)
}

#[test]
fn what_is_no_header_is_refused_with_a_reason() {
    let wrong_sum = [&FOUR[..], &[3, 0, 4, 1, 2, 3, 4]].concat();
    let text: [(&str, BadHeader); 24] = [
        ("GET / HTTP/1.1\r\n", BadHeader::NotAHeader),
        ("\u{16}\u{3}\u{1}", BadHeader::NotAHeader),
        ("proxy TCP4 ", BadHeader::NotAHeader),
        ("PROXYTCP4", BadHeader::NotAHeader),
        ("\r\nGET /", BadHeader::NotAHeader),
        ("PROXY \r\n", BadHeader::Malformed),
        ("PROXY TCP4\r\n", BadHeader::Malformed),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n", BadHeader::Malformed),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n", BadHeader::Malformed),
        ("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n", BadHeader::Malformed),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n", BadHeader::Malformed),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX", BadHeader::Malformed),
        ("PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n", BadHeader::Malformed),
        ("PROXY UNKNOWNX\r\n", BadHeader::Malformed),
        ("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", BadHeader::Unsupported),
        ("PROXY TCP4 1.2.3.4 ::1 1 2\r\n", BadHeader::Address),
        ("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n", BadHeader::Address),
        ("PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n", BadHeader::Address),
        ("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", BadHeader::Address),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n", BadHeader::Address),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n", BadHeader::Address),
        ("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n", BadHeader::Address),
        ("PROXY TCP4 1.2.3.4 1.2.3.4  2\r\n", BadHeader::Address),
        ("PROXY TCP4 a.invalid 1.2.3.4 1 2\r\n", BadHeader::Address),
    ];
    for (bytes, reason) in text {
        assert_eq!(refused(bytes.as_bytes()), reason, "{bytes:?}");
    }
    let long = |beginning: &str| [beginning.as_bytes(), &[b'f'; LONGEST_V1]].concat();
    let binary: [(Vec<u8>, BadHeader); 13] = [
        (long("PROXY TCP6 "), BadHeader::TooLong),
        (long("PROXY UNKNOWN "), BadHeader::TooLong),
        (b"\r\n\r\n\0\r\nQUIT\r".to_vec(), BadHeader::NotAHeader),
        ([SIGNATURE, &[0x11]].concat(), BadHeader::Malformed),
        ([SIGNATURE, &[0x22]].concat(), BadHeader::Unsupported),
        (binary([0x21, 0x12], &FOUR), BadHeader::Unsupported),
        (binary([0x21, 0x41], &FOUR), BadHeader::Unsupported),
        (binary([0x21, 0x11], &FOUR[..11]), BadHeader::Address),
        (binary([0x21, 0x21], &FOUR), BadHeader::Address),
        (binary([0x21, 0x11], &[&FOUR[..], &[4, 0, 9]].concat()), BadHeader::Malformed),
        (binary([0x21, 0x11], &[&FOUR[..], &[3, 0, 1, 0]].concat()), BadHeader::Malformed),
        (binary([0x21, 0x11], &wrong_sum), BadHeader::Checksum),
        // At its 16th byte, before the rest is there.
        (binary([0x20, 0], &vec![0; LONGEST_V2 - 15])[..16].to_vec(), BadHeader::TooLong),
    ];
    for (bytes, reason) in binary {
        assert_eq!(refused(&bytes), reason, "{bytes:?}");
    }
}

fn address() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<(Ipv4Addr, Ipv4Addr)>().prop_map(|(one, other)| (one.into(), other.into())),
        any::<([u8; 16], [u8; 16])>().prop_map(|(one, other)| (one.into(), other.into())),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        (from, to) in address(),
        ports: (u16, u16),
        second: bool,
        at: prop::sample::Index,
        after in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let header = Header::For {
            source: SocketAddr::new(from, ports.0),
            destination: SocketAddr::new(to, ports.1),
        };
        let bytes = header.encode(if second { Version::V2 } else { Version::V1 });
        prop_assert!(bytes.len() <= LONGEST_V1);
        let cut = at.index(bytes.len());
        prop_assert!(matches!(parse(&bytes[..cut]), Parsed::More(more) if more > 0 && more <= bytes.len() - cut));
        prop_assert_eq!(parse(&[&bytes[..], &after].concat()), Parsed::Whole(header, bytes.len()));
    }

    /// Garbage: no panic, an answer that stands whatever follows, and no header beyond the limits.
    #[test]
    fn an_answer_once_given_stays(
        beginning in prop::sample::select(vec![
            &b""[..], b"PROXY TCP4 1.1.1.1", b"PROXY TCP6 ::", b"PROXY UNKNOWN", SIGNATURE, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x10",
        ]),
        rest in proptest::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(b"\r\n 0123456789.:".to_vec())],
            0..300,
        ),
    ) {
        fuzz_header(&[beginning, &rest].concat());
    }
}

#[tokio::test(start_paused = true)]
async fn not_one_byte_behind_the_header_is_taken() {
    let long = binary([0x20, 0], &vec![9; LONGEST_V2 - 16]);
    let four = between("192.0.2.1:12345", "198.51.100.2:443");
    for bytes in [four.encode(Version::V1), four.encode(Version::V2), Header::Own.encode(Version::V1), long] {
        for pieces in [1, 2, 3, bytes.len()] {
            let (mut near, mut far) = duplex(8 * 1024);
            let (sent, reading) = ([&bytes[..], b"behind it"].concat(), async {
                let header = read(&mut far, Duration::from_secs(1)).await;
                let mut rest = Vec::new();
                far.read_to_end(&mut rest).await.unwrap();
                (header, rest)
            });
            let writing = async {
                for piece in sent.chunks(pieces) {
                    near.write_all(piece).await.unwrap();
                    tokio::task::yield_now().await;
                }
                drop(near);
            };
            let ((header, rest), ()) = tokio::join!(reading, writing);
            assert!(header.is_ok());
            assert_eq!(rest, b"behind it");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_ends_early_or_drips_is_given_up() {
    let whole = between("192.0.2.1:12345", "198.51.100.2:443").encode(Version::V1);
    let (mut near, mut far) = duplex(1024);
    near.write_all(&whole[..30]).await.unwrap();
    drop(near);
    assert_eq!(read(&mut far, Duration::from_secs(3)).await, Err(BadHeader::CutShort));

    let (mut near, mut far) = duplex(1024);
    let began = Instant::now();
    let dripping = async {
        for byte in whole {
            near.write_all(&[byte]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        read = read(&mut far, Duration::from_secs(3)) => assert_eq!(read, Err(BadHeader::TooSlow)),
        () = dripping => unreachable!("a byte a second takes longer than three"),
    }
    assert_eq!(began.elapsed().as_secs(), 3);
}

/// A proxy behind an entrance, with a header towards its place if asked for.
struct Scene {
    to_proxy: MemoryDialer,
    at_service: MemoryListen,
    tally: Arc<Tally>,
}

const PROXY: Party = Party(1);

fn scene(front: FrontCodec, accept: Option<Accept>, header: Option<Version>) -> Scene {
    let (to_proxy, at_proxy) = memory::pair(PROXY);
    let (dial, at_service) = memory::pair(Party(2));
    let place = Backend { name: "service".to_owned(), dial, back: BackCodec::clear(), header };
    let group = Arc::new(Group::new(vec![place], Policy::RoundRobin));
    let entrance = accept.map_or_else(Entrance::default, Entrance::behind);
    let proxy = Proxy { entrance, ..Proxy::new(front, group, Forward::Bytes) };
    let tally = proxy.tally.clone();
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));
    Scene { to_proxy, at_service, tally }
}

fn only(peer: Peer) -> Accept {
    Accept { from: vec![peer] }
}

/// The header the service is sent, and the first word after it.
async fn told(at_service: &mut MemoryListen) -> (Header, Vec<u8>) {
    let (mut served, _) = at_service.accept().await.unwrap();
    let header = read(&mut served, Duration::from_secs(1)).await.unwrap();
    let mut word = vec![0; 5];
    served.read_exact(&mut word).await.unwrap();
    (header, word)
}

#[tokio::test(start_paused = true)]
async fn a_service_is_told_who_calls_in_either_form() {
    for version in [Version::V1, Version::V2] {
        let mut scene = scene(FrontCodec::clear(), None, Some(version));
        let (mut client, ends) = scene.to_proxy.dial().await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let caller = Caller::of(ends);
        assert!(caller.source.is_some());
        assert_eq!(told(&mut scene.at_service).await, (Header::about(&caller), b"hello".to_vec()));
    }
}

/// Two proxies in a row: the second hears from the first, whom it believes, where the client really is.
#[tokio::test(start_paused = true)]
async fn an_address_travels_through_proxies_that_believe_each_other_in_front_of_tls() {
    let public = Authority::new();
    let said = between("203.0.113.7:4711", "203.0.113.1:443");
    let peers = [Peer::Party(PROXY), Peer::Address(Ipv4Addr::new(127, 0, 0, 2))];
    for (peer, version) in [(peers[0], Version::V1), (peers[1], Version::V2)] {
        let front = FrontCodec::terminate(public.server("a.invalid"));
        let mut scene = scene(front, Some(only(peer)), Some(version));
        let (mut wire, _) = scene.to_proxy.dial().await.unwrap();
        wire.write_all(&said.encode(version)).await.unwrap();
        let client = BackCodec::originate(public.client("a.invalid", Verification::Name));
        let mut client = client.connect(wire, Duration::from_secs(5)).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        client.flush().await.unwrap();
        assert_eq!(told(&mut scene.at_service).await, (said, b"hello".to_vec()));
        assert_eq!(scene.tally.proxy_headers.load(Ordering::Relaxed), 1);
    }
}

/// Row G3: whoever may not, can not give himself an address; his header is just a bad beginning.
#[tokio::test(start_paused = true)]
async fn nobody_else_can_give_himself_an_address() {
    let said = between("203.0.113.7:4711", "203.0.113.1:443").encode(Version::V1);
    let stranger = Some(only(Peer::Party(Party(9))));
    let elsewhere = Some(only(Peer::Address(Ipv4Addr::new(127, 0, 0, 9))));
    for accept in [None, stranger, elsewhere] {
        // To a listener that copies, it is the client's bytes like any others, behind the true header.
        let mut clear = scene(FrontCodec::clear(), accept.clone(), Some(Version::V2));
        let (mut client, ends) = clear.to_proxy.dial().await.unwrap();
        client.write_all(&said).await.unwrap();
        let truth = Header::about(&Caller::of(ends));
        assert_eq!(told(&mut clear.at_service).await, (truth, b"PROXY".to_vec()));
        assert_eq!(clear.tally.proxy_headers.load(Ordering::Relaxed), 0);
        // To one that ends TLS, it is bad TLS.
        let public = Authority::new();
        let tls = scene(FrontCodec::terminate(public.server("a.invalid")), accept, None);
        let (mut client, _) = tls.to_proxy.dial().await.unwrap();
        client.write_all(&said).await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();
        assert_eq!(tls.tally.handshakes_failed.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn from_a_believed_peer_the_header_is_required() {
    for first in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PROXY TCP4 1.2.3.4\r\n", b""] {
        let scene = scene(FrontCodec::clear(), Some(only(Peer::Party(PROXY))), None);
        let (mut client, _) = scene.to_proxy.dial().await.unwrap();
        client.write_all(first).await.unwrap();
        let began = Instant::now();
        // Dropped without a word; the silent one when the time for a header is over.
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(began.elapsed().as_secs(), if first.is_empty() { 3 } else { 0 });
        assert_eq!(scene.tally.proxy_headers_refused.load(Ordering::Relaxed), 1);
        assert_eq!(scene.tally.upstream_failed.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_about_nobody_leaves_the_connections_own_ends() {
    for (version, own) in [(Version::V1, Header::Own), (Version::V2, Header::Own)] {
        let mut scene = scene(FrontCodec::clear(), Some(only(Peer::Party(PROXY))), Some(version));
        let (mut client, ends) = scene.to_proxy.dial().await.unwrap();
        client.write_all(&own.encode(version)).await.unwrap();
        client.write_all(b"hello").await.unwrap();
        assert_eq!(told(&mut scene.at_service).await, (Header::about(&Caller::of(ends)), b"hello".to_vec()));
    }
}
