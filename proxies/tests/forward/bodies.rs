//! Messages pass whole and unchanged, but for what concerns one connection only.

use proxies::serve::Drained;
use tokio::io::AsyncReadExt;

use crate::harness::{GET, OK, clear, head, hear, reply, rest, say};

fn bulk(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_in_a_row_share_one_connection_and_keep_their_order() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, GET.repeat(3)).await;
    let mut service = street.answer().await;
    for n in 0..3 {
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{n}")).await;
        assert_eq!(reply(&mut caller).await.1, n.to_string());
    }
    drop(caller);
    assert_eq!(rest(&mut service).await, (String::new(), None));
    street.stop.cancel();
    assert_eq!(street.running.await.unwrap(), Drained { cut: 0 });
    assert!(
        proxies::transport::Listen::accept(&mut street.service).await.is_err(),
        "there was one connection"
    );
}

#[tokio::test(start_paused = true)]
async fn big_bodies_pass_both_ways_with_their_length() {
    let mut street = clear();
    let (mut caller, sent) = (street.call().await, bulk(3_000_017));
    let head_of = |line: &str| format!("{line}\r\nHost: a\r\nContent-Length: {}\r\n\r\n", sent.len());
    let calling = async {
        let request = [head_of("PUT /image HTTP/1.1").as_bytes(), &sent].concat();
        let (mut reading, mut writing) = tokio::io::split(&mut caller);
        let write = async { tokio::io::AsyncWriteExt::write_all(&mut writing, &request).await.unwrap() };
        let read = async {
            let mut heard = Vec::new();
            while !heard.ends_with(b"\r\n\r\n") {
                heard.push(reading.read_u8().await.unwrap());
            }
            let mut body = vec![0; sent.len()];
            reading.read_exact(&mut body).await.unwrap();
            body
        };
        tokio::join!(write, read).1
    };
    let serving = async {
        let mut service = street.answer().await;
        let lines = head(&mut service).await;
        let mut body = vec![0; sent.len()];
        service.read_exact(&mut body).await.unwrap();
        say(&mut service, [head_of("HTTP/1.1 200 OK").as_bytes(), &body].concat()).await;
        (lines, body, service)
    };
    let (answered, (lines, heard, _service)) = tokio::join!(calling, serving);
    assert_eq!(lines, ["PUT /image HTTP/1.1", "content-length: 3000017", "host: a"]);
    assert!(heard == sent && answered == sent, "bodies changed on the way");
}

/// The first chunk is answered before the second is sent: nothing waits for the end of a body. Trailers pass, but
/// for what belongs into a head; extensions do not.
#[tokio::test(start_paused = true)]
async fn chunks_are_streamed_as_they_come() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(
        &mut caller,
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n3\r\none\r\n",
    )
    .await;
    let mut service = street.answer().await;
    let lines = head(&mut service).await;
    assert_eq!(lines, ["POST / HTTP/1.1", "host: a", "trailer: T", "transfer-encoding: chunked"]);
    hear(&mut service, "3\r\none\r\n").await;
    say(&mut service, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nONE\r\n").await;
    hear(&mut caller, "3\r\nONE\r\n").await;
    say(&mut caller, "3\r\ntwo\r\n0\r\nT: v\r\nClient-Cert: :AAAA:\r\n\r\n").await;
    assert_eq!(hear(&mut service, "\r\n\r\n").await, "3\r\ntwo\r\n0\r\nt: v\r\n\r\n");
    say(&mut service, "3\r\nTWO\r\n0\r\nU: w\r\nContent-Length: 3\r\n\r\n").await;
    assert_eq!(hear(&mut caller, "\r\n\r\n").await, "3\r\nTWO\r\n0\r\nu: w\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn what_concerns_one_connection_does_not_pass_and_the_rest_does() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(
        &mut caller,
        "GET http://A.invalid/x?y HTTP/1.1\r\nHost: a.invalid\r\nConnection: x-once\r\nX-Once: 1\r\n\
                      Upgrade: h2c\r\nTE: trailers\r\nKeep-Alive: timeout=9\r\nX-Auth-Token: t\r\n\r\n",
    )
    .await;
    let mut service = street.answer().await;
    assert_eq!(head(&mut service).await, ["GET /x?y HTTP/1.1", "host: a.invalid", "x-auth-token: t"]);
    say(
        &mut service,
        "HTTP/1.1 204 No Content\r\nConnection: close\r\nKeep-Alive: timeout=1\r\n\
                       X-Subject-Token: s\r\nDate: now\r\n\r\n",
    )
    .await;
    assert_eq!(head(&mut caller).await, ["HTTP/1.1 204 No Content", "date: now", "x-subject-token: s"]);
    drop(service);
    // The service closed; the caller does not notice.
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    assert_eq!(reply(&mut caller).await.1, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_for_leave_to_send_its_body_gets_it() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n").await;
    let mut service = street.answer().await;
    let heard = head(&mut service).await;
    assert_eq!(heard, ["POST / HTTP/1.1", "content-length: 4", "expect: 100-continue", "host: a"]);
    say(&mut service, "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n").await;
    assert_eq!(hear(&mut caller, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\nx: y\r\n\r\n");
    say(&mut caller, "body").await;
    hear(&mut service, "body").await;
    say(&mut service, OK).await;
    assert_eq!(reply(&mut caller).await.1, "ok");
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_body_may_still_tell_its_length() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, "HTTP/1.1 200 OK\r\ncontent-length: 9000\r\n\r\n").await;
    assert!(head(&mut caller).await.contains(&"content-length: 9000".to_owned()));
    say(&mut caller, GET).await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, "HTTP/1.1 304 Not Modified\r\n\r\n").await;
    assert_eq!(head(&mut caller).await[0], "HTTP/1.1 304 Not Modified");
}

#[tokio::test(start_paused = true)]
async fn an_old_caller_is_answered_in_its_own_way() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, "GET / HTTP/1.0\r\nHost: a\r\n\r\n").await;
    let mut service = street.answer().await;
    assert_eq!(head(&mut service).await[0], "GET / HTTP/1.1");
    say(&mut service, OK).await;
    let (heard, ended) = rest(&mut caller).await;
    assert!(heard.starts_with("HTTP/1.0 200 OK\r\n") && heard.ends_with("\r\n\r\nok"), "{heard:?}");
    assert_eq!(ended, None);
}
