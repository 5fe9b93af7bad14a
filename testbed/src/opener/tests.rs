//! Stories of captured flows: real rustls sessions, held in memory, fed to the opener.

use std::sync::OnceLock;

use proptest::prelude::*;
use rustls::version::{TLS12, TLS13};

use super::*;
use session::{Setup, Transcript, Twist};

mod session;
mod tls12;

const REQUEST: &[u8] = b"POST /v3/auth/tokens HTTP/1.1\r\n\r\n{\"password\":\"hush\"}";
const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\n\r\n";

/// A handshake, a request, an answer, and both sides close.
fn conversation(setup: Setup) -> Transcript {
    let mut pair = setup.pair();
    pair.handshake();
    pair.client_says(REQUEST);
    pair.server_says(ANSWER);
    pair.close();
    pair.transcript()
}

fn one_conversation() -> &'static Transcript {
    static ONE: OnceLock<Transcript> = OnceLock::new();
    ONE.get_or_init(|| conversation(Setup::default()))
}

/// The same in TLS 1.2.
fn one_of_tls12() -> &'static Transcript {
    static ONE: OnceLock<Transcript> = OnceLock::new();
    ONE.get_or_init(|| conversation(Setup { version: &TLS12, ..Setup::default() }))
}

fn assert_conversation(opened: &Opened) {
    assert_eq!(opened.errors, []);
    assert_eq!((opened.kind, opened.keys), (Kind::Tls, Keys::Found));
    assert_eq!(opened.server_name.as_deref(), Some("identity.cloud.invalid"));
    assert!(opened.handshake_complete);
    assert_eq!(opened.to_acceptor.plaintext(), REQUEST);
    assert_eq!(opened.to_dialer.plaintext(), ANSWER);
    assert_eq!(
        alerts(opened),
        [(Direction::ToAcceptor, "close_notify"), (Direction::ToDialer, "close_notify")]
    );
}

fn alerts(opened: &Opened) -> Vec<(Direction, &'static str)> {
    let mut alerts: Vec<_> =
        opened.alerts.iter().filter_map(|alert| Some((alert.direction, alert.description.name()?))).collect();
    alerts.sort_unstable();
    alerts
}

#[test]
fn every_suite_is_opened_with_the_key_log() {
    for (version, suites) in [(&TLS13, 3), (&TLS12, 6)] {
        let known = session::suites(version);
        assert_eq!(known.len(), suites);
        for suite in known {
            let opened = conversation(Setup { suite: Some(suite), version, ..Setup::default() }).open();
            assert_conversation(&opened);
            assert_eq!((opened.version, opened.cipher_suite), (Some(version.version), Some(suite.suite())));
        }
    }
}

#[test]
fn without_the_key_log_nothing_is_opened_and_that_is_said() {
    for transcript in [one_conversation(), one_of_tls12()] {
        let opened = transcript.open_with(&KeyLogStore::default());

        assert_eq!(opened.keys, Keys::Missing);
        assert_eq!(opened.server_name.as_deref(), Some("identity.cloud.invalid"), "sent in clear text");
        assert!(!opened.handshake_complete);
        assert_eq!((opened.to_acceptor.plaintext(), opened.to_dialer.plaintext()), (vec![], vec![]));
        assert!(opened.to_acceptor.protected_records >= 3, "Finished, request, alert");
        assert!(matches!(opened.errors[..], [OpenError::NoSecret { .. }, OpenError::NoSecret { .. }]));
    }
}

#[test]
fn it_does_not_matter_where_the_streams_are_cut() {
    for transcript in [one_conversation(), one_of_tls12()] {
        let whole = transcript.open();
        for direction in [Direction::ToAcceptor, Direction::ToDialer] {
            for cut in 0..=transcript.stream(direction).len() {
                let opened = transcript.cut(direction, cut).open();
                assert_conversation(&opened);
                let spans = |opened: &Opened| -> Vec<_> {
                    opened.way(direction).pieces.iter().map(|piece| piece.span.clone()).collect()
                };
                assert_eq!(spans(&opened), spans(&whole), "cut {direction} at {cut}");
            }
        }
        assert_conversation(&transcript.byte_by_byte().open());
    }
}

#[test]
fn it_does_not_matter_which_direction_is_fed_first() {
    for transcript in [one_conversation(), one_of_tls12()] {
        for first in [Direction::ToAcceptor, Direction::ToDialer] {
            assert_conversation(&transcript.one_direction_first(first).open());
        }
    }
}

#[test]
fn a_piece_says_where_and_with_which_chunk_it_crossed() {
    let transcript = one_conversation();
    let opened = transcript.open();
    let [piece] = &opened.to_acceptor.pieces[..] else { panic!("one record") };

    let (direction, chunk) = &transcript.chunks[piece.order as usize];
    assert_eq!(*direction, Direction::ToAcceptor);
    let stream = transcript.stream(Direction::ToAcceptor);
    let record = &stream[piece.span.start as usize..piece.span.end as usize];
    assert!(chunk.ends_with(record), "the chunk that completed it ends with it");
    assert_eq!(record[0], 23);
    assert_eq!(record.len(), 5 + REQUEST.len() + 1 + 16, "header, content, its type, tag");
}

#[test]
fn hellos_and_handshake_may_be_spread_over_many_small_records() {
    let transcript = conversation(Setup { fragment: Some(32), ..Setup::default() });
    let kinds = transcript.record_kinds(Direction::ToAcceptor);
    assert!(kinds.starts_with(&[22, 22, 22]), "the client's hello does not fit one such record");

    let opened = transcript.open();
    assert_conversation(&opened);
    assert!(opened.to_acceptor.application_records > 1);
}

#[test]
fn a_hello_retry_is_followed() {
    let transcript = conversation(Setup { twist: Twist::Retry, ..Setup::default() });

    let kinds = transcript.record_kinds(Direction::ToAcceptor);
    assert!(kinds.starts_with(&[22, 20, 22, 23]), "the client says hello twice: {kinds:?}");
    assert_conversation(&transcript.open());
}

#[test]
fn bulk_data_is_opened_whole_and_in_order() {
    let bulk: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    let mut pair = Setup::default().pair();
    pair.handshake();
    pair.client_says(&bulk);
    pair.server_says(&bulk);
    let opened = pair.transcript().open();

    assert_eq!(opened.errors, []);
    assert!(opened.to_acceptor.plaintext() == bulk && opened.to_dialer.plaintext() == bulk);
    assert!(opened.to_acceptor.application_records >= 1_200_000 / 16_384);
    let orders: Vec<_> = opened.to_acceptor.pieces.iter().map(|piece| piece.order).collect();
    assert!(orders.is_sorted());
}

#[test]
fn updated_keys_are_followed() {
    let mut pair = Setup::default().pair();
    pair.handshake();
    pair.client_says(b"one ");
    pair.server_says(b"ein ");
    for (ours, theirs) in [(b"two ", b"zwei"), (b"six ", b"sech")] {
        pair.client_updates_keys();
        pair.client_says(ours);
        pair.server_says(theirs);
    }
    pair.server_updates_keys();
    pair.server_says(b" end");
    pair.client_says(b"end.");
    let opened = pair.transcript().open();

    assert_eq!(opened.errors, []);
    assert_eq!(opened.to_acceptor.plaintext(), b"one two six end.");
    assert_eq!(opened.to_dialer.plaintext(), b"ein zweisech end");
}

#[test]
fn a_resumed_session_is_opened_and_its_early_data_passed_over() {
    let mut first = Setup { twist: Twist::EarlyData, ..Setup::default() }.pair();
    first.handshake();
    first.server_says(ANSWER);

    let mut second = first.again();
    assert_eq!(second.client_says_early(b"too early"), 9);
    second.handshake();
    second.client_says(REQUEST);
    let opened = second.transcript().open();

    let records = 2; // The data, and the message that ends it.
    assert_eq!(opened.errors, [OpenError::EarlyData { records }]);
    assert_eq!(opened.to_acceptor.plaintext(), REQUEST);
    assert!(opened.handshake_complete);
}

#[test]
fn a_refused_certificate_is_an_alert_before_any_data() {
    let mut pair = Setup { twist: Twist::EmptyRoots, ..Setup::default() }.pair();
    pair.handshake();
    let opened = pair.transcript().open();

    assert_eq!(opened.errors, []);
    assert_eq!(alerts(&opened), [(Direction::ToAcceptor, "unknown_ca")]);
    let alert = &opened.alerts[0];
    assert!(alert.protected && alert.level == AlertLevel::Fatal);
    assert!(opened.to_dialer.finished && !opened.to_acceptor.finished && !opened.handshake_complete);
    assert_eq!(opened.to_acceptor.application_records, 0);
}

#[test]
fn an_alert_may_come_before_any_key() {
    let mut pair = Setup { twist: Twist::NoCommonSuite, ..Setup::default() }.pair();
    pair.handshake();
    let opened = pair.transcript().open();

    assert_eq!(alerts(&opened), [(Direction::ToDialer, "handshake_failure")]);
    assert!(!opened.alerts[0].protected);
    assert_eq!((opened.keys, opened.version), (Keys::NotNeeded, None));
}

#[test]
fn a_certificate_that_is_missing_is_an_alert_after_the_handshake() {
    let mut pair = Setup { twist: Twist::ClientCertificateWanted, ..Setup::default() }.pair();
    pair.handshake();
    let opened = pair.transcript().open();

    assert_eq!(alerts(&opened), [(Direction::ToDialer, "certificate_required")]);
    assert!(opened.handshake_complete, "the server reads the client's Finished and then refuses");
}

#[test]
fn a_flow_that_ends_early_is_opened_as_far_as_it_goes() {
    for transcript in [one_conversation(), one_of_tls12()] {
        let request = transcript.open().to_acceptor.pieces[0].span.clone();
        for end in 0..transcript.stream(Direction::ToAcceptor).len() {
            let opened = transcript.ending(Direction::ToAcceptor, end).open();
            let whole = end as u64 >= request.end;
            assert_eq!(opened.to_acceptor.plaintext(), if whole { REQUEST } else { b"" }, "ends at {end}");
        }
    }
}

#[test]
fn an_altered_record_seals_its_direction_only() {
    for transcript in [one_conversation(), one_of_tls12()] {
        let span = transcript.open().to_acceptor.pieces[0].span.clone();
        let opened = transcript.flipping(Direction::ToAcceptor, span.start as usize + 9).open();

        assert_eq!(opened.errors, [OpenError::Sealed { direction: Direction::ToAcceptor, at: span.start }]);
        assert_eq!(opened.to_acceptor.plaintext(), b"");
        assert_eq!(opened.to_dialer.plaintext(), ANSWER);
    }
}

#[test]
fn half_a_flow_says_that_a_hello_is_missing() {
    let opened = one_conversation().without(Direction::ToAcceptor).open();

    assert_eq!((opened.kind, opened.keys), (Kind::Tls, Keys::Missing));
    assert!(opened.to_dialer.protected_records > 0);
    assert!(
        matches!(opened.errors[..], [OpenError::NoHellos { direction: Direction::ToDialer, .. }]),
        "{:?}",
        opened.errors
    );
}

#[test]
fn a_message_of_more_than_64_kib_is_refused() {
    let mut reading = Opener::new(&KeyLogStore::default());
    reading.feed(Direction::ToAcceptor, &[22, 3, 1, 0, 4, 1, 1, 0, 0]);
    let opened = reading.finish();

    assert_eq!(opened.errors, [OpenError::Malformed { direction: Direction::ToAcceptor, at: 0 }]);
}

#[test]
fn what_is_not_tls_is_its_own_plaintext() {
    let mut reading = Opener::new(&KeyLogStore::default());
    reading.feed(Direction::ToAcceptor, b"GET / ");
    reading.feed(Direction::ToDialer, b"HTTP/1.1 200 OK");
    reading.feed(Direction::ToAcceptor, b"HTTP/1.1");
    let opened = reading.finish();

    assert_eq!((opened.kind, opened.keys), (Kind::NotTls, Keys::NotNeeded));
    assert_eq!(opened.to_acceptor.plaintext(), b"GET / HTTP/1.1");
    assert_eq!(opened.to_acceptor.pieces[1].span, 6..14);
    assert_eq!(opened.to_acceptor.pieces[1].order, 2);
    assert_eq!(opened.to_dialer.plaintext(), b"HTTP/1.1 200 OK");
}

#[test]
fn silence_is_neither() {
    assert_eq!(Opener::new(&KeyLogStore::default()).finish().kind, Kind::Silent);
}

fn any_direction() -> impl Strategy<Value = Direction> {
    prop_oneof![Just(Direction::ToAcceptor), Just(Direction::ToDialer)]
}

/// One damage: at this share of the stream, overwrite with, insert or delete this many bytes.
fn damage() -> impl Strategy<Value = (Direction, f64, u8, Vec<u8>)> {
    (any_direction(), 0.0..1.0_f64, 0..3_u8, prop::collection::vec(any::<u8>(), 1..40))
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(
        chunks in prop::collection::vec((any_direction(), prop::collection::vec(any::<u8>(), 0..200)), 0..12),
    ) {
        let opened = Transcript::of(chunks).open();
        prop_assert!(!opened.handshake_complete);
    }

    #[test]
    fn arbitrary_bytes_after_a_hello_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        direction in any_direction(),
        old in any::<bool>(),
    ) {
        let transcript = if old { one_of_tls12() } else { one_conversation() };
        let mut chunks = transcript.chunks.clone();
        chunks.truncate(2);
        chunks.push((direction, bytes));
        let opened = Transcript { chunks, keys: transcript.keys.clone() }.open();
        prop_assert!(opened.to_acceptor.pieces.is_empty());
    }

    #[test]
    fn a_damaged_flow_never_panics_and_never_opens_what_was_not_sent(
        damages in prop::collection::vec(damage(), 1..4),
        size in 1..700_usize,
        old in any::<bool>(),
    ) {
        let transcript = if old { one_of_tls12() } else { one_conversation() };
        let mut streams = transcript.one_direction_first(Direction::ToAcceptor).chunks;
        for (direction, at, how, bytes) in damages {
            let (_, stream) = streams.iter_mut().find(|(which, _)| *which == direction).unwrap();
            let at = (stream.len() as f64 * at) as usize;
            let end = (at + bytes.len()).min(stream.len());
            match how {
                0 => drop(stream.splice(at..end, bytes)),
                1 => drop(stream.splice(at..at, bytes)),
                _ => drop(stream.drain(at..end)),
            }
        }
        let opened = Transcript { chunks: streams, keys: transcript.keys.clone() }.chunked(size).open();
        if opened.kind == Kind::Tls {
            prop_assert!(REQUEST.starts_with(&opened.to_acceptor.plaintext()));
            prop_assert!(ANSWER.starts_with(&opened.to_dialer.plaintext()));
        }
    }
}
