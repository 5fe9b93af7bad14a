//! Out of descriptors: accepting costs next to nothing, and is back within a second of relief.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use proxies::{
    codec::FrontCodec,
    guard::Entrance,
    limits::Limits,
    transport::{
        Dial, Ends, Listen, Party,
        memory::{self, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::scene::{count, proxy};

/// EMFILE, as the kernel says it.
const TOO_MANY_OPEN_FILES: i32 = 24;

/// A listener that fails as one does without descriptors: at once, with connections waiting behind it.
struct Starving {
    inner: MemoryListen,
    starved: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
}

impl Listen for Starving {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Ends)> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.starved.load(Ordering::Relaxed) {
            return Err(io::Error::from_raw_os_error(TOO_MANY_OPEN_FILES));
        }
        self.inner.accept().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_starved_listener_asks_twice_a_second_and_is_back_within_one() {
    let (to_service, mut at_service) = memory::pair(Party(2));
    let (to_proxy, inner) = memory::pair(Party(1));
    let (starved, asked) = (Arc::new(AtomicBool::new(true)), Arc::<AtomicU64>::default());
    let listen = Starving { inner, starved: starved.clone(), asked: asked.clone() };
    let proxy = proxy(Entrance::default(), FrontCodec::clear(), to_service, &Limits::default());
    let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
    let running = tokio::spawn(proxy.run(listen, stop.clone()));

    let (mut waiting, _) = to_proxy.dial().await.unwrap();
    waiting.write_all(b"word").await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let in_a_minute = asked.load(Ordering::Relaxed);
    assert!(in_a_minute <= 130, "{in_a_minute} times in a minute is no spinning");
    assert_eq!(count(&tally.accept_errors), in_a_minute);

    starved.store(false, Ordering::Relaxed);
    let relieved = Instant::now();
    let (mut served, _) = at_service.accept().await.unwrap();
    served.read_exact(&mut [0; 4]).await.unwrap();
    assert!(relieved.elapsed() <= Duration::from_millis(500), "{:?}", relieved.elapsed());

    // Starved again, an end of one of its own connections is noticed at once.
    starved.store(true, Ordering::Relaxed);
    let (mut next, _) = to_proxy.dial().await.unwrap();
    next.write_all(b"word").await.unwrap();
    let (mut third, _) = to_proxy.dial().await.unwrap();
    third.write_all(b"word").await.unwrap();
    let (mut served_next, _) = at_service.accept().await.unwrap();
    served_next.read_exact(&mut [0; 4]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    starved.store(false, Ordering::Relaxed);
    let relieved = Instant::now();
    drop((waiting, served));
    let (mut served_third, _) = at_service.accept().await.unwrap();
    served_third.read_exact(&mut [0; 4]).await.unwrap();
    assert_eq!(relieved.elapsed(), Duration::ZERO);

    // Nor does starving keep it from stopping.
    starved.store(true, Ordering::Relaxed);
    stop.cancel();
    drop((next, served_next, third, served_third));
    assert_eq!(running.await.unwrap().cut, 0);
}
