//! Interim answers and changes of protocol.

use crate::harness::{GET, OK, clear, head, hear, reply, rest, say};

const UPGRADE: &str = "GET /console HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCHING: &str =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn after_an_upgrade_bytes_pass_both_ways_those_that_came_early_first() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, [UPGRADE, "early"].concat()).await;
    let mut service = street.answer().await;
    let heard = head(&mut service).await;
    assert_eq!(heard, ["GET /console HTTP/1.1", "connection: upgrade", "host: a", "upgrade: websocket"]);
    say(&mut service, [SWITCHING, "hello"].concat()).await;
    let lines = head(&mut caller).await;
    assert_eq!(lines, ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: websocket"]);
    hear(&mut caller, "hello").await;
    assert_eq!(hear(&mut service, "early").await, "early");
    say(&mut caller, GET).await;
    assert_eq!(hear(&mut service, "\r\n\r\n").await, GET, "nobody reads requests here any more");
    drop(caller);
    assert_eq!(rest(&mut service).await.0, "");
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_is_not_taken_is_a_request_like_any_other() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, [UPGRADE, GET].concat()).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    assert_eq!(reply(&mut caller).await.1, "ok");
    assert_eq!(head(&mut service).await[0], "GET /v3 HTTP/1.1");
}

/// HTTP spoken in another way behind the back of whoever judges it.
#[tokio::test(start_paused = true)]
async fn nobody_upgrades_to_http() {
    for protocol in ["h2c", "HTTP/2.0", "TLS/1.0", "websocket, h2c"] {
        let mut street = clear();
        let mut caller = street.call().await;
        say(&mut caller, UPGRADE.replace("websocket", protocol)).await;
        let mut service = street.answer().await;
        assert_eq!(head(&mut service).await, ["GET /console HTTP/1.1", "host: a"], "{protocol}");
        say(&mut service, SWITCHING).await;
        assert_eq!(head(&mut caller).await[0], "HTTP/1.1 502 Bad Gateway");
    }
}

#[tokio::test(start_paused = true)]
async fn interim_answers_pass_to_those_who_know_them() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\nConnection: close\r\n\r\n";
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, ["HTTP/1.1 100 Continue\r\n\r\n", early, early].concat()).await;
    for _ in 0..2 {
        assert_eq!(hear(&mut caller, "\r\n\r\n").await, "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
    }
    say(&mut service, OK).await;
    assert_eq!(reply(&mut caller).await.1, "ok");
    let mut old = street.call().await;
    say(&mut old, "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, [early, OK].concat()).await;
    assert!(rest(&mut old).await.0.starts_with("HTTP/1.0 200 OK\r\n"));
    say(&mut caller, GET).await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, early.repeat(40)).await;
    let heard = hear(&mut caller, " 502 Bad Gateway").await;
    assert!(heard.contains(" 103 "), "{heard}");
}

/// A body nobody waited for may be taken for a request by somebody.
#[tokio::test(start_paused = true)]
async fn a_final_answer_to_a_caller_that_waits_ends_its_connection() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n")
        .await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").await;
    assert!(head(&mut caller).await.contains(&"connection: close".to_owned()));
    say(&mut caller, GET).await;
    assert_eq!(rest(&mut caller).await.0, "");
    assert_eq!(rest(&mut service).await, (String::new(), None), "nothing more was sent");
}
