//! PROXY headers between this crate and `haproxy`, both ways, where it is installed; otherwise it says SKIPPED.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Stdio,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use proxies::{
    balance::{Backend, Group, Policy},
    caller::Caller,
    codec::{BackCodec, FrontCodec},
    guard::Entrance,
    proxy::{Forward, Proxy},
    proxy_header::{Accept, Header, Peer, Version, read},
    registry::{Admit, EntryId, Registry},
    transport::{
        Dial, Listen, Party, memory,
        tcp::{TcpDialer, TcpListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    time::interval,
};
use tokio_util::sync::CancellationToken;

fn proxy<D>(entrance: Entrance, dial: D, header: Version) -> Proxy<D> {
    let place = Backend { name: "next".to_owned(), dial, back: BackCodec::clear(), header: Some(header) };
    let group = Arc::new(Group::new(vec![place], Policy::RoundRobin));
    Proxy { entrance, ..Proxy::new(FrontCodec::clear(), group, Forward::Bytes) }
}

/// A `haproxy` that takes a header and sends one on to `to`; `None`, and loudly so, where there is none.
async fn haproxy(registry: &Registry, to: SocketAddr, sending: &str) -> Option<(Child, EntryId)> {
    let (ip, folder) = (registry.draw_ip(), tempfile::tempdir().unwrap());
    let port = registry.common_port(&[ip]).unwrap();
    let settings = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 9s\n timeout server 9s\n\
         listen between\n bind {ip}:{port} accept-proxy\n server next {to} {sending}\n"
    );
    let file = folder.path().join("haproxy.cfg");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(&file).stdin(Stdio::null()).kill_on_drop(true);
    let Ok(mut child) = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: haproxy is not installed\n");
        return None;
    };
    let mut looks = interval(Duration::from_millis(20));
    loop {
        looks.tick().await;
        assert!(child.try_wait().unwrap().is_none(), "haproxy ended by itself");
        if let Ok(entry) = registry.foreign(child.id().unwrap(), ip, port) {
            return Some((child, entry));
        }
    }
}

/// Client → our proxy → `haproxy` → our proxy → service: the last one is told where the client is.
#[tokio::test]
async fn an_address_travels_through_haproxy() {
    let table = [
        (Version::V1, "send-proxy"),
        (Version::V2, "send-proxy"),
        (Version::V1, "send-proxy-v2"),
        (Version::V2, "send-proxy-v2 proxy-v2-options crc32c,unique-id"),
    ];
    for (ours, theirs) in table {
        let registry = Registry::new();
        let behind = registry.hold(registry.draw_ip(), None, 1, Admit::Anyone).unwrap();
        let at = registry.at(behind).unwrap().to_socket_addr().into();
        let Some((_haproxy, between)) = haproxy(&registry, at, theirs).await else { return };

        let (to_service, mut at_service) = memory::pair(Party(9));
        let peers = Accept { from: vec![Peer::Address(Ipv4Addr::LOCALHOST)] };
        let last = proxy(Entrance::behind(peers), to_service, Version::V2);
        let tally = last.tally.clone();
        tokio::spawn(last.run(TcpListen::take(&registry, behind).unwrap(), CancellationToken::new()));
        let source = registry.source(registry.draw_ip());
        let dial = TcpDialer::new(registry.clone(), source, Party(2), between).unwrap();
        let (to_first, at_first) = memory::pair(Party(1));
        let first = proxy(Entrance::default(), dial, ours);
        tokio::spawn(first.run(at_first, CancellationToken::new()));

        let (mut client, ends) = to_first.dial().await.unwrap();
        client.write_all(b"hello").await.unwrap();
        let (mut served, _) = at_service.accept().await.unwrap();
        let told = read(&mut served, Duration::from_secs(5)).await.unwrap();
        assert_eq!(told, Header::about(&Caller::of(ends)), "{ours:?} then {theirs}");
        let mut word = [0; 5];
        served.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"hello");
        assert_eq!(tally.proxy_headers.load(Ordering::Relaxed), 1);
    }
}
