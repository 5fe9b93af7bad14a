//! Requests that two readers might read differently never reach the service.

use crate::harness::{GET, OK, SOON, clear, head, hear, reply, rest, say};

const SMUGGLED: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\
                        0\r\n\r\nGET /admin HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn an_ambiguous_request_is_refused_before_anybody_is_dialled() {
    for request in [
        SMUGGLED,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00\r\n\r\n",
    ] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, request).await;
        assert_eq!(head(&mut caller).await[0], "HTTP/1.1 400 Bad Request", "{request:?}");
        street.stop.cancel();
        street.running.await.unwrap();
        let dialled = proxies::transport::Listen::accept(&mut street.service).await;
        assert!(dialled.is_err(), "dialled for {request:?}");
    }
}

/// Whether it comes along with the request before it or while that one is being answered.
#[tokio::test(start_paused = true)]
async fn the_request_before_a_refused_one_is_answered_first() {
    for (at_once, later) in [([GET, SMUGGLED, GET].concat(), ""), (GET.to_owned(), SMUGGLED)] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, at_once).await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\n").await;
        say(&mut caller, later).await;
        tokio::time::advance(SOON).await;
        say(&mut service, OK).await;
        assert_eq!(reply(&mut caller).await, ("HTTP/1.1 200 OK".to_owned(), "ok".to_owned()));
        assert_eq!(head(&mut caller).await[0], "HTTP/1.1 400 Bad Request");
        assert_eq!(rest(&mut caller).await, (String::new(), None));
        assert_eq!(rest(&mut service).await, (String::new(), None), "the service heard one request");
    }
}

/// The same towards the caller: one length, whatever the service says of it.
#[tokio::test(start_paused = true)]
async fn an_answer_framed_twice_is_framed_once_or_not_passed_on() {
    let twice = "content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let same = "content-length: 5\r\ncontent-length: 5\r\n\r\nhello";
    let other = "content-length: 3\r\ncontent-length: 5\r\n\r\nhello";
    let chunked: &[&str] = &["HTTP/1.1 200 OK", "transfer-encoding: chunked"];
    let sized: &[&str] = &["HTTP/1.1 200 OK", "content-length: 5"];
    let refused: &[&str] = &["HTTP/1.1 502 Bad Gateway", "content-length: 0"];
    for (answer, passed) in [(twice, chunked), (same, sized), (other, refused)] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, GET).await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, format!("HTTP/1.1 200 OK\r\n{answer}")).await;
        let mut lines = head(&mut caller).await;
        lines.retain(|line| !line.starts_with("date: "));
        assert_eq!(lines, passed, "{answer:?}");
    }
}

/// Whatever is wrong with a chunk, the service never gets a body that looks whole.
#[tokio::test(start_paused = true)]
async fn a_body_that_goes_wrong_midway_never_looks_complete() {
    for wrong in ["-1\r\n", "5\nxxxxx", "2\r\nlong\r\n", "0\r\n folded: x\r\n\r\n"] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            .await;
        let mut service = street.answer().await;
        hear(&mut service, "3\r\nabc\r\n").await;
        say(&mut caller, wrong).await;
        let (heard, _) = rest(&mut service).await;
        assert!(!heard.contains("0\r\n"), "{wrong:?} became {heard:?}");
        let (answer, _) = rest(&mut caller).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{wrong:?}: {answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn too_much_head_is_refused() {
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(32 * 1024));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(100));
    for (request, status) in
        [(long, "431 Request Header Fields Too Large"), (many, "431 Request Header Fields Too Large")]
    {
        let street = clear();
        let mut caller = street.call().await;
        say(&mut caller, request).await;
        assert_eq!(head(&mut caller).await[0], format!("HTTP/1.1 {status}"));
    }
}
