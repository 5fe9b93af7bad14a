//! Every bound of HTTP/1.1, row by row.

use std::time::Duration;

use proxies::{
    codec::{BackCodec, FrontCodec},
    forward::Rules,
    limits::HttpLimits,
    stream::BoxStream,
};
use tokio::time::Instant;

use crate::harness::{GET, OK, Street, built, clear, head, hear, reply, rest, say};

fn limited(change: impl FnOnce(&mut HttpLimits)) -> Street {
    built(FrontCodec::clear(), BackCodec::clear(), Rules::default(), |proxy| change(&mut proxy.limits.http))
}

/// Says one byte a second, while it is listened to; what it heard, and after how many seconds.
async fn drip(stream: &mut BoxStream, byte: u8) -> (String, u64) {
    let began = Instant::now();
    let (mut reading, mut writing) = tokio::io::split(stream);
    let mut heard = Vec::new();
    let dripping = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _gone = tokio::io::AsyncWriteExt::write_all(&mut writing, &[byte]).await;
        }
    };
    let listening = async {
        let _ended = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut heard).await;
    };
    tokio::select! { () = listening => {} () = dripping => {} }
    (String::from_utf8(heard).unwrap(), began.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn head_in_all_however_it_drips() {
    let street = limited(|http| http.head = Duration::from_secs(4));
    let mut caller = street.call().await;
    say(&mut caller, "GET / HTTP/1.1\r\nX: ").await;
    let (heard, seconds) = drip(&mut caller, b'x').await;
    assert!(heard.starts_with("HTTP/1.1 408 ") && (4..=5).contains(&seconds), "{heard:?} {seconds}");
}

#[tokio::test(start_paused = true)]
async fn keep_alive_before_the_first_request_and_between_two() {
    let mut street = limited(|http| http.keep_alive = Duration::from_secs(12));
    let mut caller = street.call().await;
    let began = Instant::now();
    assert_eq!(rest(&mut caller).await, (String::new(), None));
    assert_eq!(began.elapsed().as_secs(), 12);
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    say(&mut service, OK).await;
    reply(&mut caller).await;
    // Empty lines are no request.
    let began = Instant::now();
    say(&mut caller, "\r\n\r\n").await;
    assert_eq!(rest(&mut caller).await, (String::new(), None));
    assert_eq!(began.elapsed().as_secs(), 12);
}

#[tokio::test(start_paused = true)]
async fn body_rate_once_its_grace_is_over() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n").await;
    let (service, (heard, seconds)) = tokio::join!(street.answer(), drip(&mut caller, b'x'));
    assert!(heard.starts_with("HTTP/1.1 408 ") && (5..=7).contains(&seconds), "{heard:?} {seconds}");
    drop(service);
}

#[tokio::test(start_paused = true)]
async fn body_in_all_however_fast() {
    let mut street = limited(|http| (http.body, http.body_rate) = (Duration::from_secs(20), 1));
    let mut caller = street.call().await;
    say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\nxxxxxxxxxx").await;
    let (service, (heard, seconds)) = tokio::join!(street.answer(), drip(&mut caller, b'x'));
    assert!(heard.starts_with("HTTP/1.1 408 ") && (20..=22).contains(&seconds), "{heard:?} {seconds}");
    drop(service);
}

#[tokio::test(start_paused = true)]
async fn response_head_from_the_end_of_the_request() {
    let mut street = limited(|http| http.response = Duration::from_secs(9));
    let mut caller = street.call().await;
    say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab").await;
    let mut service = street.answer().await;
    hear(&mut service, "ab").await;
    tokio::time::advance(Duration::from_secs(4)).await;
    let began = Instant::now();
    say(&mut caller, "c").await;
    // A head that drips is none.
    let (_, heard) = tokio::join!(
        async { tokio::time::timeout(Duration::from_secs(30), drip(&mut service, b'H')).await },
        head(&mut caller)
    );
    assert_eq!(heard[0], "HTTP/1.1 504 Gateway Timeout");
    assert!(began.elapsed().as_secs() <= 31);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_connection() {
    let mut street = limited(|http| http.requests = 2);
    let mut caller = street.call().await;
    say(&mut caller, GET.repeat(3)).await;
    let mut service = street.answer().await;
    for last in [false, true] {
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, OK).await;
        let lines = head(&mut caller).await;
        assert_eq!(lines.contains(&"connection: close".to_owned()), last);
        hear(&mut caller, "ok").await;
    }
    assert_eq!(rest(&mut caller).await, (String::new(), None));
}

#[tokio::test(start_paused = true)]
async fn fields_and_bytes_of_a_head_both_ways() {
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(5));
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(200));
    let small = |http: &mut HttpLimits| (http.fields, http.head_bytes) = (5, 200);
    for request in [many, long] {
        let street = limited(small);
        let mut caller = street.call().await;
        say(&mut caller, request).await;
        assert_eq!(head(&mut caller).await[0], "HTTP/1.1 431 Request Header Fields Too Large");
    }
    for fields in ["X: y\r\n".repeat(6), format!("X: {}\r\n", "x".repeat(200))] {
        let mut street = limited(small);
        let mut caller = street.call().await;
        say(&mut caller, GET).await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n")).await;
        assert_eq!(head(&mut caller).await[0], "HTTP/1.1 502 Bad Gateway");
    }
}

/// A caller that reads a byte now and then does not hold a service's answer for ever.
#[tokio::test(start_paused = true)]
async fn slow_reading_is_a_slow_body_too() {
    let mut street = clear();
    let mut caller = street.call().await;
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    let began = Instant::now();
    let serving = async {
        let bulk = vec![b'x'; 1_000_000];
        say(&mut service, "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n").await;
        say(&mut service, bulk).await;
        began.elapsed().as_secs()
    };
    let reading = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            tokio::io::AsyncReadExt::read_u8(&mut caller).await.unwrap();
        }
    };
    let seconds = tokio::select! { seconds = serving => seconds, () = reading => 0 };
    assert!((5..=8).contains(&seconds), "{seconds}");
}
