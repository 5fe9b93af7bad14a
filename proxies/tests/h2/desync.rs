//! HTTP/2 in front and HTTP/1.1 behind must mean the same requests: whatever a client says, the service gets exactly
//! those that were forwarded, each as it was meant, and nothing between them.

use proxies::{
    caller::{Caller, Handshake},
    codec::FrontCodec,
    forward::{ClientCert, Rules},
    proxy::{Forward, Proxy},
    tls::PeerCertificate,
    transport::{Dial, Party, memory},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    client::*,
    service::{Got, town},
    table::cases,
};

/// What would be a request of its own if anybody read it as one.
const HIDDEN: &str = "GET /admin HTTP/1.1\r\nhost: a.invalid\r\n\r\n";

fn plain() -> Rules {
    let mut rules = Rules::default();
    rules.forwarded.set = false;
    rules
}

/// Says this, then asks for `/after`: what the service got, and whether stream 1 was answered by it.
async fn through(says: &[u8]) -> (Vec<Got>, bool) {
    let town = town(plain());
    let (wire, _running) = town.call(Caller::default());
    let mut client = Client::opened(wire).await;
    client.say(says).await;
    client.listen().await;
    let heard = client.ask(headers(1_001, WHOLE, &asking("GET", "/after", &[]))).await;
    let answered = heard.answers.values().filter(|answer| answer.status() == "200").count();
    let (first, over) = (heard.status(1) == "200", heard.over);
    assert_eq!(heard.status(1_001) == "200", !over, "{heard:?}");
    let mut got = town.record.got();
    assert!(got.len() >= answered, "an answer without a request: {got:?}");
    if !over {
        assert_eq!(got.pop().unwrap().line, "GET /after HTTP/1.1");
    }
    (got, first)
}

/// Every case of the table, with a real exchange behind it.
#[tokio::test(start_paused = true)]
async fn the_service_gets_what_was_answered_and_nothing_else() {
    for case in cases() {
        // What the service of the table holds, this one answers.
        let (got, answered) = through(&case.says).await;
        let whole = ["setting", "frame", "ping", "goaway", "priority", "stream", "window", "reset"];
        if !whole.iter().any(|kind| case.name.starts_with(kind)) {
            // What is wrong with it is wrong with the request itself.
            assert_eq!(got.len(), usize::from(answered), "{}: {got:?}", case.name);
        }
        for got in got {
            let known = [
                "GET / HTTP/1.1",
                "GET /hold HTTP/1.1",
                "POST / HTTP/1.1",
                "POST /hold HTTP/1.1",
                "OPTIONS * HTTP/1.1",
            ];
            assert!(known.contains(&got.line.as_str()), "{}: {got:?}", case.name);
            let hosts = got.fields.iter().filter(|field| field.starts_with("host: ")).count();
            assert_eq!(hosts, 1, "{}: {got:?}", case.name);
            for field in &got.fields {
                let (name, value) = field.split_once(": ").unwrap();
                assert!(
                    !name.contains([' ', ':']) && !name.is_empty() && value.trim() == value,
                    "{}: {got:?}",
                    case.name
                );
                assert!(
                    !["y", "connection", "upgrade", "te", "keep-alive"].contains(&name),
                    "{}: {got:?}",
                    case.name
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_in_a_head_becomes_a_request_of_its_own() {
    let smuggled = [
        format!("x\r\n\r\n{HIDDEN}"),
        format!("x\n\n{HIDDEN}"),
        format!("x\r\r{HIDDEN}"),
        format!("x\0{HIDDEN}"),
    ];
    for text in &smuggled {
        let path = format!("/{text}");
        let line = format!("/ HTTP/1.1\r\nhost: a\r\n\r\n{HIDDEN}");
        let method = format!("GET / HTTP/1.1\r\nx: {text}");
        let heads = [
            asking("GET", &path, &[]),
            asking("GET", &line, &[]),
            asking(&method, "/", &[]),
            asking("GET", "/", &[("x", text)]),
            asking("GET", "/", &[(text, "x")]),
            asking("GET", "/", &[("cookie", text)]),
            asking("GET", "/", &[("cookie", "a=1"), ("cookie", text)]),
            asking("GET", "/", &[("host", text)]),
            vec![(":method", "GET"), (":scheme", "https"), (":authority", text), (":path", "/")],
            vec![(":method", "GET"), (":scheme", text), (":authority", "a"), (":path", "/")],
            vec![(":method", "GET"), (":scheme", text), (":path", "/"), ("host", "a")],
        ];
        for head in heads {
            let (got, answered) = through(&headers(1, WHOLE, &head)).await;
            assert!(got.is_empty() && !answered, "{head:?}: {got:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_in_a_body_becomes_a_request_of_its_own() {
    let chunked = format!("0\r\n\r\n{HIDDEN}");
    let whole = chunked.len().to_string();
    // What the head says, whether the service gets it.
    let table: [(&[(&str, &str)], bool); 12] = [
        (&[], true),
        (&[("content-length", &whole)], true),
        (&[("content-length", "0")], false),
        (&[("content-length", "5")], false),
        (&[("content-length", "9999")], false),
        (&[("content-length", "-1")], false),
        (&[("content-length", "5, 5")], false),
        (&[("content-length", "0x5")], false),
        (&[("content-length", "5"), ("content-length", &whole)], false),
        (&[("transfer-encoding", "chunked")], false),
        (&[("transfer_encoding", "chunked")], true),
        (&[("te", "chunked"), ("content-length", &whole)], false),
    ];
    for (more, passes) in table {
        for end in [END_STREAM, 0] {
            let head = headers(1, END_HEADERS, &asking("POST", "/", more));
            let mut says = [head, frame(DATA, end, 1, chunked.as_bytes())].concat();
            if end == 0 {
                says.extend(headers(1, WHOLE, &[("x-sum", "1")]));
            }
            let (got, answered) = through(&says).await;
            assert_eq!((got.len(), answered), (usize::from(passes), passes), "{more:?}: {got:?}");
            assert!(got.iter().all(|got| got.body == chunked.as_bytes()), "{more:?}: {got:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_change_nothing_of_the_request() {
    let lies = [
        ("content-length", "0"),
        ("host", "b"),
        ("client-cert", ":AAAA:"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-sum", "1"),
    ];
    let says = [
        headers(1, END_HEADERS, &asking("POST", "/", &[("trailer", "x-sum")])),
        frame(DATA, 0, 1, b"body"),
        headers(1, WHOLE, &lies),
    ];
    let (got, _) = through(&says.concat()).await;
    assert_eq!(got.len(), 1);
    assert_eq!((&got[0].body[..], &got[0].trailers[..]), (&b"body"[..], &["x-sum: 1".to_owned()][..]));
}

/// A request that is broken off ends its connection: no other may follow on it.
#[tokio::test(start_paused = true)]
async fn half_a_request_never_reaches_the_service_as_a_whole() {
    for (more, ending) in [
        (&[("content-length", "9")][..], reset(1, CANCEL)),
        (&[("content-length", "9")], reset(1, NO_ERROR)),
        (&[("content-length", "9")], frame(DATA, END_STREAM, 1, b"")),
        (&[("content-length", "9")], frame(DATA, END_STREAM, 1, b"more than was said")),
        (&[("content-length", "4")], [frame(DATA, 0, 1, b""), frame(DATA, END_STREAM, 1, b"more")].concat()),
        (&[("content-length", "4")], reset(1, NO_ERROR)),
        (&[], reset(1, CANCEL)),
        (&[], reset(1, NO_ERROR)),
    ] {
        let town = town(plain());
        let (wire, _running) = town.call(Caller::default());
        let mut client = Client::opened(wire).await;
        client.say(headers(1, END_HEADERS, &asking("POST", "/", more))).await;
        client.ask(frame(DATA, 0, 1, b"half")).await;
        client.ask(ending).await;
        assert_eq!(client.ask(headers(3, WHOLE, &asking("GET", "/after", &[]))).await.status(3), "200");
        let lines: Vec<_> = town.record.got().into_iter().map(|got| got.line).collect();
        assert_eq!(lines, ["GET /after HTTP/1.1"]);
        let leftovers = town.record.leftovers.lock().unwrap().clone();
        let [left] = &leftovers[..] else { panic!("{leftovers:?}") };
        let (head, body) = left.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST / HTTP/1.1"), "{left:?}");
        let told = head.split_once("content-length: ").map(|(_, length)| length.parse::<usize>().unwrap());
        match told {
            Some(told) => assert!(body.len() < told, "{left:?}"),
            None => assert!(body.contains("half") && !body.contains("0\r\n\r\n"), "{left:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_is_told_about_its_caller_as_with_http_1() {
    let rules = Rules { client_cert: Some(ClientCert::default()), ..Rules::default() };
    let town = town(rules);
    let tls = Handshake {
        server_name: Some("a.invalid".to_owned()),
        certificate: Some(PeerCertificate::new(vec![1, 2, 3])),
        ..Handshake::default()
    };
    let caller = Caller { source: Some("127.0.0.9:1".parse().unwrap()), tls: Some(tls), ..Caller::default() };
    let (wire, _running) = town.call(caller);
    let mut client = Client::opened(wire).await;
    let lies = [
        ("client-cert", ":AAAA:"),
        ("client_cert", ":BBBB:"),
        ("forwarded", "for=1.2.3.4"),
        ("x-forwarded-for", "1.2.3.4"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("te", "trailers"),
        ("expect", "100-continue"),
    ];
    let heard = client.ask(headers(1, WHOLE, &asking("GET", "/v3", &lies))).await;
    assert_eq!(heard.answers[&1].body, b"kk");
    assert_eq!((heard.answers[&1].field("connection"), heard.answers[&1].field("x-once")), (None, None));
    let mut fields = town.record.got().remove(0).fields;
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "client-cert: :AQID:",
            "cookie: a=1; b=2",
            "forwarded: for=127.0.0.9;host=\"a.invalid\";proto=https",
            "host: a.invalid",
            "x-forwarded-for: 127.0.0.9",
            "x-forwarded-host: a.invalid",
            "x-forwarded-proto: https",
        ]
    );
    let other = [(":method", "GET"), (":scheme", "https"), (":authority", "b.invalid"), (":path", "/")];
    assert_eq!(client.ask(headers(3, WHOLE, &other)).await.status(3), "421");
    assert_eq!(town.record.got().len(), 1);
}

/// Whichever of front and exchange loses patience first, its caller is told the same, and the service nothing whole.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_slow_is_a_408() {
    for more in [&[][..], &[("content-length", "0")], &[("content-length", "9")]] {
        let town = town(plain());
        let (wire, _running) = town.call(Caller::default());
        let mut client = Client::opened(wire).await;
        client.say(headers(1, END_HEADERS, &asking("POST", "/", more))).await;
        let heard = client.listen_for(std::time::Duration::from_secs(6)).await;
        assert_eq!(heard.status(1), "408", "{more:?}");
        assert!(town.record.got().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn streams_share_few_connections_and_keep_their_answers_apart() {
    let town = town(plain());
    let (wire, _running) = town.call(Caller::default());
    let mut client = Client::opened(wire).await;
    let ask = |n: u32| headers(2 * n + 1, WHOLE, &asking("GET", &format!("/x?{n}"), &[]));
    client.ask((0..100).flat_map(ask).collect::<Vec<_>>()).await;
    for n in 0..100 {
        let answer = &client.heard.answers[&(2 * n + 1)];
        assert!(answer.whole && answer.body.len() == n as usize, "{n}: {answer:?}");
    }
    let heard = client.ask(headers(1_001, WHOLE, &asking("HEAD", "/x?77", &[]))).await;
    let answer = &heard.answers[&1_001];
    assert_eq!((answer.field("content-length"), answer.body.len(), answer.whole), (Some("77"), 0, true));
}

/// On a clear link nobody agreed on HTTP/2, and knowing it beforehand is no agreement.
#[tokio::test(start_paused = true)]
async fn a_clear_listener_speaks_http_1_only() {
    let town = town(plain());
    let (dial, listen) = memory::pair(Party(1));
    let group = town.group.clone();
    let proxy = Proxy::new(FrontCodec::clear(), group, Forward::Http(plain()));
    let mut running = JoinSet::new();
    running.spawn(proxy.run(listen, CancellationToken::new()));
    for upgrade in [
        [PREFACE, &settings(&[]), &get(1)].concat(),
        b"GET /x HTTP/1.1\r\nhost: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n".to_vec(),
    ] {
        let (mut wire, _) = dial.dial().await.unwrap();
        wire.write_all(&upgrade).await.unwrap();
        let mut start = [0; 12];
        wire.read_exact(&mut start).await.unwrap();
        assert!(["HTTP/1.1 400", "HTTP/1.1 200"].contains(&std::str::from_utf8(&start).unwrap()));
        wire.shutdown().await.unwrap();
        let mut rest = Vec::new();
        wire.read_to_end(&mut rest).await.unwrap();
        assert!(!rest.windows(9).any(|head| head[3..] == [SETTINGS, 0, 0, 0, 0, 0]), "{rest:?}");
    }
    let lines: Vec<_> = town.record.got().into_iter().map(|got| got.line).collect();
    assert_eq!(lines, ["GET /x HTTP/1.1"]);
    assert!(
        !town.record.got()[0]
            .fields
            .iter()
            .any(|field| field.starts_with("upgrade") || field.starts_with("http2"))
    );
}
