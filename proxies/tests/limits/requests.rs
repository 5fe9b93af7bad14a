//! Rates per token and the request filter, in the path of HTTP/1.1: what a caller hears, and what a service never does.

use std::sync::Arc;

use proxies::{
    balance::Group,
    codec::{BackCodec, FrontCodec},
    forward::{Hooks, Rules as HttpRules},
    guard::{Filter, Requests, rules::Rules},
    limits::Rate,
    proxy::{Forward, Proxy},
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A proxy with these hooks; what its service was sent ends up in the second.
fn scene(hooks: Hooks) -> (MemoryDialer, JoinHandle<Vec<u8>>) {
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    let (to_service, at_service) = memory::pair(Party(2));
    let group = Group::of_one("service", to_service, BackCodec::clear());
    let forward = Forward::Http(HttpRules::default());
    let proxy = Proxy { hooks, ..Proxy::new(FrontCodec::clear(), group, forward) };
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));
    (to_proxy, tokio::spawn(serving(at_service)))
}

/// Answers each head of a first connection with 204, and keeps everything it was sent until that ends.
async fn serving(mut at_service: MemoryListen) -> Vec<u8> {
    let (mut served, _) = at_service.accept().await.unwrap();
    let (mut all, mut answered) = (Vec::new(), 0);
    loop {
        match served.read_buf(&mut all).await {
            Ok(0) | Err(_) => return all,
            Ok(_) => {}
        }
        while all.windows(4).filter(|four| four == b"\r\n\r\n").count() > answered {
            answered += 1;
            served.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        }
    }
}

/// What one request, on a connection of its own, is answered.
async fn asked(to_proxy: &MemoryDialer, request: &str) -> String {
    let (mut client, _) = to_proxy.dial().await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Broken off is an answer as well.
    let _ended = client.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn get(target: &str, token: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a.invalid\r\nX-Auth-Token: {token}\r\nConnection: close\r\n\r\n")
}

#[tokio::test(start_paused = true)]
async fn a_token_over_its_rate_hears_429_and_when_to_come_again() {
    let admit = Arc::new(Requests::new(Some(Rate { per_second: 1, burst: 3 })));
    let (to_proxy, _service) = scene(Hooks { admit: Some(admit), ..Hooks::default() });
    for _ in 0..3 {
        assert!(asked(&to_proxy, &get("/", "greedy")).await.starts_with("HTTP/1.1 204"));
    }
    let refused = asked(&to_proxy, &get("/", "greedy")).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.to_ascii_lowercase().contains("\r\nretry-after: 1\r\n"), "{refused}");
    assert!(asked(&to_proxy, &get("/", "other")).await.starts_with("HTTP/1.1 204"));
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert!(asked(&to_proxy, &get("/", "greedy")).await.starts_with("HTTP/1.1 204"));
}

#[tokio::test(start_paused = true)]
async fn what_the_filter_refuses_never_reaches_the_service() {
    let filter = Filter::new(Rules::built_in().unwrap());
    let inspect = Some(Arc::new(filter.clone()) as _);
    let (to_proxy, service) = scene(Hooks { inspect, ..Hooks::default() });
    assert!(asked(&to_proxy, &get("/v3/servers?name=x", "t")).await.starts_with("HTTP/1.1 204"));
    for (target, status) in [("/v3?f=%2e%2e%2fetc", 403), ("/.git/config", 404), ("/v3?q=%0d%0ax", 400)] {
        let answer = asked(&to_proxy, &get(target, "t")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{target}: {answer}");
    }
    let hits: u64 = filter.hits().map(|(_, hits)| hits).sum();
    assert_eq!(hits, 3);
    drop(to_proxy);
    let seen = String::from_utf8(service.await.unwrap()).unwrap();
    assert!(seen.contains("/v3/servers") && !seen.contains("etc") && !seen.contains(".git"), "{seen}");
}

/// However the client cuts it, the service has no whole request with the pattern in it.
#[tokio::test(start_paused = true)]
async fn a_pattern_cut_over_chunks_never_becomes_a_whole_request() {
    let attack = "{\"n\": \"x' OR '1'='1\"}";
    for step in [1, 2, 5, attack.len()] {
        let inspect = Some(Arc::new(Filter::new(Rules::built_in().unwrap())) as _);
        let (to_proxy, service) = scene(Hooks { inspect, ..Hooks::default() });
        let chunk = |piece: &[u8]| format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece));
        let chunks = attack.as_bytes().chunks(step).map(chunk).collect::<Vec<_>>().concat();
        let request = format!(
            "POST /v3 HTTP/1.1\r\nHost: a.invalid\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunks}0\r\n\r\n"
        );
        let answer = asked(&to_proxy, &request).await;
        drop(to_proxy);
        let seen = service.await.unwrap();
        assert!(!seen.ends_with(b"0\r\n\r\n"), "in pieces of {step}: {}", String::from_utf8_lossy(&seen));
        assert!(!answer.starts_with("HTTP/1.1 2") || answer.is_empty(), "in pieces of {step}: {answer}");
    }
}

/// Nor does a body whose length was announced: there the last byte would do it.
#[tokio::test(start_paused = true)]
async fn a_pattern_in_an_announced_body_never_arrives_whole() {
    let attack = "q=1 union select";
    for step in [1, 3, attack.len()] {
        let inspect = Some(Arc::new(Filter::new(Rules::built_in().unwrap())) as _);
        let (to_proxy, service) = scene(Hooks { inspect, ..Hooks::default() });
        let (mut client, _) = to_proxy.dial().await.unwrap();
        let head =
            format!("POST /v3 HTTP/1.1\r\nHost: a.invalid\r\nContent-Length: {}\r\n\r\n", attack.len());
        client.write_all(head.as_bytes()).await.unwrap();
        for piece in attack.as_bytes().chunks(step) {
            // Broken off in the middle, at the latest with the last piece.
            let _gone = client.write_all(piece).await;
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        let _ended = client.read_to_end(&mut Vec::new()).await;
        drop((client, to_proxy));
        let seen = service.await.unwrap();
        assert!(!seen.ends_with(b"select"), "in pieces of {step}: {}", String::from_utf8_lossy(&seen));
    }
}
