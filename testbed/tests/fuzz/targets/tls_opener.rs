//! The TLS opener: whatever was captured, the order of the directions and the cuts do not matter, what it opens
//! is a beginning of what was sealed, and every piece has its place.
//!
//! An input is a row of captured chunks: one byte whose highest bit tells the direction, the chunk's length in
//! two bytes, and the chunk. The secrets of the recorded sessions that the seeds are made of are always known.

use std::sync::LazyLock;

use proxies::rustls::KeyLog;
use testbed::{
    keylog::KeyLogStore,
    opener::{Keys, Kind, Opened, Opener},
    vocabulary::Direction,
};

use crate::engine::{Target, corpus::from_hex};

pub(crate) const TARGET: Target = Target {
    name: "tls_opener",
    check,
    words: &[
        &[0],
        &[0x80],
        // Records: change, alerts, hellos, Finished, application data.
        &[20, 3, 3, 0, 1, 1],
        &[21, 3, 3, 0, 2, 2, 40],
        &[22, 3, 1, 2, 0, 1, 0],
        &[22, 3, 3, 0, 4, 14, 0, 0, 0],
        &[22, 3, 3, 0, 0x28],
        &[23, 3, 3, 0, 0x20],
        // Versions and suites.
        &[3, 3],
        &[3, 4],
        &[3, 2],
        &[0x13, 0x01],
        &[0x13, 0x03],
        &[0xc0, 0x2b],
        &[0xc0, 0x2c],
        &[0xcc, 0xa9],
        &[0xc0, 0x13],
        &[0, 43, 0, 2, 3, 4],
    ],
    longest: 16 * 1024,
};

/// What was said in every recorded session.
const REQUEST: &[u8] = b"POST /v3/auth/tokens HTTP/1.1\r\n\r\n{\"password\":\"hush\"}";
const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\n\r\n";

static SECRETS: LazyLock<KeyLogStore> = LazyLock::new(|| {
    let store = KeyLogStore::default();
    for line in include_str!("../keys.txt").lines() {
        if let [label, random, secret] = line.split(' ').collect::<Vec<_>>()[..] {
            store.log(label, &from_hex(random), &from_hex(secret));
        }
    }
    store
});

fn check(bytes: &[u8]) {
    let captured = chunks(bytes);
    let opened = open(captured.iter().copied());
    let streams = [Direction::ToAcceptor, Direction::ToDialer].map(|direction| {
        let of = captured.iter().filter(|(which, _)| *which == direction);
        (direction, of.flat_map(|(_, chunk)| chunk.iter().copied()).collect::<Vec<u8>>())
    });
    for (direction, stream) in &streams {
        assert_places(&opened, *direction, stream);
    }
    assert_eq!(opened.handshake_complete, opened.to_acceptor.finished && opened.to_dialer.finished);
    if opened.kind == Kind::Tls {
        assert!(REQUEST.starts_with(&opened.to_acceptor.plaintext()), "opened what was not sealed");
        assert!(ANSWER.starts_with(&opened.to_dialer.plaintext()), "opened what was not sealed");
        if opened.keys != Keys::Found {
            assert!(opened.alerts.iter().all(|alert| !alert.protected), "an alert opened without keys");
        }
    }
    let [forth, home] = &streams;
    for order in [[forth, home], [home, forth]] {
        let again = open(order.into_iter().map(|(direction, stream)| (*direction, &stream[..])));
        assert_same(&opened, &again);
    }
}

fn chunks(mut rest: &[u8]) -> Vec<(Direction, &[u8])> {
    let mut chunks = Vec::new();
    while let [tag, high, low, more @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(more.len());
        let (chunk, after) = more.split_at(length);
        let direction = if *tag < 0x80 { Direction::ToAcceptor } else { Direction::ToDialer };
        chunks.push((direction, chunk));
        rest = after;
    }
    chunks
}

fn open<'a>(chunks: impl Iterator<Item = (Direction, &'a [u8])>) -> Opened {
    let mut opener = Opener::new(&SECRETS);
    for (direction, chunk) in chunks {
        opener.feed(direction, chunk);
    }
    opener.finish()
}

/// Pieces lie in the captured stream, one after the other, none larger than its record.
fn assert_places(opened: &Opened, direction: Direction, stream: &[u8]) {
    let way = opened.way(direction);
    let mut end = 0;
    for piece in &way.pieces {
        assert!(piece.span.start >= end && piece.span.end <= stream.len() as u64, "{:?}", piece.span);
        assert!(piece.bytes.len() as u64 <= piece.span.end - piece.span.start);
        end = piece.span.end;
        if opened.kind != Kind::Tls {
            let place = piece.span.start as usize..piece.span.end as usize;
            assert_eq!(piece.bytes, stream[place], "what is not TLS is itself");
        }
    }
    assert!(way.application_records <= way.protected_records);
    if opened.kind == Kind::Tls {
        assert_eq!(way.application_records, way.pieces.len() as u64);
    }
}

/// All but what tells how the bytes were fed.
fn assert_same(one: &Opened, other: &Opened) {
    let facts = |opened: &Opened| {
        let way = |direction| {
            let way = opened.way(direction);
            (way.plaintext(), way.application_records, way.protected_records, way.finished)
        };
        let mut errors: Vec<_> = opened.errors.iter().map(ToString::to_string).collect();
        errors.sort();
        let mut alerts: Vec<_> = opened
            .alerts
            .iter()
            .map(|alert| (alert.direction, alert.description.0, alert.protected))
            .collect();
        alerts.sort_unstable();
        let agreed = (opened.kind, opened.keys, opened.version, opened.cipher_suite);
        (
            way(Direction::ToAcceptor),
            way(Direction::ToDialer),
            agreed,
            opened.server_name.clone(),
            errors,
            alerts,
        )
    };
    assert_eq!(facts(one), facts(other), "the order of feeding mattered");
}
