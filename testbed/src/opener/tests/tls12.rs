//! What is different in TLS 1.2: one secret, a `ChangeCipherSpec` that counts, resumption by id and by ticket,
//! and suites that stay closed.

use rustls::{KeyLog, version::TLS12};

use super::{
    ANSWER, Direction, KeyLogStore, Keys, OpenError, REQUEST, alerts, assert_conversation, conversation,
    one_conversation, one_of_tls12,
    session::{Field, Setup, Twist},
};
use crate::opener::AlertLevel;

const BOTH: [Direction; 2] = [Direction::ToAcceptor, Direction::ToDialer];

fn twisted(twist: Twist) -> Setup {
    Setup { version: &TLS12, twist, ..Setup::default() }
}

#[test]
fn its_handshake_changes_ciphers_once_and_all_after_that_is_protected() {
    let transcript = one_of_tls12();
    // Hello; key exchange, change, Finished, request, alert.
    assert_eq!(transcript.record_kinds(Direction::ToAcceptor), [22, 22, 20, 22, 23, 21]);
    let opened = transcript.open();

    assert_conversation(&opened);
    assert_eq!(opened.version, Some(rustls::ProtocolVersion::TLSv1_2));
    for direction in BOTH {
        assert_eq!(opened.way(direction).protected_records, 3, "Finished, data, alert: {direction}");
        assert_eq!(opened.way(direction).application_records, 1);
    }
    assert!(opened.alerts.iter().all(|alert| alert.protected && alert.level == AlertLevel::Warning));
}

#[test]
fn sessions_resumed_by_id_and_by_ticket_are_opened() {
    for twist in [Twist::SessionIds, Twist::Tickets] {
        let mut first = twisted(twist).pair();
        first.handshake();
        first.client_says(b"first");
        assert!(!first.is_resumed());

        let mut second = first.again();
        second.handshake();
        second.client_says(REQUEST);
        second.server_says(ANSWER);
        second.close();
        assert!(second.is_resumed());
        let transcript = second.transcript();
        assert_conversation(&transcript.open());
        for first in BOTH {
            assert_conversation(&transcript.one_direction_first(first).open());
        }
    }
}

#[test]
fn handshake_messages_may_be_spread_over_many_small_records() {
    let transcript = conversation(Setup { fragment: Some(48), ..twisted(Twist::None) });
    assert!(transcript.record_kinds(Direction::ToDialer).starts_with(&[22; 5]));

    let opened = transcript.open();
    assert_conversation(&opened);
    assert!(opened.to_acceptor.application_records > 1);
}

#[test]
fn bulk_data_is_opened_whole_and_in_order() {
    let bulk: Vec<u8> = (0..300_000_u32).flat_map(u32::to_be_bytes).collect();
    let mut pair = twisted(Twist::None).pair();
    pair.handshake();
    pair.client_says(&bulk);
    pair.server_says(&bulk);
    let opened = pair.transcript().open();

    assert_eq!(opened.errors, []);
    assert!(opened.to_acceptor.plaintext() == bulk && opened.to_dialer.plaintext() == bulk);
}

#[test]
fn a_refusal_comes_before_ciphers_change() {
    let refusals = [
        (Twist::EmptyRoots, Direction::ToAcceptor, "unknown_ca"),
        (Twist::ClientCertificateWanted, Direction::ToDialer, "certificate_required"),
        (Twist::NoCommonSuite, Direction::ToDialer, "handshake_failure"),
    ];
    for (twist, direction, name) in refusals {
        let mut pair = twisted(twist).pair();
        pair.handshake();
        let opened = pair.transcript().open();

        assert_eq!(alerts(&opened), [(direction, name)]);
        let alert = &opened.alerts[0];
        assert!(!alert.protected && alert.level == AlertLevel::Fatal, "{name}");
        assert!(!opened.to_dialer.finished && !opened.handshake_complete);
        assert_eq!(opened.to_acceptor.application_records, 0);
    }
}

#[test]
fn suites_and_versions_it_does_not_open_are_named_and_nothing_is_opened() {
    let transcript = one_of_tls12();
    let closed = [
        (Field::Suite, 0xc013, OpenError::UnsupportedSuite { suite: 0xc013 }),
        (Field::Suite, 0x009c, OpenError::UnsupportedSuite { suite: 0x009c }),
        (Field::Suite, 0x1301, OpenError::UnsupportedSuite { suite: 0x1301 }),
        (Field::Version, 0x0302, OpenError::UnsupportedVersion { version: 0x0302 }),
        (Field::Version, 0x0300, OpenError::UnsupportedVersion { version: 0x0300 }),
    ];
    for (field, value, error) in closed {
        let opened = transcript.with_server_hello(field, value).open();
        assert_eq!(opened.errors, [error]);
        for direction in BOTH {
            assert_eq!(opened.way(direction).plaintext(), b"");
            assert_eq!(opened.way(direction).protected_records, 3);
        }
        assert!(!opened.handshake_complete && opened.alerts.is_empty());
    }
}

#[test]
fn a_suite_with_other_keys_than_were_used_opens_nothing() {
    let transcript = one_of_tls12();
    for suite in [0xc02b, 0xc02c, 0xcca9]
        .into_iter()
        .filter(|suite| transcript.open().cipher_suite != Some(rustls::CipherSuite::from(*suite)))
    {
        let opened = transcript.with_server_hello(Field::Suite, suite).open();
        assert!(matches!(opened.errors[..], [OpenError::Sealed { .. }, OpenError::Sealed { .. }]));
        assert_eq!((opened.to_acceptor.plaintext(), opened.to_dialer.plaintext()), (vec![], vec![]));
    }
}

#[test]
fn another_master_secret_opens_nothing_and_half_of_one_is_none() {
    let transcript = one_of_tls12();
    let random = transcript.client_random();
    for (length, sealed) in [(48, true), (47, false)] {
        let keys = KeyLogStore::default();
        keys.log("CLIENT_RANDOM", &random, &vec![7; length]);
        let opened = transcript.open_with(&keys);

        assert_eq!(opened.keys, Keys::Found);
        assert_eq!((opened.to_acceptor.plaintext(), opened.to_dialer.plaintext()), (vec![], vec![]));
        assert_eq!(opened.errors.len(), 2);
        for error in &opened.errors {
            assert_eq!(matches!(error, OpenError::Sealed { .. }), sealed, "{error}");
            assert_eq!(matches!(error, OpenError::NoSecret { label: "CLIENT_RANDOM", .. }), !sealed);
        }
    }
}

#[test]
fn without_its_change_of_ciphers_a_direction_is_malformed_and_the_other_opens() {
    for direction in BOTH {
        let opened = one_of_tls12().without_change(direction).open();
        assert!(
            matches!(opened.errors[..], [OpenError::Malformed { direction: which, .. }] if which == direction),
            "{:?}",
            opened.errors
        );
        assert_eq!(opened.way(direction).plaintext(), b"");
        assert!(!opened.way(direction).finished && !opened.handshake_complete);
        let other = BOTH.into_iter().find(|other| *other != direction).unwrap();
        assert!(!opened.way(other).plaintext().is_empty());
    }
}

/// The start of a flow, up to and with the `ChangeCipherSpec` of its client, has nothing that is protected.
#[test]
fn a_change_of_ciphers_that_nobody_answers_needs_no_keys() {
    let opened = one_of_tls12().without(Direction::ToDialer).ending_with_change().open();
    assert_eq!((opened.keys, &opened.errors[..]), (Keys::NotNeeded, &[][..]));

    for transcript in [one_of_tls12(), one_conversation()] {
        let opened = transcript.without(Direction::ToDialer).open();
        assert_eq!(opened.keys, Keys::Found);
        assert!(
            matches!(opened.errors[..], [OpenError::NoHellos { direction: Direction::ToAcceptor, .. }]),
            "{:?}",
            opened.errors
        );
    }
}
