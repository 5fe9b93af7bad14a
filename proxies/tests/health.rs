//! Places that die and come back, under load and paused time: who notices, when, and what it costs.
// Stand-ins run until the test's runtime ends with it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod sni;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use proxies::{
    balance::{Backend, Group, Policy, Settings, Snapshot, health, watch},
    caller::Caller,
    codec::{BackCodec, FrontCodec},
    limits::Limits,
    pass_through::PassThrough,
    proxy::{Forward, Proxy},
    routes::Routes,
    serve::Drained,
    transport::{Listen, Party, memory},
};
use sni::{
    places::{Client, NAME, Place, Switch, Visit, Way, shared},
    scene::{pass_through, route_with},
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

const BEAT: Duration = Duration::from_millis(200);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn active() -> health::Active {
    health::Active::default()
}

/// One visit of the load.
#[derive(Debug)]
struct Seen {
    began: Duration,
    took: Duration,
    visit: io::Result<Visit>,
}

/// Two places behind a pass-through by session, and everything that was seen of them.
struct Town {
    places: [Place; 2],
    proxy: PassThrough<Switch>,
    began: Instant,
    seen: Arc<Mutex<Vec<Seen>>>,
    visitors: JoinSet<()>,
    to_proxy: memory::MemoryDialer,
}

impl Town {
    fn new(health: health::Settings) -> Self {
        let own = shared();
        let places = [0, 1].map(|number| Place::new(number, &own, BEAT / 2));
        let ways: Vec<Switch> = places.iter().map(|place| place.way.clone()).collect();
        let settings = Settings { policy: Policy::SessionId, health, ..Settings::default() };
        let routes = Routes::new(vec![route_with(NAME, ways, &settings)], &BTreeMap::new()).unwrap();
        let proxy = pass_through(routes);
        let (to_proxy, at_proxy) = memory::pair(Party(1));
        tokio::spawn(proxy.clone().run(at_proxy, CancellationToken::new()));
        let mut town = Self {
            places,
            proxy,
            began: Instant::now(),
            seen: Arc::default(),
            visitors: JoinSet::new(),
            to_proxy,
        };
        // Ten who come back with their session, and one stranger more each beat.
        for returning in (0..10).map(|_| Client::new(&own.0)) {
            town.visit_each_beat(move || returning.clone());
        }
        town.visit_each_beat(move || Client::new(&own.0));
        town
    }

    fn visit_each_beat(&mut self, client: impl Fn() -> Client + Send + 'static) {
        let (to_proxy, seen, start) = (self.to_proxy.clone(), self.seen.clone(), self.began);
        self.visitors.spawn(async move {
            let mut beat = interval(BEAT);
            loop {
                beat.tick().await;
                let arrived = Instant::now();
                let visit = client().visit_by(&to_proxy).await;
                let (began, took) = (arrived.duration_since(start), arrived.elapsed());
                seen.lock().unwrap().push(Seen { began, took, visit });
            }
        });
    }

    async fn until(&self, at: Duration) {
        sleep_until(self.began + at).await;
    }

    fn snapshot(&self) -> Snapshot {
        self.proxy.routes.of(NAME).unwrap().snapshot()
    }

    /// Those that began in this time and ended badly, or took longer than a beat.
    fn bad(&self, from: Duration, to: Duration) -> Vec<(bool, Duration)> {
        let seen = self.seen.lock().unwrap();
        let bad = |seen: &&Seen| seen.visit.is_err() || seen.took > BEAT;
        let within = |seen: &&Seen| (from..to).contains(&seen.began);
        seen.iter().filter(within).filter(bad).map(|seen| (seen.visit.is_err(), seen.began)).collect()
    }

    /// How many were served by each place.
    fn served(&self, from: Duration, to: Duration) -> [usize; 2] {
        let seen = self.seen.lock().unwrap();
        let at = |place| {
            let here = |seen: &&Seen| seen.visit.as_ref().is_ok_and(|visit| visit.place == place);
            seen.iter().filter(|seen| (from..to).contains(&seen.began)).filter(here).count()
        };
        [at(0), at(1)]
    }

    /// When a place was seen serving for the first time since then.
    fn first_served_by(&self, place: u8, since: Duration) -> Option<Duration> {
        let seen = self.seen.lock().unwrap();
        let here = |seen: &&Seen| seen.visit.as_ref().is_ok_and(|visit| visit.place == place);
        seen.iter().filter(|seen| seen.began >= since).filter(here).map(|seen| seen.began).min()
    }
}

/// D6. A killed place refuses: only visits that were under way fail; nobody else notices. It is back within the
/// time a place is out.
#[tokio::test(start_paused = true)]
async fn a_place_that_dies_under_load_costs_what_was_under_way_there() {
    let mut town = Town::new(health::Settings::default());
    town.until(seconds(5)).await;
    let [zero, one] = town.served(seconds(1), seconds(5));
    assert!(zero > 75 && one > 75, "{zero} {one}");
    assert_eq!(town.bad(Duration::ZERO, seconds(5)), []);

    sleep(BEAT / 4).await;
    let under_way = town.snapshot().places[0].open;
    assert!(under_way >= 5, "{under_way}");
    town.places[0].kill(Way::Refused).await;
    town.until(seconds(25)).await;
    let bad = town.bad(Duration::ZERO, seconds(25));
    assert_eq!(bad.len(), under_way);
    assert!(bad.iter().all(|(failed, began)| *failed && *began == seconds(5)), "{bad:?}");
    assert_eq!(town.served(seconds(6), seconds(25))[0], 0);
    let snapshot = town.snapshot();
    assert!(snapshot.places[0].down);
    assert!(snapshot.places[0].sessions > 5, "entries of the dead place are still there");
    let stale = snapshot.affinity.unwrap().stale;
    // Those whose session it kept asked for it once; three of them found out.
    assert!((1..=5).contains(&stale), "{stale}");
    assert!((1..=2).contains(&snapshot.health.trials), "one every ten seconds: {:?}", snapshot.health);

    town.places[0].start();
    town.until(seconds(60)).await;
    assert_eq!(town.bad(seconds(6), seconds(59)), [], "trials failed over to the other place");
    let full_service = town.first_served_by(0, seconds(25)).unwrap();
    assert!(full_service <= seconds(25) + health::Passive::default().out + BEAT, "{full_service:?}");
    assert_eq!(town.snapshot().affinity.unwrap().stale, stale, "nobody is pinned to what is gone");
    let [zero, one] = town.served(seconds(40), seconds(59));
    assert!(zero > 40 && one > 40, "strangers are shared out again: {zero} {one}");
}

/// A place that answers nothing, not even a dial, delays those sent there by a connect timeout until it is out.
#[tokio::test(start_paused = true)]
async fn errors_from_a_mute_place_stop_within_the_health_interval() {
    let connect = Limits::default().connect;
    let both = health::Settings { active: Some(active()), ..health::Settings::default() };
    for (health, again) in [(health::Settings::default(), true), (both, false)] {
        let mut town = Town::new(health);
        town.until(seconds(5) + BEAT / 4).await;
        town.places[0].kill(Way::Mute).await;
        town.until(seconds(60)).await;
        let noticed = seconds(5) + active().interval * active().fall + connect;
        let bad = town.bad(seconds(5), seconds(57));
        let (first, trials): (Vec<_>, Vec<_>) = bad.iter().partition(|(_, began)| *began < noticed);
        let (under_way, delayed): (Vec<_>, Vec<_>) = first.into_iter().partition(|(failed, _)| *failed);
        assert!(
            under_way.len() >= 5 && under_way.iter().all(|(_, began)| *began == seconds(5)),
            "{under_way:?}"
        );
        assert!(
            !delayed.is_empty() && delayed.iter().all(|(_, began)| *began <= seconds(5) + connect),
            "{delayed:?}"
        );
        assert_eq!(trials.is_empty(), !again, "with probes no client tries it: {trials:?}");
        assert!(trials.iter().all(|(failed, _)| !failed), "and those who do are served elsewhere");
        assert!(trials.len() <= 5, "one every ten seconds: {trials:?}");
        assert_eq!(town.snapshot().health.brought_back, 0);
        town.places[0].start();
        town.until(seconds(90)).await;
        assert_eq!(town.snapshot().health.brought_back, 1);
        assert!(town.served(seconds(80), seconds(89))[0] > 10);
    }
}

/// Probes alone, without a single client: out after three that fail, back after two that pass.
#[tokio::test(start_paused = true)]
async fn probes_find_out_by_themselves_and_end_with_the_proxy() {
    let own = shared();
    let mut place = Place::new(0, &own, Duration::ZERO);
    let probed = health::Settings { passive: None, active: Some(active()) };
    let settings = Settings { health: probed, ..Settings::default() };
    let routes =
        Routes::new(vec![route_with(NAME, [place.way.clone()], &settings)], &BTreeMap::new()).unwrap();
    let proxy = pass_through(routes);
    let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
    // Two threads of a node: only one of them probes.
    let listeners = [memory::pair(Party(1)), memory::pair(Party(1))];
    let (_dialers, listens): (Vec<_>, Vec<_>) = listeners.into_iter().unzip();
    for listen in listens {
        running.spawn(proxy.clone().run(listen, stop.clone()));
    }
    let began = Instant::now();
    let down_at = async |wanted: bool| {
        let mut beat = interval(BEAT);
        loop {
            beat.tick().await;
            let place = proxy.routes.of(NAME).unwrap().snapshot().places.remove(0);
            if place.down == wanted {
                return began.elapsed();
            }
        }
    };
    sleep(seconds(9)).await;
    assert_eq!(place.way.dials(), 5, "at once, and then every two seconds, by one");
    place.kill(Way::Refused).await;
    assert_eq!(down_at(true).await.as_secs(), 14, "the probes at 10, 12 and 14 failed");
    sleep_until(began + seconds(20) + BEAT).await;
    place.start();
    assert_eq!(down_at(false).await.as_secs(), 24, "those at 22 and 24 passed");

    stop.cancel();
    while let Some(ended) = running.join_next().await {
        assert_eq!(ended.unwrap(), Drained { cut: 0 });
    }
    let dials = place.way.dials();
    sleep(seconds(60)).await;
    assert_eq!(place.way.dials(), dials, "nothing outlives it");
}

/// A probe makes the whole way through the codec, and so does a client's connection: a place that does not shake
/// hands is down.
#[tokio::test(start_paused = true)]
async fn a_handshake_that_fails_counts_where_the_link_has_one() {
    let (dial, mut listen) = memory::pair(Party(2));
    tokio::spawn(async move {
        while let Ok((mut wire, _)) = listen.accept().await {
            let _gone = tokio::io::AsyncWriteExt::write_all(&mut wire, b"no TLS here").await;
        }
    });
    let roots = vec![shared().0.to_vec()];
    let settings =
        proxies::tls::ClientSettings::new(roots, proxies::tls::Verification::Name, NAME.to_owned());
    let tls = proxies::tls::ClientTls::new(&settings, Arc::new(NoLog)).unwrap();
    for (back, down) in [(BackCodec::originate(tls), true), (BackCodec::clear(), false)] {
        let backend = Backend { name: NAME.to_owned(), dial: dial.clone(), back, header: None };
        let health = health::Settings { passive: None, active: Some(active()) };
        let group = Group::with(vec![backend], &Settings { health, ..Settings::default() });
        let (limits, stop) = (Limits::default(), CancellationToken::new());
        let story = async {
            sleep(seconds(5)).await;
            stop.cancel();
        };
        tokio::join!(watch([&group], &limits, &stop), story);
        assert_eq!(group.snapshot().places[0].down, down);
        assert_eq!(group.snapshot().health.probes_failed, if down { 3 } else { 0 });

        let passive = Group::new(group.backends().to_vec(), Policy::RoundRobin);
        for _ in 0..3 {
            assert_eq!(passive.open_at(0, &Caller::default(), &limits).await.is_err(), down);
        }
        assert_eq!(passive.snapshot().places[0].down, down);
    }
}

#[derive(Debug)]
struct NoLog;
impl proxies::rustls::KeyLog for NoLog {
    fn log(&self, _: &str, _: &[u8], _: &[u8]) {}
}

/// Least connections over a layer 4 proxy: long connections at one place keep new ones away from it, and count
/// until they end.
#[tokio::test(start_paused = true)]
async fn open_connections_keep_new_ones_away_until_they_end() {
    use proxies::transport::Dial;
    let (pairs, mut listens): (Vec<_>, Vec<_>) = (0..3).map(|_| memory::pair(Party(2))).unzip();
    let backend = |dial| Backend { name: NAME.to_owned(), dial, back: BackCodec::clear(), header: None };
    let group = Arc::new(Group::new(pairs.into_iter().map(backend).collect(), Policy::LeastConnections));
    let proxy = Proxy::new(FrontCodec::clear(), group.clone(), Forward::Bytes);
    let (to_proxy, at_proxy) = memory::pair(Party(1));
    tokio::spawn(proxy.run(at_proxy, CancellationToken::new()));
    let open = || group.snapshot().places.iter().map(|place| place.open).collect::<Vec<_>>();
    let mut held = Vec::new();
    for place in [0, 1, 2, 0, 1, 2] {
        let (client, _) = to_proxy.dial().await.unwrap();
        held.push((client, listens[place].accept().await.unwrap()));
    }
    assert_eq!(open(), [2, 2, 2]);
    for ended in [4, 1] {
        let (client, (mut served, _)) = held.remove(ended);
        drop(client);
        tokio::io::AsyncReadExt::read_to_end(&mut served, &mut Vec::new()).await.unwrap();
    }
    sleep(BEAT).await;
    assert_eq!(open(), [2, 0, 2]);
    for place in [1, 1] {
        let (client, _) = to_proxy.dial().await.unwrap();
        held.push((client, listens[place].accept().await.unwrap()));
    }
    assert_eq!(open(), [2, 2, 2]);

    let failed = group.open_at(7, &Caller::default(), &Limits::default()).await;
    assert_eq!(failed.err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
    listens.clear();
    assert!(group.open_at(0, &Caller::default(), &Limits::default()).await.is_err());
    assert_eq!(open(), [2, 2, 2], "one that could not be opened gives its lease back");
}
