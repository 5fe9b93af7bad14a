//! Upstream connections are kept between requests, and never trusted further than they deserve.

use std::{sync::atomic::Ordering, time::Duration};

use proxies::{
    codec::{BackCodec, FrontCodec},
    forward::Rules,
    stream::BoxStream,
};

use crate::harness::{GET, OK, Street, built, clear, head, hear, reply, rest, say};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx";

/// A street whose one upstream connection has answered and waits; the caller's connection and its own.
async fn kept(street: &mut Street) -> (BoxStream, BoxStream) {
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    reply(&mut caller).await;
    (caller, service)
}

#[tokio::test(start_paused = true)]
async fn callers_share_connections_one_after_the_other_but_never_at_once() {
    let mut street = clear();
    let (mut first, mut service) = kept(&mut street).await;
    let mut second = street.call().await;
    say(&mut second, GET).await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut first, GET).await;
    let mut another = street.answer().await;
    hear(&mut another, "\r\n\r\n").await;
    say(&mut service, "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecond").await;
    say(&mut another, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nfirst").await;
    assert_eq!(reply(&mut first).await.1, "first");
    assert_eq!(reply(&mut second).await.1, "second");
    assert_eq!(street.tally.http.reused.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_while_it_waited_is_not_used() {
    let mut street = clear();
    let (mut caller, service) = kept(&mut street).await;
    drop(service);
    say(&mut caller, POST).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\nx").await;
    say(&mut service, OK).await;
    assert_eq!(reply(&mut caller).await.1, "ok");
    assert_eq!(street.tally.http.retried.load(Ordering::Relaxed), 0, "it was known to be dead");
}

/// Bytes nobody asked for would be taken for the next answer.
#[tokio::test(start_paused = true)]
async fn a_connection_that_says_more_than_it_was_asked_is_never_used_again() {
    for at_once in [true, false] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, GET).await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\n").await;
        let poison = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
        let (now, later) = if at_once { ([OK, poison].concat(), "") } else { (OK.to_owned(), poison) };
        say(&mut service, now).await;
        assert_eq!(reply(&mut caller).await.1, "ok");
        say(&mut service, later).await;
        say(&mut caller, GET).await;
        let mut fresh = street.answer().await;
        hear(&mut fresh, "\r\n\r\n").await;
        say(&mut fresh, OK).await;
        assert_eq!(reply(&mut caller).await.1, "ok");
        assert_eq!(rest(&mut service).await, (String::new(), None), "let go");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_is_sent_again_where_that_does_no_harm() {
    let mut street = clear();
    let (mut caller, mut service) = kept(&mut street).await;
    say(&mut caller, GET).await;
    hear(&mut service, "\r\n\r\n").await;
    drop(service);
    let mut service = street.answer().await;
    let again = head(&mut service).await;
    assert_eq!(again, ["GET /v3 HTTP/1.1", "host: a.invalid:5000"]);
    say(&mut service, OK).await;
    assert_eq!(reply(&mut caller).await.1, "ok");
    assert_eq!(street.tally.http.retried.load(Ordering::Relaxed), 1);
    assert_eq!(street.tally.http.forwarded.load(Ordering::Relaxed), 2);
}

/// The service may have acted on it.
#[tokio::test(start_paused = true)]
async fn a_request_that_was_sent_and_may_do_harm_twice_is_not_sent_again() {
    for (request, end) in [
        (POST, "\r\n\r\nx"),
        ("PATCH / HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", "\r\n\r\nx"),
    ] {
        let mut street = clear();
        let (mut caller, mut service) = kept(&mut street).await;
        say(&mut caller, request).await;
        hear(&mut service, end).await;
        drop(service);
        assert_eq!(reply(&mut caller).await.0, "HTTP/1.1 502 Bad Gateway", "{request:?}");
        assert_eq!(street.tally.http.retried.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_that_dies_is_not_tried_again_and_neither_is_an_answer_that_began() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    drop(service);
    assert_eq!(reply(&mut caller).await.0, "HTTP/1.1 502 Bad Gateway");
    let (mut caller, mut service) = kept(&mut street).await;
    say(&mut caller, GET).await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, "HTTP/1.1 2").await;
    drop(service);
    assert_eq!(reply(&mut caller).await.0, "HTTP/1.1 502 Bad Gateway");
}

#[tokio::test(start_paused = true)]
async fn connections_are_kept_for_a_while_and_only_so_many() {
    let (front, back) = (FrontCodec::clear(), BackCodec::clear());
    let mut street = built(front, back, Rules::default(), |proxy| {
        proxy.limits.http.pooled = 1;
        proxy.limits.http.pooled_for = Duration::from_secs(7);
    });
    let mut callers = [street.call().await, street.call().await];
    for caller in &mut callers {
        say(caller, GET).await;
    }
    let mut services = [street.answer().await, street.answer().await];
    for service in &mut services {
        hear(service, "\r\n\r\n").await;
        say(service, OK).await;
    }
    for caller in &mut callers {
        reply(caller).await;
    }
    let began = tokio::time::Instant::now();
    assert_eq!(rest(&mut services[0]).await, (String::new(), None));
    assert_eq!(began.elapsed().as_secs(), 0, "there is room for one");
    assert_eq!(rest(&mut services[1]).await, (String::new(), None));
    assert!((7..=8).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_says_it_closes_is_taken_at_its_word() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nConnection: close\r\n\r\nok",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, GET).await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, answer).await;
        assert_eq!(reply(&mut caller).await.1, "ok");
        say(&mut caller, GET).await;
        let mut another = street.answer().await;
        hear(&mut another, "\r\n\r\n").await;
    }
}
