//! Requests and answers as values, as a front of another version gives and takes them.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    HeaderMap, Request, StatusCode, Version,
    body::{Body, Frame},
};
use proxies::{
    balance::Group,
    caller::Caller,
    codec::BackCodec,
    forward::{Hooks, Rules, Site, Visit},
    limits::Limits,
    stream::BoxStream,
    transport::{
        Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};

use crate::harness::{OK, head, hear, rest, say};

fn visit() -> (Visit<MemoryDialer>, MemoryListen) {
    let (dial, service) = memory::pair(Party(2));
    let groups = vec![Group::of_one("service", dial, BackCodec::clear())];
    let site = Site::new(groups, Rules::default(), Limits::default(), Hooks::default(), Arc::default());
    (Arc::new(site).visit(Caller::default()), service)
}

async fn accept(service: &mut MemoryListen) -> BoxStream {
    Box::new(service.accept().await.unwrap().0)
}

fn request<B>(method: &str, body: B) -> Request<B> {
    let builder =
        Request::builder().version(Version::HTTP_2).method(method).uri("https://a.invalid:5000/v3?x");
    builder
        .header("cookie", "a=1")
        .header("x-forwarded-for", "1.2.3.4")
        .header("cookie", "b=2")
        .body(body)
        .unwrap()
}

/// A body in these frames.
struct Frames(VecDeque<Frame<Bytes>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_body_goes_out_as_a_head_and_its_connection_is_kept() {
    let (visit, mut listen) = visit();
    let mut kept: Option<BoxStream> = None;
    for _ in 0..3 {
        let serving = async {
            let mut service = match kept.take() {
                Some(service) => service,
                None => accept(&mut listen).await,
            };
            let heard = head(&mut service).await;
            say(&mut service, OK).await;
            (service, heard)
        };
        let answering = async {
            let answer = visit.answer(request("GET", Empty::<Bytes>::new())).await;
            assert_eq!(
                (answer.status(), answer.headers()["content-length"].as_bytes()),
                (StatusCode::OK, &b"2"[..])
            );
            answer.into_body().collect().await.unwrap().to_bytes()
        };
        let ((service, heard), body) = tokio::join!(serving, answering);
        assert_eq!(body, "ok");
        assert_eq!(
            heard,
            [
                "GET /v3?x HTTP/1.1",
                "cookie: a=1; b=2",
                "forwarded: for=unknown;host=\"a.invalid:5000\";proto=http",
                "host: a.invalid:5000",
                "x-forwarded-host: a.invalid:5000",
                "x-forwarded-proto: http",
            ]
        );
        kept = Some(service);
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_and_trailers_stream_both_ways() {
    let (visit, mut listen) = visit();
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1".parse().unwrap());
    trailers.insert("client-cert", ":AAAA:".parse().unwrap());
    let frames =
        [Frame::data(Bytes::from("one")), Frame::data(Bytes::from("two")), Frame::trailers(trailers)];
    let serving = async {
        let mut service = accept(&mut listen).await;
        assert!(head(&mut service).await.contains(&"transfer-encoding: chunked".to_owned()));
        let heard = hear(&mut service, "\r\n\r\n").await;
        assert_eq!(heard, "3\r\none\r\n3\r\ntwo\r\n0\r\nchecksum: 1\r\n\r\n");
        say(&mut service, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: x\r\nX: y\r\n\r\n")
            .await;
        say(&mut service, "3\r\nONE\r\n0\r\nSum: 2\r\nHost: b\r\n\r\n").await;
        service
    };
    let answering = async {
        let answer = visit.answer(request("POST", Frames(frames.into()))).await;
        assert!(answer.headers().is_empty(), "{:?}", answer.headers());
        answer.into_body().collect().await.unwrap()
    };
    let (_service, answered) = tokio::join!(serving, answering);
    let left: Vec<_> = answered.trailers().unwrap().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(left, ["sum"]);
    assert_eq!(answered.to_bytes(), "ONE");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_breaks_off_is_an_error_and_none_is_a_502() {
    let (visit, mut listen) = visit();
    for (said, status) in [("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", 200), ("", 502)] {
        let serving = async {
            let mut service = accept(&mut listen).await;
            hear(&mut service, "body").await;
            say(&mut service, said).await;
        };
        let answering = async {
            let answer = visit.answer(request("POST", Full::new(Bytes::from("body")))).await;
            assert_eq!(answer.status(), status);
            answer.into_body().collect().await
        };
        let ((), body) = tokio::join!(serving, answering);
        assert_eq!(body.is_ok(), status == 502);
    }
}

/// A length that is not kept would be filled up from the next request.
#[tokio::test(start_paused = true)]
async fn a_body_of_another_length_than_promised_is_broken_off() {
    for (promised, sent) in [("3", "four"), ("5", "four")] {
        let (visit, mut listen) = visit();
        let serving = async { rest(&mut accept(&mut listen).await).await.0 };
        let answering = async {
            let mut request = request("POST", Full::new(Bytes::from(sent)));
            request.headers_mut().insert("content-length", promised.parse().unwrap());
            visit.answer(request).await.status()
        };
        let (heard, status) = tokio::join!(serving, answering);
        assert_eq!(status, 400);
        assert!(!heard.ends_with("fou") && !heard.ends_with("four\r\n"), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_asked_is_answered_without_a_service() {
    let (visit, _listen) = visit();
    let mut two = request("GET", Empty::<Bytes>::new());
    two.headers_mut().insert("host", "b".parse().unwrap());
    let mut chunked = request("GET", Empty::<Bytes>::new());
    chunked.headers_mut().insert("transfer-encoding", "chunked".parse().unwrap());
    let connect = request("CONNECT", Empty::<Bytes>::new());
    for request in [two, chunked, connect] {
        assert_eq!(visit.answer(request).await.status(), 400);
    }
}
