//! How exchanges end that do not end well, and how all of them end.

use std::sync::atomic::Ordering;

use proxies::{
    codec::{BackCodec, FrontCodec},
    serve::Drained,
    tls::Verification,
};
use tokio::{io::AsyncWriteExt, time::Instant};

use crate::{
    harness::{GET, OK, SOON, clear, head, hear, reply, rest, say, street},
    support::Authority,
};

#[tokio::test(start_paused = true)]
async fn a_service_that_dies_midway_never_leaves_an_answer_that_looks_complete() {
    let authority = Authority::new();
    for (framing, part) in [
        ("content-length: 100", "half of it"),
        ("transfer-encoding: chunked", "4\r\nhalf\r\n"),
        ("x: until the end", "half"),
    ] {
        let front = FrontCodec::terminate(authority.server("a.invalid"));
        let back = BackCodec::originate(authority.client("b.invalid", Verification::Name));
        let mut street = street(front, back, &[]);
        let far_side = FrontCodec::terminate(authority.server("b.invalid"));
        let client = BackCodec::originate(authority.client("a.invalid", Verification::Name));
        let mut caller = client.connect(street.call().await, SOON).await.unwrap();
        say(&mut caller, GET).await;
        let mut service = far_side.accept(street.answer().await, SOON).await.unwrap().stream;
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{part}")).await;
        // Dropped without saying goodbye.
        drop(service);
        let (heard, ended) = rest(&mut caller).await;
        assert!(!heard.contains("\n0\r\n"), "{framing}: {heard:?}");
        assert_eq!(ended, Some(std::io::ErrorKind::UnexpectedEof), "{framing}: {heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_dies_midway_never_leaves_a_request_that_looks_complete() {
    for body in ["Content-Length: 9\r\n\r\nhalf", "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, format!("POST / HTTP/1.1\r\nHost: a\r\n{body}")).await;
        let mut service = street.answer().await;
        hear(&mut service, "half").await;
        drop(caller);
        let (heard, _) = rest(&mut service).await;
        assert!(!heard.contains("0\r\n"), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_nobody_can_reach_is_a_502_and_the_connection_goes_on() {
    let mut street = clear();
    let (_, gone) = proxies::transport::memory::pair(proxies::transport::Party(9));
    drop(std::mem::replace(&mut street.service, gone));
    let mut caller = street.call().await;
    for n in 1..=2 {
        say(&mut caller, GET).await;
        assert_eq!(reply(&mut caller).await, ("HTTP/1.1 502 Bad Gateway".to_owned(), String::new()));
        assert_eq!(street.tally.upstream_failed.load(Ordering::Relaxed), n);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_http_or_none_at_all_is_a_502() {
    for answer in
        ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nhalf a he", "HTTP/1.1 101 Switching Protocols\r\n\r\n", ""]
    {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\nx").await;
        say(&mut service, answer).await;
        drop(service);
        assert_eq!(head(&mut caller).await[0], "HTTP/1.1 502 Bad Gateway", "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_a_504_after_the_idle_time() {
    let mut street = clear();
    let mut caller = street.call().await;
    let began = Instant::now();
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    assert_eq!(head(&mut caller).await[0], "HTTP/1.1 504 Gateway Timeout");
    assert_eq!(began.elapsed().as_secs(), 30);
    // The late answer belongs to nobody.
    assert_eq!(rest(&mut service).await, (String::new(), None));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stalls_is_broken_off_after_the_idle_time() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    tokio::time::advance(SOON).await;
    say(&mut service, "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").await;
    hear(&mut caller, "half").await;
    let stalled = Instant::now();
    assert_eq!(rest(&mut caller).await.0, "");
    assert_eq!(stalled.elapsed().as_secs(), 30);
}

/// A byte now and then does not help: the whole head has one deadline.
#[tokio::test(start_paused = true)]
async fn a_head_that_drips_is_let_go_at_the_deadline() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    reply(&mut caller).await;
    let began = Instant::now();
    for byte in GET.bytes().take(3) {
        caller.write_all(&[byte]).await.unwrap();
        // It is noticed before time goes on.
        tokio::task::yield_now().await;
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
    }
    assert!(rest(&mut caller).await.0.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_the_answer_in_progress_end_and_closes_who_is_idle() {
    let mut street = clear();
    let mut idle = street.call().await;
    say(&mut idle, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    reply(&mut idle).await;
    let mut busy = street.call().await;
    say(&mut busy, GET).await;
    hear(&mut service, "\r\n\r\n").await;
    street.stop.cancel();
    assert_eq!(rest(&mut idle).await, (String::new(), None));
    say(&mut service, OK).await;
    let (heard, ended) = rest(&mut busy).await;
    assert!(heard.contains("connection: close\r\n") && heard.ends_with("\r\n\r\nok"), "{heard:?}");
    assert_eq!(ended, None);
    assert_eq!(street.running.await.unwrap(), Drained { cut: 0 });
    assert_eq!(rest(&mut service).await, (String::new(), None));
}

/// Where TLS lies behind, too, the service is told that no more requests come.
#[tokio::test(start_paused = true)]
async fn a_service_behind_tls_is_left_in_order() {
    let authority = Authority::new();
    let back = BackCodec::originate(authority.client("b.invalid", Verification::Name));
    let mut street = street(FrontCodec::clear(), back, &[]);
    let far_side = FrontCodec::terminate(authority.server("b.invalid"));
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = far_side.accept(street.answer().await, SOON).await.unwrap().stream;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    reply(&mut caller).await;
    drop(caller);
    assert_eq!(rest(&mut service).await, (String::new(), None));
}
