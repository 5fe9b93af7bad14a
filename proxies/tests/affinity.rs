//! TLS sessions that come back to their place through a pass-through, and who can spoil it.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod sni;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proxies::{
    balance::{Policy, Settings, Snapshot, affinity},
    pass_through::PassThrough,
    routes::Routes,
    serve::Drained,
    transport::{
        Dial, Listen, Party,
        memory::{self, MemoryDialer, MemoryListen},
    },
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use sni::{
    hellos::{asks_for, made, record, vector},
    places::{Client, NAME, Place, Visit, Way, shared},
    scene::{pass_through, read_all, route_with},
    servers::{Sessions, TLS12_ONLY, client_of, first_flights, own, server},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

fn by_session() -> Settings {
    Settings { policy: Policy::SessionId, ..Settings::default() }
}

/// A pass-through to these places, running.
fn proxy<D: Dial>(places: Vec<D>, settings: &Settings) -> (MemoryDialer, PassThrough<D>) {
    let (to_proxy, proxy, _running) = proxy_until(CancellationToken::new(), places, settings);
    (to_proxy, proxy)
}

/// The same until it is stopped.
fn proxy_until<D: Dial>(
    stop: CancellationToken,
    places: Vec<D>,
    settings: &Settings,
) -> (MemoryDialer, PassThrough<D>, JoinHandle<Drained>) {
    let routes = Routes::new(vec![route_with(NAME, places, settings)], &BTreeMap::new()).unwrap();
    let proxy = pass_through(routes);
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    let running = tokio::spawn(proxy.clone().run(at_proxy, stop));
    (to_proxy, proxy, running)
}

fn snapshot<D>(proxy: &PassThrough<D>) -> Snapshot {
    proxy.routes.of(NAME).unwrap().snapshot()
}

fn counts<D>(proxy: &PassThrough<D>) -> affinity::Counts {
    snapshot(proxy).affinity.unwrap()
}

/// A hello of TLS 1.2 that asks for a session.
fn asks_for_session(id: &[u8]) -> Vec<u8> {
    let mut hello = made(&[asks_for(NAME.as_bytes())]);
    // Record header, message header, version and random; `made` has an id of two bytes there.
    let at = 5 + 4 + 2 + 32;
    hello.splice(at..at + 3, vector(1, id));
    record(&[&[1][..], &vector(3, &hello[9..])].concat())
}

/// What a server of TLS 1.2 says first: a whole flight with this session in it.
fn flight() -> Vec<u8> {
    let own = own(NAME);
    let client = Arc::new(client_of(&own.0, TLS12_ONLY, &[]));
    first_flights(client, Arc::new(server(&own, Sessions::Ids)), NAME).1
}

/// Each piece is at the client before the server says the next one, byte for byte; and the session is learned.
#[tokio::test(start_paused = true)]
async fn a_server_s_first_words_pass_at_once_and_unchanged_however_they_are_cut() {
    let (to_place, mut place) = memory::pair(Party(2));
    let (to_proxy, proxy) = proxy(vec![to_place], &by_session());
    let flight = flight();
    let id = &flight[44..76];
    for at in 1..300 {
        let (mut client, _) = to_proxy.dial().await.unwrap();
        let hello = asks_for_session(b"");
        client.write_all(&hello).await.unwrap();
        let (mut served, _) = place.accept().await.unwrap();
        let mut heard = vec![0; hello.len()];
        served.read_exact(&mut heard).await.unwrap();
        assert!(heard == hello);
        for piece in [&flight[..at], &flight[at..]] {
            served.write_all(piece).await.unwrap();
            let mut heard = vec![0; piece.len()];
            client.read_exact(&mut heard).await.unwrap();
            assert!(heard == piece, "{at}");
            client.write_all(b"meanwhile").await.unwrap();
            let mut heard = [0; 9];
            served.read_exact(&mut heard).await.unwrap();
            assert_eq!(&heard, b"meanwhile", "{at}");
        }
        assert_eq!(counts(&proxy).learned, 1, "the same session each time");
        drop(served);
        assert_eq!(read_all(&mut client).await, b"");
    }
    let (mut client, _) = to_proxy.dial().await.unwrap();
    client.write_all(&asks_for_session(id)).await.unwrap();
    place.accept().await.unwrap();
    assert_eq!(counts(&proxy).hits, 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_before_the_server_s_hello_is_passed_on_both_ways() {
    let (to_place, mut place) = memory::pair(Party(2));
    let (to_proxy, proxy) = proxy(vec![to_place], &by_session());
    let meet = async |place: &mut MemoryListen| {
        let (mut client, _) = to_proxy.dial().await.unwrap();
        let hello = asks_for_session(b"");
        client.write_all(&hello).await.unwrap();
        let (mut served, _) = place.accept().await.unwrap();
        served.read_exact(&mut vec![0; hello.len()]).await.unwrap();
        (client, served)
    };
    let (mut client, mut served) = meet(&mut place).await;
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut served).await, b"");
    served.write_all(b"late").await.unwrap();
    served.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, b"late");

    let (mut client, mut served) = meet(&mut place).await;
    served.write_all(&[21, 3, 3, 0, 2, 2, 40]).await.unwrap();
    served.shutdown().await.unwrap();
    assert_eq!(read_all(&mut client).await, [21, 3, 3, 0, 2, 2, 40]);
    client.write_all(b"why?").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut served).await, b"why?");
    assert_eq!(counts(&proxy).learned, 0);
}

/// Clients who came once come back to their place and resume, in any order; each gets back its lease.
#[tokio::test(start_paused = true)]
async fn sessions_come_back_to_their_place() {
    let own = shared();
    let places = [0, 1, 2].map(|number| Place::new(number, &own, Duration::ZERO));
    let (stop, ways) = (CancellationToken::new(), places.iter().map(|place| place.way.clone()).collect());
    let (to_proxy, proxy, running) = proxy_until(stop.clone(), ways, &by_session());
    let clients: Vec<Client> = (0..12).map(|_| Client::new(&own.0)).collect();
    let mut homes = Vec::new();
    for client in &clients {
        homes.push(client.visit_by(&to_proxy).await.unwrap());
    }
    let spread = [0, 1, 2].map(|place| homes.iter().filter(|home| home.place == place).count());
    assert_eq!(spread, [4, 4, 4]);
    assert!(homes.iter().all(|home| !home.resumed));
    for turn in 0..5 {
        for at in 0..clients.len() {
            let at = (at * 5 + turn) % clients.len();
            let visit = clients[at].visit_by(&to_proxy).await.unwrap();
            assert_eq!(visit, Visit { resumed: true, ..homes[at] });
        }
    }
    let expected = affinity::Counts { hits: 60, learned: 12, resumed: 60, ..affinity::Counts::default() };
    assert_eq!(counts(&proxy), expected);
    stop.cancel();
    assert_eq!(running.await.unwrap(), Drained { cut: 0 });
    let snapshot = snapshot(&proxy);
    assert!(snapshot.places.iter().all(|place| (place.open, place.sessions, place.down) == (0, 4, false)));
}

/// G12. Made-up ids alone change nothing. Ids that servers were made to name push the honest ones out.
#[tokio::test(start_paused = true)]
async fn a_flood_is_bounded_and_honest_hits_fall() {
    const ENTRIES: usize = 20;
    let own = shared();
    let places = [0, 1].map(|number| Place::new(number, &own, Duration::ZERO));
    let bounded = affinity::Settings { entries: ENTRIES, ..affinity::Settings::default() };
    let settings = Settings { affinity: bounded, ..by_session() };
    let (to_proxy, proxy) = proxy(places.iter().map(|place| place.way.clone()).collect(), &settings);
    let honest: Vec<Client> = (0..5).map(|_| Client::new(&own.0)).collect();
    let visit_all = async || {
        let mut resumed = 0;
        for client in &honest {
            resumed += usize::from(client.visit_by(&to_proxy).await.unwrap().resumed);
        }
        resumed
    };
    let entries = || snapshot(&proxy).places.iter().map(|place| place.sessions).sum::<usize>();
    visit_all().await;
    assert_eq!(visit_all().await, 5);

    let mut rng = ChaCha8Rng::seed_from_u64(12);
    for _ in 0..10 * ENTRIES {
        let (mut attacker, _) = to_proxy.dial().await.unwrap();
        // No server takes its only suite, so none names a session.
        attacker.write_all(&asks_for_session(&rng.random::<[u8; 32]>())).await.unwrap();
        read_all(&mut attacker).await;
    }
    assert_eq!((entries(), counts(&proxy).misses), (5, 200));
    assert_eq!(visit_all().await, 5, "what clients make up takes no room");

    let before = counts(&proxy);
    for _ in 0..10 * ENTRIES {
        let (mut attacker, _) = to_proxy.dial().await.unwrap();
        let stranger = Arc::new(client_of(&own.0, TLS12_ONLY, &[]));
        attacker.write_all(&sni::hellos::first_of(stranger, NAME)).await.unwrap();
        attacker.read_u8().await.unwrap();
        assert!(entries() <= ENTRIES);
    }
    assert_eq!(entries(), ENTRIES);
    // Those without a place take turns: half of them find theirs by chance.
    assert!(visit_all().await < 5);
    let after = counts(&proxy);
    assert_eq!(after.hits, before.hits, "not one honest session is known any more");
    assert_eq!(after.misses, before.misses + 5);
    assert_eq!(after.learned - after.evicted, ENTRIES as u64);
}

/// A place that is taken out is led to no more; its sessions are counted as stale as long as they are there.
#[tokio::test(start_paused = true)]
async fn sessions_of_a_place_that_is_out_lead_elsewhere() {
    let own = shared();
    let mut places = [0, 1].map(|number| Place::new(number, &own, Duration::ZERO));
    let (to_proxy, proxy) = proxy(places.iter().map(|place| place.way.clone()).collect(), &by_session());
    let clients: Vec<Client> = (0..10).map(|_| Client::new(&own.0)).collect();
    for client in &clients {
        client.visit_by(&to_proxy).await.unwrap();
    }
    places[0].kill(Way::Refused).await;
    let mut at_one = 0;
    for client in &clients {
        at_one += u32::from(client.visit_by(&to_proxy).await.unwrap().place == 1);
    }
    assert_eq!(at_one, 10);
    let snapshot = snapshot(&proxy);
    assert!(snapshot.places[0].down && !snapshot.places[1].down);
    assert_eq!([snapshot.places[0].sessions, snapshot.places[1].sessions], [5, 10]);
    // Of five three were sent there in vain, which took it out; two were not.
    assert_eq!((counts(&proxy).hits, counts(&proxy).stale), (8, 2));
    assert_eq!(proxy.tally.upstream_failed.load(std::sync::atomic::Ordering::Relaxed), 3);
    for client in &clients {
        assert!(client.visit_by(&to_proxy).await.unwrap().resumed, "all have a new home");
    }
    assert_eq!(counts(&proxy).stale, 2);
    assert_eq!(places[0].way.dials(), 5 + 3);
}
