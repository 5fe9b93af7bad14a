//! Every deadline of the front, and how connections end.

use std::time::Duration;

use proxies::{
    forward::h2::{Ended, Fault},
    limits::Limits,
};
use tokio::time::{Instant, timeout};

use crate::{
    client::*,
    street::{opened, opened_with, street},
};

const SECOND: Duration = Duration::from_secs(1);

fn post(stream: u32, path: &str) -> Vec<u8> {
    headers(stream, END_HEADERS, &asking("POST", path, &[]))
}

#[tokio::test(start_paused = true)]
async fn the_settings_say_what_is_kept() {
    let (client, _street) = opened().await;
    let http = Limits::default().http;
    let said = &client.heard.settings;
    for (id, value) in [(3, http.streams), (4, http.stream_window), (6, http.header_list)] {
        assert!(said.contains(&(id, value)), "{id} is not {value}: {said:?}");
    }
}

/// A connection that never begins is over after the deadline of a head, whatever it is that is missing.
#[tokio::test(start_paused = true)]
async fn an_opening_that_takes_too_long_is_cut() {
    let half = &settings(&[(3, 1)])[..10];
    for opening in [&b""[..], &PREFACE[..10], PREFACE, &[PREFACE, half].concat()] {
        let (wire, street) = street();
        let (mut client, began) = (Client::new(wire), Instant::now());
        client.say(opening).await;
        client.listen_for(9 * SECOND).await;
        assert!(!client.heard.over);
        assert_eq!(street.running.await.unwrap(), Ended::Faulty(Fault::SlowOpening));
        assert!(began.elapsed() <= Limits::default().http.head + 2 * SECOND);
        assert_eq!(client.listen().await.end(), Some((ENHANCE_YOUR_CALM, "slow_opening")));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_opening_is_the_end() {
    let other_first = [PREFACE, &frame(PING, 0, 0, &[0; 8])].concat();
    let ack_first = [PREFACE, &frame(SETTINGS, ACK, 0, &[])].concat();
    let request_first = [PREFACE, &get(1)].concat();
    for opening in [other_first, ack_first, request_first] {
        let (wire, street) = street();
        let mut client = Client::new(wire);
        assert_eq!(client.ask(opening).await.end(), Some((PROTOCOL_ERROR, "no_settings")));
        assert!(client.heard.over && street.service.asked().is_empty());
    }
    for opening in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r.......",
        "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
    ] {
        let (wire, street) = street();
        let mut client = Client::new(wire);
        assert!(client.ask(opening).await.over, "{opening:?}");
        assert!(street.service.asked().is_empty());
        assert_eq!(street.running.await.unwrap(), Ended::Over);
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_that_takes_too_long_is_cut_however_it_drips() {
    for drip in [false, true] {
        let (mut client, street) = opened().await;
        let began = Instant::now();
        let block = block(GET);
        client.say(frame(HEADERS, END_STREAM, 1, &block[..9])).await;
        for n in 0..3 {
            client.listen_for(3 * SECOND).await;
            assert!(!client.heard.over);
            if drip {
                client.say(frame(CONTINUATION, 0, 1, &block[9 + n..10 + n])).await;
            }
        }
        assert_eq!(street.running.await.unwrap(), Ended::Faulty(Fault::SlowHead));
        assert!(began.elapsed() <= Limits::default().http.head + 2 * SECOND);
        assert_eq!(client.listen().await.end(), Some((ENHANCE_YOUR_CALM, "slow_head")));
    }
}

/// The head of one frame says how long it will be, and then nothing comes.
#[tokio::test(start_paused = true)]
async fn half_a_headers_frame_is_a_slow_head() {
    let (mut client, street) = opened().await;
    client.say(&get(1)[..20]).await;
    client.listen_for(9 * SECOND).await;
    assert!(!client.heard.over);
    assert_eq!(street.running.await.unwrap(), Ended::Faulty(Fault::SlowHead));
}

#[tokio::test(start_paused = true)]
async fn a_body_must_come_at_its_rate_and_in_its_time() {
    let http = Limits::default().http;
    // Nothing at all.
    let (mut client, street) = opened().await;
    let began = Instant::now();
    client.say(post(1, "/")).await;
    client.listen_for(2 * http.body_grace).await;
    let asked = street.service.asked().remove(0);
    assert_eq!(asked.end, Some("too slow"));
    assert_eq!((asked.at - began).as_secs(), http.body_grace.as_secs());
    assert_eq!(client.heard.status(1), "408");
    // A byte a second.
    let began = Instant::now();
    client.say(post(3, "/")).await;
    while client.heard.status(3) == "none" {
        client.say(frame(DATA, 0, 3, b"x")).await;
        client.listen_for(SECOND).await;
        assert!(began.elapsed() < 10 * SECOND);
    }
    assert_eq!(street.service.asked()[1].end, Some("too slow"));
    // Fast enough, and for ever.
    let began = Instant::now();
    client.say(post(5, "/")).await;
    while client.heard.status(5) == "none" {
        client.say(frame(DATA, 0, 5, &[b'x'; 2_000])).await;
        client.listen_for(SECOND).await;
        assert!(began.elapsed() < http.body + 10 * SECOND, "{:?}", client.heard);
    }
    assert!(began.elapsed() >= http.body);
    assert_eq!(street.service.asked()[2].end, Some("too slow"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_requests_ends_in_order_whatever_it_says() {
    let limits = Limits::default();
    for pinging in [false, true] {
        let (mut client, street) = opened().await;
        client.ask(get(1)).await;
        let began = Instant::now();
        while client.heard.goaways.is_empty() {
            if pinging {
                client.say(frame(PING, 0, 0, &[0; 8])).await;
            }
            client.listen_for(SECOND).await;
            assert!(began.elapsed() < limits.http.keep_alive + 2 * SECOND);
        }
        assert!(began.elapsed() + SECOND > limits.http.keep_alive);
        assert_eq!(client.heard.end(), Some((NO_ERROR, "")));
        assert_eq!(street.running.await.unwrap(), Ended::Over);
        assert!(began.elapsed() < limits.http.keep_alive + limits.drain + 2 * SECOND);
    }
}

/// A stream is open, and nobody is there any more.
#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_is_found_out_within_the_idle_time() {
    let limits = Limits::default();
    let (mut client, street) = opened().await;
    client.there = false;
    let began = Instant::now();
    client.say(headers(1, WHOLE, &asking("GET", "/hold", &[]))).await;
    let _not_yet = timeout(limits.idle / 10 * 9, client.listen_for(limits.idle)).await;
    assert_eq!((client.heard.pings.len(), client.heard.over), (1, false));
    street.running.await.unwrap();
    assert!(began.elapsed() <= limits.idle + 3 * SECOND);
    assert_eq!(street.service.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_there_may_wait_for_its_answer() {
    let (mut client, street) = opened().await;
    client.say(headers(1, WHOLE, &asking("GET", "/slow", &[]))).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_mins(10) {
        client.listen_for(SECOND).await;
    }
    assert!(!client.heard.over && client.heard.resets.is_empty());
    assert_eq!(client.heard.answers[&1].body, b"begun");
    assert_eq!(street.service.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_the_last_request_of_a_connection_comes_its_end() {
    let mut limits = Limits::default();
    limits.http.requests = 3;
    let (mut client, street) = opened_with(&limits).await;
    for stream in [1, 3] {
        assert_eq!(client.ask(get(stream)).await.status(stream), "200");
    }
    assert!(client.heard.goaways.is_empty());
    assert_eq!(client.ask(get(5)).await.status(5), "200");
    assert_eq!(client.heard.end(), Some((NO_ERROR, "")));
    assert!(client.listen().await.over);
    assert_eq!(street.running.await.unwrap(), Ended::Over);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_streams_end_and_takes_no_more() {
    let (mut client, street) = opened().await;
    client.say(post(1, "/")).await;
    client.listen().await;
    street.stop.cancel();
    client.listen().await;
    assert_eq!(client.heard.end(), Some((NO_ERROR, "")));
    client.listen().await;
    client.say(get(3)).await;
    client.say(frame(DATA, END_STREAM, 1, b"the rest")).await;
    client.listen().await;
    assert_eq!((client.heard.status(1), client.heard.status(3)), ("200", "none"));
    assert!(client.heard.over);
    assert_eq!(street.running.await.unwrap(), Ended::Over);
    assert_eq!(street.service.asked().len(), 1);
}

/// Whoever drops the connection drops everything it began.
#[tokio::test(start_paused = true)]
async fn nothing_outlives_a_connection() {
    for cut in [false, true] {
        let (mut client, street) = opened().await;
        client
            .say(
                (0..50)
                    .flat_map(|n| headers(2 * n + 1, WHOLE, &asking("GET", "/hold", &[])))
                    .collect::<Vec<_>>(),
            )
            .await;
        client.listen().await;
        assert_eq!(street.service.running(), 50);
        if cut {
            street.running.abort();
        } else {
            client.hang_up().await;
        }
        let _cut = street.running.await;
        tokio::task::yield_now().await;
        assert_eq!(street.service.running(), 0, "cut: {cut}");
    }
}
