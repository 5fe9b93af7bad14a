//! Where requests go, what services are told of callers, and who else is asked.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use proxies::{
    balance::Group,
    caller::Caller,
    codec::{BackCodec, FrontCodec},
    forward::{Admit, Forwarded, HttpRoute, Inspect, Objection, RetryAfter, Rules, Watch},
    http::{request::RequestHead, response::ResponseHead},
    tls::Verification,
    transport::{Listen, Party, memory},
};

use crate::{
    harness::{GET, OK, SOON, Street, built, head, hear, reply, rest, say},
    support::{Authority, client},
};

#[tokio::test(start_paused = true)]
async fn requests_of_one_connection_go_where_their_paths_lead() {
    let route = |path: &str, group| HttpRoute { host: None, path: path.to_owned(), group };
    let rules = Rules { routes: vec![route("/", 0), route("/v3", 1)], ..Rules::default() };
    let (dial, mut identity) = memory::pair(Party(3));
    let mut street = built(FrontCodec::clear(), BackCodec::clear(), rules, |proxy| {
        proxy.groups.push(Group::of_one("identity", dial, BackCodec::clear()));
    });
    let mut caller = street.call().await;
    say(&mut caller, [GET, "GET /other HTTP/1.1\r\nHost: a\r\n\r\n", GET].concat()).await;
    let mut service: proxies::stream::BoxStream = Box::new(identity.accept().await.unwrap().0);
    assert_eq!(head(&mut service).await[0], "GET /v3 HTTP/1.1");
    say(&mut service, OK).await;
    let mut other = street.answer().await;
    assert_eq!(head(&mut other).await[0], "GET /other HTTP/1.1");
    say(&mut other, OK).await;
    assert_eq!(head(&mut service).await[0], "GET /v3 HTTP/1.1");
    say(&mut service, OK).await;
    for _ in 0..3 {
        assert_eq!(reply(&mut caller).await.1, "ok");
    }
    say(&mut caller, "GET /v3/../other HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(reply(&mut caller).await.0, "HTTP/1.1 400 Bad Request");
}

#[tokio::test(start_paused = true)]
async fn services_are_told_where_a_request_came_from_and_only_by_the_proxy() {
    let mut street = built(FrontCodec::clear(), BackCodec::clear(), Rules::default(), |_| {});
    let mut caller = street.call().await;
    say(
        &mut caller,
        "GET / HTTP/1.1\r\nHost: a:5000\r\nForwarded: for=1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\n\
         X_Forwarded_Proto: https\r\nx-forwarded-port: 1\r\nX-Real-IP: 1.2.3.4\r\n\
         Connection: x-forwarded-for, forwarded\r\n\r\n",
    )
    .await;
    let mut service = street.answer().await;
    assert_eq!(
        head(&mut service).await,
        [
            "GET / HTTP/1.1",
            "forwarded: for=127.0.0.2;host=\"a:5000\";proto=http",
            "host: a:5000",
            "x-forwarded-for: 127.0.0.2",
            "x-forwarded-host: a:5000",
            "x-forwarded-proto: http",
        ]
    );
}

/// A proxy of ours in front is believed, and says who it is itself.
#[tokio::test(start_paused = true)]
async fn a_believed_proxy_passes_on_where_a_request_came_from() {
    let authority = Authority::new();
    for (name, believed) in [("edge.invalid", true), ("user.invalid", false)] {
        let front = FrontCodec::terminate(authority.server_asking("a.invalid", true, None));
        let forwarded = Forwarded { set: true, accept_from: vec!["edge.invalid".to_owned()] };
        let mut street = built(front, BackCodec::clear(), Rules { forwarded, ..Rules::default() }, |_| {});
        let settings = authority.settings("a.invalid").presenting(authority.identity(name));
        let codec = BackCodec::originate(client(&settings));
        let mut caller = codec.connect(street.call().await, SOON).await.unwrap();
        let said = "Forwarded: for=1.2.3.4\r\nX-Forwarded-Proto: http\r\nX_Forwarded_For: 1.2.3.4\r\n";
        say(&mut caller, format!("GET / HTTP/1.1\r\nHost: a.invalid\r\n{said}\r\n")).await;
        let mut service = street.answer().await;
        let heard = head(&mut service).await;
        let own = "forwarded: for=127.0.0.2;host=\"a.invalid\";proto=https".to_owned();
        assert!(heard.contains(&own), "{heard:?}");
        let passed = ["forwarded: for=1.2.3.4", "x-forwarded-proto: http"];
        assert_eq!(passed.map(|line| heard.contains(&line.to_owned())), [believed; 2], "{heard:?}");
        assert_eq!(heard.iter().filter(|line| line.starts_with("x-forwarded-for: ")).count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_for_one_name_that_asks_for_another_is_misdirected() {
    let authority = Authority::new();
    let front = FrontCodec::terminate(authority.server("a.invalid"));
    let mut street = built(front, BackCodec::clear(), Rules::default(), |_| {});
    let client = BackCodec::originate(authority.client("a.invalid", Verification::Name));
    let mut caller = client.connect(street.call().await, SOON).await.unwrap();
    say(&mut caller, GET.replace("a.invalid", "b.invalid")).await;
    assert_eq!(reply(&mut caller).await.0, "HTTP/1.1 421 Misdirected Request");
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    assert!(head(&mut service).await.contains(&"x-forwarded-proto: https".to_owned()));
    assert_eq!(street.tally.http.own_answers(), BTreeMap::from([(421, 1)]));
}

/// Refuses whatever says "evil", wherever it says it.
struct Filter;
struct Eye;

fn clean(status: u16, rule: &'static str, text: &[u8]) -> Result<(), Objection> {
    let evil = text.windows(4).any(|window| window == b"evil");
    if evil { Err(Objection { status, rule: Cow::Borrowed(rule) }) } else { Ok(()) }
}

impl Inspect for Filter {
    fn request(&self, _: &Caller, head: &RequestHead<'_>) -> Result<Option<Box<dyn Watch>>, Objection> {
        clean(403, "target", head.target.as_bytes())?;
        Ok(Some(Box::new(Eye)))
    }
}

impl Watch for Eye {
    fn request_part(&mut self, part: &[u8]) -> Result<(), Objection> {
        clean(413, "request", part)
    }

    fn response(&mut self, head: &ResponseHead<'_>) -> Result<(), Objection> {
        head.fields.iter().try_for_each(|field| clean(502, "head", field.value))
    }

    fn response_part(&mut self, part: &[u8]) -> Result<(), Objection> {
        clean(502, "answer", part)
    }
}

fn filtered() -> Street {
    built(FrontCodec::clear(), BackCodec::clear(), Rules::default(), |proxy| {
        proxy.hooks.inspect = Some(Arc::new(Filter));
    })
}

#[tokio::test(start_paused = true)]
async fn a_filter_stops_requests_before_anybody_hears_of_them() {
    let mut street = filtered();
    let mut caller = street.call().await;
    say(&mut caller, "GET /evil HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(reply(&mut caller).await.0, "HTTP/1.1 403 Forbidden");
    say(&mut caller, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20\r\n\r\nan evil thing").await;
    let mut service = street.answer().await;
    assert_eq!(head(&mut caller).await[0], "HTTP/1.1 413 Content Too Large");
    assert!(!rest(&mut service).await.0.contains("evil"));
    assert_eq!(street.tally.http.objections(), BTreeMap::from([("request".into(), 1), ("target".into(), 1)]));
}

#[tokio::test(start_paused = true)]
async fn a_filter_stops_answers_or_breaks_them_off() {
    for (answer, rule) in [
        ("HTTP/1.1 200 OK\r\nX: evil\r\ncontent-length: 0\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ngood evil", "answer"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n", "answer"),
    ] {
        let mut street = filtered();
        let mut caller = street.call().await;
        say(&mut caller, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let mut service = street.answer().await;
        hear(&mut service, "\r\n\r\n").await;
        say(&mut service, answer).await;
        let (heard, _) = rest(&mut caller).await;
        assert!(!heard.contains("evil") && !heard.contains("\n0\r\n"), "{heard:?}");
        assert_eq!(street.tally.http.objections(), BTreeMap::from([(rule.into(), 1)]));
    }
}

struct Never;

impl Admit for Never {
    fn admit(&self, _: &Caller, head: &RequestHead<'_>) -> Result<(), RetryAfter> {
        match head.values("x-auth-token").next() {
            Some(b"greedy") => Err(RetryAfter(7)),
            _ => Ok(()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let mut street = built(FrontCodec::clear(), BackCodec::clear(), Rules::default(), |proxy| {
        proxy.hooks.admit = Some(Arc::new(Never));
    });
    let mut caller = street.call().await;
    say(&mut caller, "GET / HTTP/1.1\r\nHost: a\r\nX-Auth-Token: greedy\r\n\r\n").await;
    let lines = head(&mut caller).await;
    assert_eq!(lines[0], "HTTP/1.1 429 Too Many Requests");
    assert!(lines.contains(&"retry-after: 7".to_owned()), "{lines:?}");
    say(&mut caller, GET).await;
    let mut service = street.answer().await;
    hear(&mut service, "\r\n\r\n").await;
    assert_eq!(street.tally.http.forwarded.load(Ordering::Relaxed), 1);
}
