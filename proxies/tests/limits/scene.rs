//! Proxies in memory, with limits of one's choice.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use proxies::{
    balance::{Backend, Group, Policy},
    codec::{BackCodec, FrontCodec},
    guard::Entrance,
    limits::Limits,
    pass_through::PassThrough,
    proxy::{Forward, Proxy},
    routes::{Route, Routes},
    serve::{Drained, Tally},
    transport::{
        Dial, Ends, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The name everything is called by.
pub(crate) const NAME: &str = "a.invalid";

/// A proxy and both its sides.
pub(crate) struct Scene {
    pub(crate) to_proxy: MemoryDialer,
    pub(crate) at_service: MemoryListen,
    pub(crate) tally: Arc<Tally>,
    pub(crate) stop: CancellationToken,
    pub(crate) running: JoinHandle<Drained>,
}

/// A way to dial that leads nowhere.
#[derive(Clone)]
pub(crate) struct Mute;

impl Dial for Mute {
    type Stream = DuplexStream;

    async fn dial(&self) -> io::Result<(DuplexStream, Ends)> {
        pending().await
    }
}

pub(crate) fn proxy<D>(entrance: Entrance, front: FrontCodec, dial: D, limits: &Limits) -> Proxy<D> {
    let group = Group::of_one("service", dial, BackCodec::clear());
    Proxy { entrance, limits: *limits, ..Proxy::new(front, group, Forward::Bytes) }
}

impl Scene {
    /// Terminates, or copies where the front is clear.
    pub(crate) fn proxying(front: FrontCodec, limits: &Limits) -> Self {
        Self::behind(Entrance::default(), front, limits)
    }

    pub(crate) fn behind(entrance: Entrance, front: FrontCodec, limits: &Limits) -> Self {
        let (dial, at_service) = memory::pair(Party(2));
        let proxy = proxy(entrance, front, dial, limits);
        let (to_proxy, at_proxy) = memory::pair(Party(1));
        let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
        let running = tokio::spawn(proxy.run(at_proxy, stop.clone()));
        Self { to_proxy, at_service, tally, stop, running }
    }

    /// The same with a place that never answers a dial.
    pub(crate) fn nowhere(limits: &Limits) -> Self {
        let (_, at_service) = memory::pair(Party(2));
        let proxy = proxy(Entrance::default(), FrontCodec::clear(), Mute, limits);
        let (to_proxy, at_proxy) = memory::pair(Party(1));
        let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
        let running = tokio::spawn(proxy.run(at_proxy, stop.clone()));
        Self { to_proxy, at_service, tally, stop, running }
    }

    /// Passes TLS through to the one name there is.
    pub(crate) fn passing(entrance: Entrance, limits: &Limits) -> Self {
        let (dial, at_service) = memory::pair(Party(2));
        let place = Backend { name: NAME.to_owned(), dial, back: BackCodec::clear(), header: None };
        let to = Group::new(vec![place], Policy::RoundRobin);
        let routes = Routes::new(vec![Route { name: NAME.to_owned(), to }], &BTreeMap::new()).unwrap();
        let front = FrontCodec::clear();
        let routes = Arc::new(routes);
        let proxy = PassThrough { entrance, front, routes, limits: *limits, tally: Arc::default() };
        let (to_proxy, at_proxy) = memory::pair(Party(1));
        let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
        let running = tokio::spawn(proxy.run(at_proxy, stop.clone()));
        Self { to_proxy, at_service, tally, stop, running }
    }

    pub(crate) async fn client(&self) -> DuplexStream {
        self.to_proxy.dial().await.unwrap().0
    }

    /// A client whose word reached the service, and the service's end.
    pub(crate) async fn carried(&mut self) -> (DuplexStream, DuplexStream) {
        let mut client = self.client().await;
        client.write_all(b"word").await.unwrap();
        let (mut served, _) = self.at_service.accept().await.unwrap();
        served.read_exact(&mut [0; 4]).await.unwrap();
        (client, served)
    }
}

pub(crate) fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// True once the far side closed, with nothing left to read.
pub(crate) async fn is_closed(stream: &mut DuplexStream) -> bool {
    matches!(stream.read(&mut [0; 8]).await, Ok(0) | Err(_))
}
