//! Pass-through as transcripts: routed by name however the hello arrives, or turned away with the reason.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod sni;

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use proxies::{
    balance::{Settings, health},
    limits::Limits,
    refusal::Refusal,
    routes::Routes,
    transport::{
        Dial, Ends, Listen, Party,
        memory::{self, MemoryDialer},
    },
};
use sni::{
    cut::CutListen,
    hellos::{self, asks_for, cut_record, in_records_of, made, record},
    scene::{Scene, pass_through, read_all, route, route_with},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{Instant, interval},
};
use tokio_util::sync::CancellationToken;

const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];
const DECODE_ERROR: &[u8] = &[21, 3, 3, 0, 2, 2, 50];

#[tokio::test(start_paused = true)]
async fn a_hello_cut_anywhere_is_routed_and_arrives_byte_for_byte() {
    let first = Arc::new(AtomicUsize::new(0));
    let mut scene = Scene::behind(|inner| CutListen { inner, first: first.clone() });
    for (size, hello) in hellos::sizes() {
        for at in 1..hello.len() {
            first.store(at, Ordering::Relaxed);
            scene.reaches(|s| &mut s.identity, &hello, &format!("{size}, read ends at {at}")).await;
        }
        for at in 1..hello.len() - hellos::RECORD_HEADER {
            let hello = cut_record(&hello, at);
            first.store(0, Ordering::Relaxed);
            scene.reaches(|s| &mut s.identity, &hello, &format!("{size}, record ends at {at}")).await;
            // In the middle of the second record's header.
            first.store(hellos::RECORD_HEADER + at + 2, Ordering::Relaxed);
            scene.reaches(|s| &mut s.identity, &hello, &format!("{size}, both end at {at}")).await;
        }
        scene.reaches(|s| &mut s.identity, &in_records_of(&hello, 1), &format!("{size}, tiny records")).await;
    }
    assert_eq!(scene.tally.refused.total(), 0);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn names_are_compared_without_case_and_an_alias_means_its_name() {
    let mut scene = Scene::new();
    scene.reaches(|s| &mut s.compute, &made(&[asks_for(b"compute.cloud.invalid")]), "plain").await;
    scene.reaches(|s| &mut s.compute, &made(&[asks_for(b"COMPUTE.cloud.INVALID")]), "upper case").await;
    scene.reaches(|s| &mut s.identity, &made(&[asks_for(b"localhost")]), "alias").await;
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_for_no_route_is_told_so_and_reaches_nothing() {
    let asks = |name: &[u8]| made(&[asks_for(name)]);
    let huge = in_records_of(&made(&[asks_for(b"identity.cloud.invalid"), (21, vec![0; 65_000])]), 200);
    assert!(huge.len() > 65 * 1024);
    let cases = [
        ("an unknown name", asks(b"nova.cloud.invalid"), Refusal::UnknownName, UNRECOGNIZED_NAME),
        ("a name above", asks(b"cloud.invalid"), Refusal::UnknownName, UNRECOGNIZED_NAME),
        ("a name below", asks(b"x.identity.cloud.invalid"), Refusal::UnknownName, UNRECOGNIZED_NAME),
        ("no name", made(&[]), Refusal::NoName, UNRECOGNIZED_NAME),
        ("an IPv4 literal", asks(b"127.0.0.1"), Refusal::NoName, UNRECOGNIZED_NAME),
        ("an IPv6 literal", asks(b"::1"), Refusal::NoName, UNRECOGNIZED_NAME),
        ("a malformed name", asks(b"identity..invalid"), Refusal::NoName, UNRECOGNIZED_NAME),
        ("another handshake message", record(&[2, 0, 0, 0]), Refusal::Malformed, DECODE_ERROR),
        ("65 KiB of hello", huge, Refusal::TooLarge, DECODE_ERROR),
        ("16 MiB announced", record(&[1, 0xff, 0xff, 0xff]), Refusal::TooLarge, DECODE_ERROR),
        ("plain HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Refusal::NotTls, b""),
        ("noise", vec![0xa7; 70_000], Refusal::NotTls, b""),
        ("half a hello", hellos::sizes()[0].1[..100].to_vec(), Refusal::CutShort, DECODE_ERROR),
        ("nothing", Vec::new(), Refusal::CutShort, b""),
    ];
    let scene = Scene::new();
    for (case, sent, reason, answer) in cases {
        let before = (scene.tally.refused.of(reason), scene.tally.refused.total());
        let (client, _) = scene.to_proxy.dial().await.unwrap();
        let (mut ear, mut mouth) = tokio::io::split(client);
        let say = async {
            // One that was cut off may not get rid of all it has to say.
            let _ = mouth.write_all(&sent).await;
            let _ = mouth.shutdown().await;
        };
        let mut heard = Vec::new();
        let ((), ended) = tokio::join!(say, ear.read_to_end(&mut heard));
        ended.unwrap();
        assert_eq!(heard, answer, "{case}");
        let after = (scene.tally.refused.of(reason), scene.tally.refused.total());
        assert_eq!(after, (before.0 + 1, before.1 + 1), "{case}");
    }
    assert_eq!(scene.tally.upstream_failed.load(Ordering::Relaxed), 0);
    scene.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_hello_gets_three_seconds_in_all_however_it_drips() {
    let scene = Scene::new();
    let began = Instant::now();
    let (client, _) = scene.to_proxy.dial().await.unwrap();
    let (mut silent, _) = scene.to_proxy.dial().await.unwrap();
    let (mut ear, mut mouth) = tokio::io::split(client);
    let (_, post_quantum) = &hellos::sizes()[1];
    let drip = async {
        let mut beat = interval(Duration::from_millis(50));
        for byte in post_quantum {
            beat.tick().await;
            if mouth.write_u8(*byte).await.is_err() {
                break;
            }
        }
        began.elapsed()
    };
    let listen = async {
        let mut heard = Vec::new();
        ear.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, DECODE_ERROR);
        began.elapsed()
    };
    let hush = async {
        assert_eq!(read_all(&mut silent).await, b"");
        began.elapsed()
    };
    let (cut_off, told, hushed) = tokio::join!(drip, listen, hush);
    assert_eq!((told.as_millis(), hushed.as_millis()), (3_000, 3_000));
    assert!((3_900..=4_100).contains(&cut_off.as_millis()), "it may go on for a second to hear: {cut_off:?}");
    assert_eq!(scene.tally.refused.of(Refusal::TooSlow), 2);
    scene.end().await;
}

/// A place that may be there, or not answer at all.
#[derive(Clone)]
enum Place {
    There(MemoryDialer),
    Mute,
}

impl Dial for Place {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<(DuplexStream, Ends)> {
        match self {
            Self::There(dialer) => dialer.dial().await,
            Self::Mute => pending().await,
        }
    }
}

/// Says its own number to whoever comes.
fn numbered(number: u8) -> MemoryDialer {
    let (dialer, mut listen) = memory::pair(Party(2));
    tokio::spawn(async move {
        while let Ok((mut served, _)) = listen.accept().await {
            served.write_u8(number).await.unwrap();
        }
    });
    dialer
}

async fn who_answers(to_proxy: &MemoryDialer, name: &str) -> Vec<u8> {
    let (mut client, _) = to_proxy.dial().await.unwrap();
    client.write_all(&made(&[asks_for(name.as_bytes())])).await.unwrap();
    read_all(&mut client).await
}

#[tokio::test(start_paused = true)]
async fn places_take_turns_and_the_next_one_steps_in() {
    let (gone, listen) = memory::pair(Party(2));
    drop(listen);
    let dead = || vec![Place::There(gone.clone()), Place::Mute];
    let mixed =
        [Place::There(numbered(0)), Place::There(gone.clone()), Place::Mute, Place::There(numbered(3))];
    // Nobody is left out for failing, so that each turn shows.
    let tried = Settings { health: health::Settings::OFF, ..Settings::default() };
    let routes = vec![route_with("mixed.invalid", mixed, &tried), route_with("dead.invalid", dead(), &tried)];
    let proxy = pass_through(Routes::new(routes, &BTreeMap::new()).unwrap());
    let tally = proxy.tally.clone();
    let failed = || tally.upstream_failed.load(Ordering::Relaxed);
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));

    let began = Instant::now();
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.extend(who_answers(&to_proxy, "mixed.invalid").await);
    }
    assert_eq!(answers, [0, 3, 3, 3, 0, 3, 3, 3]);
    assert_eq!(failed(), 6, "per round the refusing one once, the mute one twice");
    assert_eq!(began.elapsed(), 4 * Limits::default().connect, "only the mute one takes time");

    assert_eq!(who_answers(&to_proxy, "dead.invalid").await, b"");
    assert_eq!(failed(), 8);
    assert_eq!(tally.refused.total(), 0, "its name has a route");
}

/// The same four places with health as it is by default: whoever fails three times in a row is not tried again
/// for ten seconds, and by one client then.
#[tokio::test(start_paused = true)]
async fn places_that_fail_are_left_out_for_a_while() {
    let (gone, listen) = memory::pair(Party(2));
    drop(listen);
    let mixed = [Place::There(numbered(0)), Place::There(gone), Place::Mute, Place::There(numbered(3))];
    let proxy = pass_through(Routes::new(vec![route("mixed.invalid", mixed)], &BTreeMap::new()).unwrap());
    let (tally, routes) = (proxy.tally.clone(), proxy.routes.clone());
    let failed = || tally.upstream_failed.load(Ordering::Relaxed);
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));

    let began = Instant::now();
    let mut answers = Vec::new();
    for _ in 0..40 {
        answers.extend(who_answers(&to_proxy, "mixed.invalid").await);
    }
    assert!(
        began.elapsed() < health::Passive::default().out,
        "nobody was tried again: {:?}",
        began.elapsed()
    );
    assert_eq!(failed(), 6, "three each");
    assert_eq!(began.elapsed(), 3 * Limits::default().connect);
    assert_eq!(answers.len(), 40);
    let places = routes.of("mixed.invalid").unwrap().snapshot().places;
    assert_eq!(places.iter().map(|place| place.down).collect::<Vec<_>>(), [false, true, true, false]);

    tokio::time::advance(health::Passive::default().out).await;
    for _ in 0..40 {
        who_answers(&to_proxy, "mixed.invalid").await;
    }
    assert_eq!(failed(), 8, "one trial each");
}

#[tokio::test(start_paused = true)]
async fn listeners_of_one_node_take_turns_together() {
    let places = [numbered(0), numbered(1), numbered(2)];
    let routes = Routes::new(vec![route("a.invalid", places)], &BTreeMap::new()).unwrap();
    let proxy = pass_through(routes);
    let (to_one, one) = memory::pair(Party(1));
    let (to_other, other) = memory::pair(Party(1));
    tokio::spawn(proxy.clone().run(one, CancellationToken::new()));
    tokio::spawn(proxy.run(other, CancellationToken::new()));
    let mut answers = Vec::new();
    for to in [&to_one, &to_other, &to_other, &to_one] {
        answers.extend(who_answers(to, "a.invalid").await);
    }
    assert_eq!(answers, [0, 1, 2, 0]);
}
