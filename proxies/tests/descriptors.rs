//! Out of descriptors on real sockets: one test, alone in its process, whose limit it lowers.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
#![cfg(target_os = "linux")]

use std::{fs::File, sync::atomic::Ordering, time::Duration};

use proxies::{
    limits::Limits,
    registry::{Admit, Registry},
    serve::{Drained, Tally, serve},
    transport::{
        Dial, Party,
        tcp::{TcpDialer, TcpListen},
    },
};
use rustix::{
    process::{Resource, Rlimit, getrlimit, setrlimit},
    time::{ClockId, clock_gettime},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

const CLIENTS: usize = 20;

fn thread_cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Every descriptor this process may have, but for those it has.
fn use_up() -> Vec<File> {
    std::iter::from_fn(|| File::open("/dev/null").ok()).collect()
}

#[tokio::test]
async fn a_starved_listener_rests_and_serves_everybody_once_there_is_room() {
    let registry = Registry::new();
    let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let dialer =
        TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), Party(1), entry).unwrap();
    let listen = TcpListen::take(&registry, entry).unwrap();
    // They connect while there is room for their own ends; the kernel keeps them for the listener.
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(dialer.dial().await.unwrap().0);
    }
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(256), maximum: before.maximum }).unwrap();
    let fillers = use_up();
    assert!(File::open("/dev/null").is_err());

    let (tally, stop) = (std::sync::Arc::<Tally>::default(), CancellationToken::new());
    let echo = |mut stream: tokio::net::TcpStream, _| async move {
        let word = stream.read_u8().await.unwrap();
        stream.write_u8(word).await.unwrap();
    };
    let serving = tokio::spawn(serve(listen, echo, Limits::default(), tally.clone(), stop.clone()));
    let errors = || tally.accept_errors.load(Ordering::Relaxed);
    let (cpu, began) = (thread_cpu(), tokio::time::Instant::now());
    let mut looks = tokio::time::interval(Duration::from_millis(50));
    while errors() < 8 {
        looks.tick().await;
    }
    let (cpu, starved) = (thread_cpu().saturating_sub(cpu), began.elapsed());
    eprintln!("starved for {starved:?}: {} errors, {cpu:?} of CPU", errors());
    assert!(errors() < 20, "whoever spins has thousands between two looks");
    assert_eq!(tally.accepted.load(Ordering::Relaxed), 0);

    drop(fillers);
    for client in &mut clients {
        client.write_u8(7).await.unwrap();
        assert_eq!(client.read_u8().await.unwrap(), 7);
    }
    setrlimit(Resource::Nofile, before).unwrap();
    assert_eq!(tally.accepted.load(Ordering::Relaxed), CLIENTS as u64);
    drop(clients);
    stop.cancel();
    assert_eq!(serving.await.unwrap(), Drained { cut: 0 });
    assert_eq!(registry.violations(), vec![]);
}
