//! A pass-through in memory, and what one may ask of it.

use std::{collections::BTreeMap, sync::Arc};

use proxies::{
    balance::{Backend, Group, Policy, Settings},
    codec::{BackCodec, FrontCodec},
    guard::Entrance,
    limits::Limits,
    pass_through::PassThrough,
    routes::{Route, Routes},
    serve::{Drained, Tally},
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// A pass-through with two names and a place each, and everything around it in memory.
pub(crate) struct Scene {
    pub(crate) to_proxy: MemoryDialer,
    pub(crate) identity: MemoryListen,
    pub(crate) compute: MemoryListen,
    pub(crate) tally: Arc<Tally>,
    stop: CancellationToken,
    running: JoinHandle<Drained>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::behind(|listen| listen)
    }

    pub(crate) fn behind<L: Listen>(wrap: impl FnOnce(MemoryListen) -> L) -> Self {
        let (to_proxy, at_proxy) = memory::pair(Party(1));
        let (to_identity, identity) = memory::pair(Party(2));
        let (to_compute, compute) = memory::pair(Party(2));
        let routes = vec![
            route("identity.cloud.invalid", [to_identity]),
            route("Compute.cloud.invalid", [to_compute]),
        ];
        let also = BTreeMap::from([("localhost".to_owned(), "identity.cloud.invalid".to_owned())]);
        let proxy = pass_through(Routes::new(routes, &also).unwrap());
        let (tally, stop) = (proxy.tally.clone(), CancellationToken::new());
        let running = tokio::spawn(proxy.run(wrap(at_proxy), stop.clone()));
        Self { to_proxy, identity, compute, tally, stop, running }
    }

    /// Sends `hello` and more, and asserts that a place gets all of it and its answer comes back.
    pub(crate) async fn reaches(
        &mut self,
        place: fn(&mut Self) -> &mut MemoryListen,
        hello: &[u8],
        case: &str,
    ) {
        let (mut client, _) = self.to_proxy.dial().await.unwrap();
        client.write_all(hello).await.unwrap();
        let (mut served, _) = place(self).accept().await.unwrap();
        client.write_all(b"more").await.unwrap();
        let mut heard = vec![0; hello.len() + 4];
        served.read_exact(&mut heard).await.unwrap();
        assert!(heard == [hello, b"more"].concat(), "{case}");
        served.write_all(b"answer").await.unwrap();
        drop(served);
        assert_eq!(read_all(&mut client).await, b"answer", "{case}");
    }

    /// Ends it, and asserts that nothing was dialled that was not accepted.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        assert_eq!(self.running.await.unwrap(), Drained { cut: 0 });
        for mut place in [self.identity, self.compute] {
            assert!(place.accept().await.is_err(), "every dialer is gone and no connection is left");
        }
    }
}

pub(crate) fn route<D>(name: &str, to: impl Into<Vec<D>>) -> Route<Group<D>> {
    route_over(name, to, &BackCodec::clear())
}

/// The same with a codec of its own towards the places.
pub(crate) fn route_over<D>(name: &str, to: impl Into<Vec<D>>, back: &BackCodec) -> Route<Group<D>> {
    let to = Group::new(places(name, to, back), Policy::RoundRobin);
    Route { name: name.to_owned(), to }
}

/// The same with settings of its own.
pub(crate) fn route_with<D>(name: &str, to: impl Into<Vec<D>>, settings: &Settings) -> Route<Group<D>> {
    let to = Group::with(places(name, to, &BackCodec::clear()), settings);
    Route { name: name.to_owned(), to }
}

fn places<D>(name: &str, to: impl Into<Vec<D>>, back: &BackCodec) -> Vec<Backend<D>> {
    let place = |dial| Backend { name: name.to_owned(), dial, back: back.clone(), header: None };
    to.into().into_iter().map(place).collect()
}

pub(crate) fn pass_through<D>(routes: Routes<Group<D>>) -> PassThrough<D> {
    PassThrough {
        entrance: Entrance::default(),
        front: FrontCodec::clear(),
        routes: Arc::new(routes),
        limits: Limits::default(),
        tally: Arc::default(),
    }
}

pub(crate) async fn read_all(stream: &mut DuplexStream) -> Vec<u8> {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    heard
}
