//! Known ways to make a server work or wait for nothing: each ends before a named number of frames, and nothing is left.

use std::{sync::atomic::Ordering, time::Duration};

use proxies::{
    forward::h2::{Ended, Fault},
    limits::Limits,
};
use tokio::io::DuplexStream;

use crate::{
    client::*,
    street::{Street, opened, opened_windows, opened_with, street_with},
};

/// Ended as a nuisance, with nothing left running.
async fn calmed(client: &mut Client<DuplexStream>, street: Street) -> Ended {
    let heard = client.listen().await;
    assert!(heard.over, "{heard:?}");
    assert_eq!(heard.end().map(|(code, _)| code), Some(ENHANCE_YOUR_CALM), "{heard:?}");
    let ended = street.running.await.unwrap();
    assert_eq!(street.service.running(), 0);
    ended
}

fn odd(n: u32) -> u32 {
    2 * n + 1
}

/// CVE-2023-44487, all at once and patiently.
#[tokio::test(start_paused = true)]
async fn rapid_reset_ends_at_the_fifty_first() {
    let pair = |n| [headers(odd(n), WHOLE, &asking("GET", "/hold", &[])), reset(odd(n), CANCEL)].concat();
    let (mut client, street) = opened().await;
    let service = street.service.clone();
    client.say((0..5_000).flat_map(pair).collect::<Vec<_>>()).await;
    calmed(&mut client, street).await;
    assert!(service.asked().len() <= 51, "{}", service.asked().len());

    let (mut client, street) = opened().await;
    let service = street.service.clone();
    for n in 0..50 {
        assert!(!client.ask(pair(n)).await.over, "after {n}");
        assert_eq!(service.running(), 0);
    }
    client.say(pair(50)).await;
    assert_eq!(calmed(&mut client, street).await, Ended::Faulty(Fault::Resets));
    assert_eq!(client.heard.end(), Some((ENHANCE_YOUR_CALM, "too_many_resets")));
}

type Provoke<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// CVE-2025-8671: the client makes the server reset its streams, so that it seems to have done it itself.
#[tokio::test(start_paused = true)]
async fn made_you_reset_ends_at_the_fifty_first() {
    let hold = |stream| headers(stream, END_HEADERS, &asking("POST", "/hold", &[]));
    let measured =
        |stream| headers(stream, END_HEADERS, &asking("POST", "/hold", &[("content-length", "1")]));
    let provocations: [(&str, Provoke<'_>); 5] = [
        ("a window that overflows", &|n| [hold(n), window_update(n, 0x7fff_ffff)].concat()),
        ("a stream that depends on itself", &|n| {
            [hold(n), frame(PRIORITY, 0, n, &[&n.to_be_bytes()[..], &[0]].concat())].concat()
        }),
        ("more data than its length", &|n| [measured(n), frame(DATA, 0, n, b"xx")].concat()),
        ("trailers that are none", &|n| [hold(n), headers(n, END_HEADERS, &[("x", "y")])].concat()),
        ("a head that is none", &|n| headers(n, WHOLE, &GET[..3])),
    ];
    for (name, provoke) in provocations {
        let (mut client, street) = opened().await;
        let mut provoked = 0;
        while !client.ask(provoke(odd(provoked))).await.over {
            provoked += 1;
            assert!(provoked <= 51, "{name}");
        }
        assert!(provoked >= 40, "{name}: {provoked}");
        assert!(street.service.asked().len() <= 51, "{name}");
        calmed(&mut client, street).await;
    }
}

/// CVE-2024-27316: a header block without end.
#[tokio::test(start_paused = true)]
async fn continuation_flood_ends_at_the_sixth() {
    for part in [&b""[..], b"\0\x01a\x01b", &block(&[("x", &"y".repeat(8_000))])] {
        let (mut client, street) = opened().await;
        client.say(headers(1, END_STREAM, GET)).await;
        let mut sent = 0;
        while !client.ask(frame(CONTINUATION, 0, 1, part)).await.over {
            sent += 1;
            assert!(sent <= 6);
        }
        assert!(street.service.asked().is_empty());
        calmed(&mut client, street).await;
    }
}

/// CVE-2019-9512, 9515 and their like.
#[tokio::test(start_paused = true)]
async fn frames_that_bring_nothing_end_at_named_numbers() {
    let table = [
        (frame(PING, 0, 0, &[0; 8]), 101),
        (settings(&[(4, 65_535)]), 41),
        (frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]), 501),
        (window_update(0, 1), 501),
        (frame(0x42, 0, 0, b"x"), 101),
        (frame(PING, ACK, 0, &[0; 8]), 501),
    ];
    for (one, most) in table {
        let (mut client, street) = opened().await;
        assert!(!client.ask(one.repeat(30)).await.over, "thirty are nothing");
        client.say(one.repeat(most)).await;
        assert_eq!(calmed(&mut client, street).await, Ended::Faulty(Fault::IdleFrames));
        let answered = client.heard.pongs.len().max(client.heard.settings_acks);
        assert!(answered <= most, "{answered} of {most}");
    }
}

/// CVE-2019-9518.
#[tokio::test(start_paused = true)]
async fn empty_data_ends_at_the_hundred_and_first() {
    let (mut client, street) = opened().await;
    client.say(headers(1, END_HEADERS, &asking("POST", "/", &[]))).await;
    assert!(!client.ask(frame(DATA, 0, 1, b"").repeat(100)).await.over);
    client.say(frame(DATA, 0, 1, b"")).await;
    let service = street.service.clone();
    calmed(&mut client, street).await;
    assert_ne!(service.asked()[0].end, Some("whole"));
}

/// CVE-2019-9517 and 9511: answers are asked for and not taken.
#[tokio::test(start_paused = true)]
async fn streams_whose_answers_nobody_takes_are_given_up() {
    let limits = Limits::default();
    let (mut client, street) = opened_windows(0).await;
    client
        .say(
            (0..100)
                .flat_map(|n| headers(odd(n), WHOLE, &asking("GET", "/big?10000000", &[])))
                .collect::<Vec<_>>(),
        )
        .await;
    client.listen().await;
    assert_eq!(street.service.running(), 100);
    let handed = street.service.handed.load(Ordering::Relaxed);
    assert!(handed <= 100 * 16_384, "no window, yet {handed} bytes were asked for");
    let heard = client.listen_for(limits.http.body_grace + Duration::from_secs(1)).await;
    assert_eq!((heard.resets.len(), heard.over), (100, false));
    assert_eq!(street.service.running(), 0);
    // The connection is as good as before.
    client.say(settings(&[(4, 65_535)])).await;
    assert_eq!(client.ask(get(201)).await.status(201), "200");
}

#[tokio::test(start_paused = true)]
async fn an_answer_taken_byte_by_byte_is_given_up() {
    let (mut client, street) = opened_windows(0).await;
    client.say(headers(1, WHOLE, &asking("GET", "/big?10000000", &[]))).await;
    let mut seconds = 0;
    while !client.heard.over && client.heard.resets.is_empty() {
        client.say(window_update(1, 1)).await;
        client.listen_for(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 60);
    }
    assert_eq!(street.service.running(), 0);
}

/// The windows are wide open, and nobody reads.
#[tokio::test(start_paused = true)]
async fn a_caller_that_reads_nothing_is_cut_off_and_costs_a_bounded_buffer() {
    let limits = Limits::default();
    let (wire, street) = street_with(&limits, 64 * 1024);
    let mut client = Client::opened_with(wire, &[(4, 0x7fff_ffff)]).await;
    client.say(window_update(0, 0x7000_0000)).await;
    client
        .say(
            (0..100)
                .flat_map(|n| headers(odd(n), WHOLE, &asking("GET", "/big?100000000", &[])))
                .collect::<Vec<_>>(),
        )
        .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let handed = street.service.handed.load(Ordering::Relaxed);
    let most = 64 * 1024 + 100 * (limits.http.stream_window as usize + 2 * 16_384);
    assert!(handed <= most, "{handed} bytes of answers wait for a caller that reads nothing, {most} may");
    tokio::time::sleep(limits.idle).await;
    assert_eq!(street.service.running(), 0);
    tokio::time::timeout(limits.drain + limits.idle, street.running).await.unwrap().unwrap();
}

/// The same with a stream that would wait for ever: a write that does not go on ends the connection by itself.
#[tokio::test(start_paused = true)]
async fn a_write_that_does_not_go_on_ends_the_connection() {
    let limits = Limits::default();
    let (wire, street) = street_with(&limits, 1_000);
    let mut client = Client::opened_with(wire, &[(4, 1_000_000)]).await;
    let began = tokio::time::Instant::now();
    client.say(headers(1, WHOLE, &asking("GET", "/hold", &[]))).await;
    client.say(headers(3, WHOLE, &asking("GET", "/big?65536", &[]))).await;
    street.running.await.unwrap();
    assert!(began.elapsed() < limits.idle + Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(street.service.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn streams_above_the_bound_are_refused_and_the_others_go_on() {
    let (mut client, street) = opened().await;
    client
        .say((0..100).flat_map(|n| headers(odd(n), WHOLE, &asking("GET", "/hold", &[]))).collect::<Vec<_>>())
        .await;
    let heard = client.ask(get(201)).await;
    assert_eq!(heard.resets, [(201, REFUSED_STREAM)].into());
    assert_eq!(street.service.running(), 100);
    client.say(reset(1, CANCEL)).await;
    assert_eq!(client.ask(get(203)).await.status(203), "200");
}

/// The server is in the middle of a frame when it has had enough: it ends the frame first.
#[tokio::test(start_paused = true)]
async fn the_last_word_is_a_frame_of_its_own() {
    let (wire, street) = street_with(&Limits::default(), 1_000);
    let mut client = Client::opened_with(wire, &[(4, 1_000_000)]).await;
    client.say(headers(1, WHOLE, &asking("GET", "/big?65536", &[]))).await;
    client.say(window_update(0, 1).repeat(600)).await;
    assert_eq!(calmed(&mut client, street).await, Ended::Faulty(Fault::IdleFrames));
    let body = &client.heard.answers[&1].body;
    assert!(body.len() % 16_384 == 0 && !body.is_empty(), "{}", body.len());
    assert_eq!(client.heard.end(), Some((ENHANCE_YOUR_CALM, "too_many_idle_frames")));
}

/// Streams are opened on, whatever GOAWAY said.
#[tokio::test(start_paused = true)]
async fn requests_after_the_last_end_the_connection() {
    let mut limits = Limits::default();
    limits.http.requests = 10;
    let (mut client, street) = opened_with(&limits).await;
    // Else the library would hear that its GOAWAY has arrived.
    client.there = false;
    for n in 0..10 {
        client.ask(get(odd(n))).await;
    }
    assert_eq!(client.heard.end(), Some((NO_ERROR, "")));
    client.say((10..200).flat_map(|n| get(odd(n))).collect::<Vec<_>>()).await;
    assert_eq!(calmed(&mut client, street).await, Ended::Faulty(Fault::Requests));
}
