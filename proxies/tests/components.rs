//! Terminate and re-encrypt as transcripts: the same core over memory under paused time, and over real TCP.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod support;

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use proxies::{
    balance::Group,
    codec::{BackCodec, FrontCodec},
    limits::Limits,
    proxy::{Forward, Proxy},
    registry::{Admit, Registry},
    serve::{Drained, Tally},
    stream::BoxStream,
    tls::Verification,
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
        tcp::{TcpDialer, TcpListen},
    },
};
use support::Authority;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

fn proxy<D>(front: FrontCodec, dial: D, back: BackCodec) -> Proxy<D> {
    let group = Group::of_one("service", dial, back);
    Proxy::new(front, group, Forward::Bytes)
}

/// Answers every connection with its own words, in capitals.
async fn shouting<L: Listen>(mut listen: L, codec: FrontCodec) -> io::Result<()> {
    loop {
        let (wire, _) = listen.accept().await?;
        let Ok(accepted) = codec.accept(wire, Duration::from_secs(5)).await else { continue };
        let mut stream = accepted.stream;
        let mut heard = Vec::new();
        if stream.read_to_end(&mut heard).await.is_ok() {
            stream.write_all(&heard.to_ascii_uppercase()).await?;
            stream.shutdown().await?;
        }
    }
}

async fn ask<D: Dial>(dial: &D, codec: &BackCodec, question: &[u8]) -> io::Result<Vec<u8>> {
    let (wire, _) = dial.dial().await?;
    let mut stream: BoxStream = codec.connect(wire, Duration::from_secs(5)).await?;
    stream.write_all(question).await?;
    stream.shutdown().await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn wires() -> (MemoryDialer, MemoryListen, MemoryDialer, MemoryListen) {
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    let (to_service, at_service) = memory::pair(Party(2));
    (to_proxy, at_proxy, to_service, at_service)
}

#[tokio::test(start_paused = true)]
async fn terminate_speaks_tls_in_front_and_clear_behind() {
    let public = Authority::new();
    let (to_proxy, at_proxy, to_service, at_service) = wires();
    tokio::spawn(shouting(at_service, FrontCodec::clear()));
    let terminate = proxy(FrontCodec::terminate(public.server("a.invalid")), to_service, BackCodec::clear());
    let tally = terminate.tally.clone();
    tokio::spawn(terminate.run(at_proxy, CancellationToken::new()));
    let client = BackCodec::originate(public.client("a.invalid", Verification::Name));
    assert_eq!(ask(&to_proxy, &client, b"hello").await.unwrap(), b"HELLO");
    assert_eq!(tally.handshakes.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn re_encrypt_verifies_chain_and_name_of_the_far_side() {
    let (public, internal, wrong) = (Authority::new(), Authority::new(), Authority::new());
    let client = BackCodec::originate(public.client("a.invalid", Verification::Name));
    let cases = [
        ("right", internal.server("b.invalid"), Verification::Name, true),
        ("other name", internal.server("c.invalid"), Verification::Name, false),
        ("other name, chain only", internal.server("c.invalid"), Verification::Chain, true),
        ("other authority", wrong.server("b.invalid"), Verification::Name, false),
        ("other authority, chain only", wrong.server("b.invalid"), Verification::Chain, false),
        ("other authority, off", wrong.server("b.invalid"), Verification::Off, true),
    ];
    for (case, far_side, verification, served) in cases {
        let (to_proxy, at_proxy, to_service, at_service) = wires();
        tokio::spawn(shouting(at_service, FrontCodec::terminate(far_side)));
        let back = BackCodec::originate(internal.client("b.invalid", verification));
        let reencrypt = proxy(FrontCodec::terminate(public.server("a.invalid")), to_service, back);
        let tally = reencrypt.tally.clone();
        tokio::spawn(reencrypt.run(at_proxy, CancellationToken::new()));
        let answer = ask(&to_proxy, &client, b"hello").await;
        assert_eq!(answer.is_ok_and(|answer| answer == b"HELLO"), served, "{case}");
        assert_eq!(tally.upstream_failed.load(Ordering::Relaxed), u64::from(!served), "{case}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_speaks_is_let_go_at_the_handshake_deadline() {
    let public = Authority::new();
    let (to_proxy, at_proxy, to_service, _at_service) = wires();
    let terminate = proxy(FrontCodec::terminate(public.server("a.invalid")), to_service, BackCodec::clear());
    tokio::spawn(terminate.run(at_proxy, CancellationToken::new()));
    let began = tokio::time::Instant::now();
    let (mut silent, _) = to_proxy.dial().await.unwrap();
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(began.elapsed().as_secs(), Limits::default().handshake.as_secs());
}

#[tokio::test(start_paused = true)]
async fn drain_lets_a_connection_finish_and_cuts_the_one_that_does_not() {
    let (to_proxy, at_proxy, to_service, mut at_service) = wires();
    let stop = CancellationToken::new();
    let copying = proxy(FrontCodec::clear(), to_service, BackCodec::clear());
    let running = tokio::spawn(copying.run(at_proxy, stop.clone()));
    let (mut finishing, _) = to_proxy.dial().await.unwrap();
    let (mut served, _) = at_service.accept().await.unwrap();
    let (_stuck, _) = to_proxy.dial().await.unwrap();
    let (_never_answers, _) = at_service.accept().await.unwrap();
    stop.cancel();
    served.write_all(b"last words").await.unwrap();
    drop(served);
    let mut heard = Vec::new();
    finishing.read_to_end(&mut heard).await.unwrap();
    drop(finishing);
    assert_eq!(heard, b"last words");
    assert_eq!(running.await.unwrap(), Drained { cut: 1 });
    assert!(to_proxy.dial().await.is_err(), "a drained listener takes nobody");
}

#[tokio::test(start_paused = true)]
async fn a_truncated_upstream_never_looks_complete_to_a_tls_client() {
    let (public, internal) = (Authority::new(), Authority::new());
    let (to_proxy, at_proxy, to_service, mut at_service) = wires();
    let far_side = FrontCodec::terminate(internal.server("b.invalid"));
    tokio::spawn(async move {
        let (wire, _) = at_service.accept().await.unwrap();
        let mut stream = far_side.accept(wire, Duration::from_secs(5)).await.unwrap().stream;
        stream.write_all(b"half of").await.unwrap();
        stream.flush().await.unwrap();
        // Dropped without close_notify.
    });
    let back = BackCodec::originate(internal.client("b.invalid", Verification::Name));
    let reencrypt = proxy(FrontCodec::terminate(public.server("a.invalid")), to_service, back);
    tokio::spawn(reencrypt.run(at_proxy, CancellationToken::new()));
    let client = BackCodec::originate(public.client("a.invalid", Verification::Name));
    let (wire, _) = to_proxy.dial().await.unwrap();
    let mut stream = client.connect(wire, Duration::from_secs(5)).await.unwrap();
    let ended = stream.read_to_end(&mut Vec::new()).await;
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn the_same_core_runs_on_real_sockets() {
    let (public, internal) = (Authority::new(), Authority::new());
    let registry = Registry::new();
    let hold = || registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let (edge, service) = (hold(), hold());
    let dial = |entry| {
        TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), Party(1), entry).unwrap()
    };
    let listen = TcpListen::take(&registry, service).unwrap();
    tokio::spawn(shouting(listen, FrontCodec::terminate(internal.server("b.invalid"))));
    let back = BackCodec::originate(internal.client("b.invalid", Verification::Name));
    let front = FrontCodec::terminate(public.server("a.invalid"));
    let tally: Arc<Tally> = Arc::default();
    let reencrypt = Proxy { tally: tally.clone(), ..proxy(front, dial(service), back) };
    let stop = CancellationToken::new();
    let running = tokio::spawn(reencrypt.run(TcpListen::take(&registry, edge).unwrap(), stop.clone()));
    let client = BackCodec::originate(public.client("a.invalid", Verification::Name));
    let question = vec![b'q'; 300_000];
    assert_eq!(ask(&dial(edge), &client, &question).await.unwrap(), vec![b'Q'; 300_000]);
    stop.cancel();
    assert_eq!(running.await.unwrap(), Drained { cut: 0 });
    assert_eq!((tally.accepted.load(Ordering::Relaxed), tally.ended.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(registry.violations(), vec![]);
}
