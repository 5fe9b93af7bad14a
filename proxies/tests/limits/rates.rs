//! Rates of new connections act before anything is spent on them.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proxies::{
    codec::{BackCodec, FrontCodec},
    custody::{Facing, Observe, Seam, Side},
    guard::Entrance,
    limits::{Limits, Rate, Rates},
    proxy_header::{Accept, Header, Peer, Version},
    registry::{Admit, Registry},
    tls::Verification,
    transport::{
        Dial, Listen, Party, memory,
        tcp::{TcpDialer, TcpListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    scene::{NAME, Scene, count, is_closed, proxy},
    support::Authority,
};

const FIVE: Rate = Rate { per_second: 1, burst: 5 };

fn limits(connections: Option<Rate>, per_source: Option<Rate>) -> Limits {
    Limits { rates: Rates { connections, per_source, per_token: None }, ..Limits::default() }
}

/// Counts the connections that reached a codec.
#[derive(Default)]
struct Reached(AtomicU64);

struct Blind;

impl Observe for Reached {
    fn connection(&self, _: Facing) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    fn seam(&self, _: u64, _: Side) -> Box<dyn Seam> {
        Box::new(Blind)
    }
}

impl Seam for Blind {
    fn read(&mut self, _: &[u8]) {}
    fn written(&mut self, _: &[u8]) {}
}

#[tokio::test(start_paused = true)]
async fn a_flood_over_the_rate_costs_no_handshake() {
    let both = [limits(Some(FIVE), None), limits(None, Some(FIVE))];
    for (limits, of_source) in both.into_iter().zip([false, true]) {
        let (public, reached) = (Authority::new(), Arc::<Reached>::default());
        let front = FrontCodec::terminate(public.server(NAME)).observed(reached.clone());
        let scene = Scene::proxying(front, &limits);
        let client = BackCodec::originate(public.client(NAME, Verification::Name));
        let (mut sessions, mut refused) = (Vec::new(), 0);
        for _ in 0..100 {
            match client.connect(scene.client().await, Duration::from_secs(5)).await {
                Ok(session) => sessions.push(session),
                Err(_) => refused += 1,
            }
        }
        assert_eq!((sessions.len(), refused), (5, 95));
        let tally = &scene.tally;
        assert_eq!(
            (count(&tally.accepted), count(&tally.handshakes), count(&tally.handshakes_failed)),
            (5, 5, 0)
        );
        assert_eq!(reached.0.load(Ordering::Relaxed), 5, "the TLS server is never asked");
        let turned_away = (count(&tally.over_rate), count(&tally.over_source_rate));
        assert_eq!(turned_away, if of_source { (0, 95) } else { (95, 0) });
        // One a second grows back.
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(client.connect(scene.client().await, Duration::from_secs(5)).await.is_ok());
        assert!(client.connect(scene.client().await, Duration::from_secs(5)).await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_through_turns_a_flood_away_before_it_looks_at_it() {
    let scene = Scene::passing(Entrance::default(), &limits(Some(FIVE), None));
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(scene.client().await);
    }
    for client in &mut clients[5..] {
        assert!(is_closed(client).await);
    }
    assert_eq!((count(&scene.tally.accepted), count(&scene.tally.over_rate)), (5, 15));
    assert_eq!(scene.tally.refused.total(), 0);
}

/// What a believed peer carries is limited by whom it names, not by the peer's own address.
#[tokio::test(start_paused = true)]
async fn behind_a_proxy_each_client_has_the_rate_of_its_own_address() {
    let peers = || Accept { from: vec![Peer::Party(Party(1))] };
    let from = |last: u8, port: u16| {
        let (source, destination) = (Ipv4Addr::new(203, 0, 113, last), Ipv4Addr::new(203, 0, 113, 1));
        Header::For { source: (source, port).into(), destination: (destination, 443).into() }
    };
    let served = async |scene: &Scene, last, port| -> bool {
        let mut client = scene.client().await;
        client.write_all(&from(last, port).encode(Version::V2)).await.unwrap();
        timeout(Duration::from_millis(1), is_closed(&mut client)).await.is_err()
    };
    let scene = Scene::behind(Entrance::behind(peers()), FrontCodec::clear(), &limits(None, Some(FIVE)));
    let mut passed = 0;
    for port in 1..=50 {
        passed += u32::from(served(&scene, 7, port).await);
    }
    assert_eq!(passed, 5);
    assert!(served(&scene, 8, 1).await, "another client has a rate of its own");
    assert_eq!(count(&scene.tally.over_source_rate), 45);
    // Without the header all of them are the proxy.
    let scene = Scene::proxying(FrontCodec::clear(), &limits(None, Some(FIVE)));
    let mut passed = 0;
    for last in 1..=50 {
        passed += u32::from(served(&scene, last, 1).await);
    }
    assert_eq!(passed, 5);
}

#[tokio::test(start_paused = true)]
async fn threads_of_one_node_count_together() {
    let (dial, _at_service) = memory::pair(Party(2));
    let one = proxy(Entrance::default(), FrontCodec::clear(), dial, &limits(Some(FIVE), None));
    let (tally, other) = (one.tally.clone(), one.clone());
    let (to_one, at_one) = memory::pair(Party(1));
    let (to_other, at_other) = memory::pair(Party(1));
    tokio::spawn(one.run(at_one, CancellationToken::new()));
    tokio::spawn(other.run(at_other, CancellationToken::new()));
    let mut clients: Vec<DuplexStream> = Vec::new();
    for _ in 0..6 {
        clients.push(to_one.dial().await.unwrap().0);
        clients.push(to_other.dial().await.unwrap().0);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((count(&tally.accepted), count(&tally.over_rate)), (5, 7));
}

/// On real sockets who is over the rate hears a reset, and who is within it is served.
#[tokio::test]
async fn over_tcp_a_connection_too_many_is_reset() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let dialer =
        TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), Party(1), entry).unwrap();
    let (to_service, mut at_service) = memory::pair(Party(2));
    tokio::spawn(async move {
        while let Ok((mut served, _)) = at_service.accept().await {
            served.write_u8(1).await.unwrap();
        }
    });
    let limits = limits(None, Some(Rate { per_second: 1, burst: 1 }));
    let proxy = proxy(Entrance::default(), FrontCodec::clear(), to_service, &limits);
    let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
    let running = tokio::spawn(proxy.run(TcpListen::take(&registry, entry).unwrap(), stop.clone()));
    let ask = async || -> std::io::Result<u8> { dialer.dial().await?.0.read_u8().await };
    assert_eq!(ask().await.unwrap(), 1);
    // However slow the machine, of a hundred in a row one comes within a second of the one before.
    let mut reset = None;
    for _ in 0..100 {
        reset = ask().await.err();
        if reset.is_some() {
            break;
        }
    }
    assert_eq!(reset.unwrap().kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(count(&tally.over_source_rate), 1);
    stop.cancel();
    running.await.unwrap();
    assert_eq!(registry.violations(), vec![]);
}
