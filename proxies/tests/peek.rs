//! The look at a `ClientHello`: whatever the cuts, the same answer; whatever the bytes, an answer.
#![allow(clippy::unwrap_used)]

mod sni;

use std::sync::Arc;

use proptest::prelude::*;
use proxies::{
    peek::{ClientHello, NoHello, Peek, Peeked, Ticket},
    rustls::{
        ProtocolVersion,
        client::{Resumption, Tls12Resumption},
        crypto::aws_lc_rs::kx_group,
        server::Acceptor,
    },
};
use sni::{
    hellos::{
        self, RECORD_HEADER, asks_for, cut_record, encrypted, first_of, host_name, in_records_of, made,
        message, real, record, vector,
    },
    servers::{Sessions, TLS12_ONLY, TLS13_ONLY, client_of, own, server, shake},
};

const LIMIT: usize = 64 * 1024;

fn peek(wire: &[u8]) -> Peeked {
    Peek::new(LIMIT).feed(wire).clone()
}

fn hello(wire: &[u8]) -> ClientHello {
    match peek(wire) {
        Peeked::Hello(hello) => hello,
        other => panic!("no hello but {other:?}"),
    }
}

fn name(wire: &[u8]) -> Option<String> {
    hello(wire).server_name
}

/// What is known after each of these pieces.
fn answers<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Peeked> {
    let mut peek = Peek::new(LIMIT);
    pieces.into_iter().map(|piece| peek.feed(piece).clone()).collect()
}

/// Two records and two reads: the answer comes with the last byte and is the same. Every pair of cuts for the
/// short hello; for the long one every cut of each kind, paired with each eleventh of the other.
#[test]
fn every_cut_of_a_record_and_of_the_stream_tells_the_same() {
    for (size, wire) in hellos::sizes() {
        let whole = Peeked::Hello(hello(&wire));
        let stride = if wire.len() < 1_000 { 1 } else { 11 };
        for at in 1..wire.len() - RECORD_HEADER {
            let wire = cut_record(&wire, at);
            for read in (1 + at % stride..wire.len()).step_by(stride) {
                let (first, second) = wire.split_at(read);
                let mut peek = Peek::new(LIMIT);
                assert_eq!(*peek.feed(first), Peeked::More, "{size}, record {at}, read {read}");
                assert_eq!(*peek.feed(second), whole, "{size}, record {at}, read {read}");
            }
        }
    }
}

#[test]
fn bytes_one_by_one_in_records_of_any_length_tell_the_same() {
    for (size, wire) in hellos::sizes() {
        let whole = Peeked::Hello(hello(&wire));
        for longest in (1..40).chain([wire.len() / 2, wire.len()]) {
            let wire = in_records_of(&wire, longest);
            let mut told = answers(wire.chunks(1));
            assert_eq!(told.pop(), Some(whole.clone()), "{size}, records of {longest}");
            assert!(told.iter().all(|early| *early == Peeked::More), "{size}, records of {longest}");
        }
    }
}

#[test]
fn a_real_hello_tells_what_it_offers() {
    for (size, wire) in hellos::sizes() {
        let hello = hello(&wire);
        assert_eq!(hello.server_name.as_deref(), Some("identity.cloud.invalid"), "{size}");
        assert_eq!(hello.versions, [ProtocolVersion::TLSv1_3, ProtocolVersion::TLSv1_2], "{size}");
        assert_eq!(hello.session_id.len(), 32, "{size}");
        assert_eq!(hello.random, wire[11..43], "{size}");
        assert!(hello.alpn.len() == 4 && hello.alpn[3].starts_with(b"3-protocol"), "{size}");
        assert!(!hello.early_data, "{size}");
    }
}

/// Clients of every kind before their first session and after it.
#[test]
fn a_hello_tells_how_it_wants_to_come_back() {
    const NAME: &str = "a.invalid";
    let id_only = || Resumption::default().tls12_resumption(Tls12Resumption::SessionIdOnly);
    let cases = [
        (Sessions::Ids, TLS12_ONLY, id_only(), Ticket::Absent, (Ticket::Absent, false)),
        (Sessions::Ids, TLS12_ONLY, Resumption::default(), Ticket::Wanted, (Ticket::Wanted, false)),
        (Sessions::Tickets, TLS12_ONLY, Resumption::default(), Ticket::Wanted, (Ticket::Presented, false)),
        (Sessions::Ids, TLS13_ONLY, Resumption::default(), Ticket::Absent, (Ticket::Absent, true)),
        (Sessions::None, TLS12_ONLY, Resumption::disabled(), Ticket::Absent, (Ticket::Absent, false)),
    ];
    for (sessions, versions, resumption, fresh, again) in cases {
        let case = format!("{sessions:?} {versions:?}");
        let own = own(NAME);
        let mut config = client_of(&own.0, versions, &[]);
        config.resumption = resumption;
        let config = Arc::new(config);
        let first = hello(&first_of(config.clone(), NAME));
        assert_eq!((first.ticket, first.pre_shared_key), (fresh, false), "{case}");
        assert_eq!(first.offers_tls13(), versions == TLS13_ONLY, "{case}");
        assert_eq!(first.offers_session_ids(), versions == TLS12_ONLY, "{case}");
        shake(config.clone(), Arc::new(server(&own, sessions)), NAME);
        let second = hello(&first_of(config, NAME));
        assert_eq!((second.ticket, second.pre_shared_key), again, "{case}");
        let comes_back = sessions != Sessions::None;
        // In TLS 1.3, and beside a ticket, it is a value made up for each hello.
        assert_eq!(second.session().is_some(), comes_back, "{case}");
        assert!(!first.encrypted_hello && !second.encrypted_hello, "{case}");
    }
}

#[test]
fn a_hello_within_a_hello_shows_its_outer_name_and_itself() {
    let wire = encrypted("secret.invalid", "public.invalid");
    let hello = hello(&wire);
    assert_eq!(hello.server_name.as_deref(), Some("public.invalid"));
    assert!(hello.encrypted_hello);
    assert!(!wire.windows(14).any(|window| window == b"secret.invalid"), "the other is nowhere to be seen");
}

#[test]
fn values_reserved_to_be_ignored_are_ignored() {
    let versions = vector(1, &[0x7a, 0x7a, 3, 4, 0xfa, 0xfa, 3, 3]);
    let wire = made(&[
        (0x0a0a, vec![]),
        asks_for(b"a.invalid"),
        (43, versions),
        (16, vector(2, &[vector(1, b"\x2a\x2a"), vector(1, b"h2")].concat())),
        (42, vec![]),
        (0xdada, vec![0]),
    ]);
    let hello = hello(&wire);
    assert_eq!(hello.server_name.as_deref(), Some("a.invalid"));
    assert_eq!(hello.versions, [ProtocolVersion::TLSv1_3, ProtocolVersion::TLSv1_2]);
    assert_eq!(hello.session_id, [7, 7]);
    assert_eq!(hello.alpn, [&b"\x2a\x2a"[..], b"h2"]);
    assert!(hello.early_data);
}

#[test]
fn an_old_hello_offers_the_version_it_names_and_no_server() {
    let mut body = vec![3, 2];
    body.extend([9; 32]);
    body.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let wire = record(&[&[1][..], &vector(3, &body)].concat());
    let hello = hello(&wire);
    assert_eq!((hello.server_name, hello.versions), (None, vec![ProtocolVersion::TLSv1_1]));
}

#[test]
fn a_name_is_a_dns_name_in_lower_case_or_none() {
    assert_eq!(name(&made(&[asks_for(b"Identity.CLOUD.invalid")])).unwrap(), "identity.cloud.invalid");
    assert_eq!(name(&made(&[asks_for(b"localhost")])).unwrap(), "localhost");
    assert_eq!(name(&made(&[asks_for(b"a_b.invalid")])).unwrap(), "a_b.invalid");
    let long = [b"a.".repeat(126), b"ab".to_vec()].concat();
    let no_names: [&[u8]; 14] = [
        b"127.0.0.1",
        b"::1",
        b"[::1]",
        b"10.1",
        b"0",
        b"",
        b".",
        b"a.invalid.",
        b"a..invalid",
        b"-a.invalid",
        b"a b.invalid",
        b"a.invalid\0.b",
        "ä.invalid".as_bytes(),
        &long,
    ];
    for no_name in no_names {
        let shown = String::from_utf8_lossy(no_name);
        assert_eq!(name(&made(&[asks_for(no_name)])), None, "{shown}");
    }
    assert_eq!(name(&made(&[])), None);
    assert_eq!(name(&made(&[(0, vector(2, &[&[1][..], b"?"].concat()))])), None, "a name of another type");
}

#[test]
fn a_hello_that_two_readers_could_read_differently_is_refused() {
    let twice = [host_name(b"a.invalid"), host_name(b"b.invalid")].concat();
    let beyond = [vector(2, &host_name(b"a.invalid")), vec![0]].concat();
    let cases = [
        ("two names", made(&[(0, vector(2, &twice))])),
        ("bytes behind the names", made(&[(0, beyond)])),
        ("an empty list of names", made(&[(0, vector(2, b""))])),
        ("no list of names", made(&[(0, vec![])])),
        ("an extension twice", made(&[asks_for(b"a.invalid"), asks_for(b"a.invalid")])),
        ("an unread extension twice", made(&[(7, vec![]), asks_for(b"a.invalid"), (7, vec![])])),
        ("an odd list of versions", made(&[(43, vector(1, &[3, 4, 3]))])),
        ("bytes behind the versions", made(&[(43, vec![2, 3, 4, 0])])),
        ("a protocol cut short", made(&[(16, vector(2, &[5, b'h', b'2']))])),
    ];
    for (case, wire) in cases {
        assert_eq!(peek(&wire), Peeked::Refused(NoHello::Malformed), "{case}");
    }
}

/// A shorter message in a whole record: every length inside then points beyond the end.
#[test]
fn a_hello_whose_message_ends_early_is_refused() {
    let whole = message(&[asks_for(b"a.invalid")]);
    let without_extensions = 2 + 32 + 3 + 6 + 2;
    for end in (0..whole.len() - 4).filter(|end| *end != without_extensions) {
        let message = [&[1][..], &vector(3, &whole[4..4 + end])].concat();
        assert_eq!(peek(&record(&message)), Peeked::Refused(NoHello::Malformed), "{end}");
    }
    let longer = [&[1][..], &vector(3, &[&whole[4..], &[0]].concat())].concat();
    assert_eq!(peek(&record(&longer)), Peeked::Refused(NoHello::Malformed));
}

#[test]
fn anything_else_is_refused_at_its_first_wrong_byte() {
    let half = &made(&[asks_for(b"a.invalid")])[RECORD_HEADER..][..20];
    let behind_half = |next: &[u8]| [record(half), next.to_vec()].concat();
    let cases = [
        ("plain HTTP", b"G".to_vec(), NoHello::NotTls),
        ("SSL 2.0", vec![0x80], NoHello::NotTls),
        ("an alert", vec![21], NoHello::NotTls),
        ("another major version", vec![22, 2], NoHello::NotTls),
        ("an empty record", vec![22, 3, 1, 0, 0], NoHello::Malformed),
        ("a record that is too long", vec![22, 3, 1, 0x40, 1], NoHello::Malformed),
        ("another handshake message", record(&[2]), NoHello::Malformed),
        ("an alert in the middle", behind_half(&[21]), NoHello::Malformed),
        ("an empty record in the middle", behind_half(&[22, 3, 3, 0, 0]), NoHello::Malformed),
        ("plain bytes in the middle", behind_half(b"G"), NoHello::Malformed),
    ];
    for (case, wire, reason) in cases {
        let mut told = answers(wire.chunks(1));
        assert_eq!(told.pop(), Some(Peeked::Refused(reason)), "{case}");
        assert!(told.iter().all(|early| *early == Peeked::More), "{case}");
    }
}

#[test]
fn the_limit_holds_for_the_wire_and_for_what_is_announced() {
    let wire = made(&[asks_for(b"a.invalid"), (21, vec![0; 3_000])]);
    assert!(matches!(Peek::new(wire.len()).feed(&wire), Peeked::Hello(_)));
    let short = *Peek::new(wire.len() - 1).feed(&wire) == Peeked::Refused(NoHello::TooLarge);
    assert!(short, "a byte beyond the limit is not looked at");
    let announced = record(&[1, 1, 0, 0]);
    assert_eq!(peek(&announced), Peeked::Refused(NoHello::TooLarge), "refused before it is sent");

    let padded = |padding| message(&[asks_for(b"a.invalid"), (21, vec![0; padding])]);
    let framed = |padding| padded(padding).chunks(1 << 14).flat_map(record).collect::<Vec<_>>();
    let largest = LIMIT - framed(0).len() - 3 * RECORD_HEADER;
    assert_eq!(framed(largest).len(), LIMIT);
    assert_eq!(name(&framed(largest)).unwrap(), "a.invalid");
    assert_eq!(peek(&framed(largest + 1)), Peeked::Refused(NoHello::TooLarge));
    let tiny_records = in_records_of(&record(&padded(12_000)), 1);
    assert_eq!(peek(&tiny_records), Peeked::Refused(NoHello::TooLarge), "headers count");
}

#[test]
fn an_answer_stays_whatever_comes_after_it() {
    let wire = made(&[asks_for(b"a.invalid")]);
    let whole = Peeked::Hello(hello(&wire));
    assert_eq!(answers([&wire[..], b"garbage", &vec![0; LIMIT]]), vec![whole; 3]);
    let refused = Peeked::Refused(NoHello::NotTls);
    assert_eq!(answers([&b"G"[..], &wire]), vec![refused; 2]);
}

const ASKED: &str = "identity.cloud.invalid";
/// Number and length of the extension, length of the list, type and length of the name.
const BEFORE_NAME: usize = 9;

prop_compose! {
    /// A hello as found in the wild with bytes overwritten, around the name, anywhere, and in the framing; in
    /// records of some length, and with more behind it.
    fn wire()(
        group in prop_oneof![Just(kx_group::X25519), Just(kx_group::X25519MLKEM768)],
        at_name in prop::collection::vec((0..BEFORE_NAME + ASKED.len() + 4, any::<u8>()), 0..3),
        anywhere in overwritten(),
        longest in 1_usize..2_000,
        framing in overwritten(),
        behind in prop::collection::vec(any::<u8>(), 0..50),
    ) -> Vec<u8> {
        let mut wire = real(ASKED, group);
        let name = wire.windows(ASKED.len()).position(|window| window == ASKED.as_bytes()).unwrap();
        for (at, byte) in at_name {
            let at = name - BEFORE_NAME + at;
            if let Some(old) = wire.get_mut(at) {
                *old = byte;
            }
        }
        overwrite(&mut wire[RECORD_HEADER..], anywhere);
        let mut wire = in_records_of(&wire, longest);
        overwrite(&mut wire, framing);
        [wire, behind].concat()
    }
}

fn overwritten() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2)
}

fn overwrite(bytes: &mut [u8], with: Vec<(prop::sample::Index, u8)>) {
    for (at, byte) in with {
        bytes[at.index(bytes.len())] = byte;
    }
}

fn in_pieces(bytes: &[u8], lengths: &[usize]) -> Peeked {
    let mut peek = Peek::new(LIMIT);
    let mut rest = bytes;
    for &length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at(length.min(rest.len()));
        peek.feed(piece);
        rest = after;
    }
    peek.feed(&[]).clone()
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        peek(&bytes);
        peek(&record(&bytes));
        peek(&record(&[&[1][..], &vector(3, &bytes)].concat()));
    }

    #[test]
    fn the_pieces_bytes_come_in_do_not_matter(
        wire in wire(),
        lengths in prop::collection::vec(1_usize..400, 1..8),
        limit in 1_usize..3_000,
    ) {
        prop_assert_eq!(in_pieces(&wire, &lengths), peek(&wire));
        prop_assert_eq!(in_pieces(&wire, &[1]), peek(&wire));
        let mut whole = Peek::new(limit);
        let mut bytewise = Peek::new(limit);
        wire.chunks(1).for_each(|byte| drop(bytewise.feed(byte).clone()));
        prop_assert_eq!(whole.feed(&wire), bytewise.feed(&[]));
    }

    /// Nobody gets past the router under one name and served by the server behind under another.
    #[test]
    fn a_server_that_takes_the_hello_reads_the_same_name(wire in wire()) {
        let mut acceptor = Acceptor::default();
        let mut rest = &wire[..];
        let accepted = loop {
            match acceptor.accept() {
                Ok(None) if !rest.is_empty() => { acceptor.read_tls(&mut rest).unwrap(); }
                Ok(None) | Err(_) => break None,
                Ok(accepted) => break accepted,
            }
        };
        if let (Some(accepted), Peeked::Hello(hello)) = (accepted, peek(&wire)) {
            let theirs = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
            prop_assert_eq!(hello.server_name, theirs.filter(|name| !name.ends_with('.')));
        }
    }
}
