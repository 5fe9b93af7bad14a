//! Crossings over the in-memory transport under paused time: what a tap sees, what a rule does, and that
//! nothing is lost when the tap is slow.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    io,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use bytes::Bytes;
use proxies::{
    registry::{Admit, EntryId, Registry},
    transport::{Dial, Listen, memory},
};
use testbed::{
    architecture::{self, SegmentId},
    fabric::{
        Acceptor, Fabric,
        crossing::CrossingListen,
        parties::Kind,
        rule::{ChunkAsk, ConnectionAsk, Rule, Verdict},
        tap::{Flow, Observer},
    },
    foothold::{Target, TargetId},
    vocabulary::Direction,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::Instant,
};

type Seen = Arc<Mutex<Vec<(Option<Direction>, Vec<u8>)>>>;

/// Remembers what crossed; with a gate, only after it was opened.
struct Notes {
    seen: Seen,
    gate: Option<mpsc::Receiver<()>>,
}

impl Observer for Notes {
    fn opened(&mut self, _flow: &Arc<Flow>) {
        if let Some(gate) = self.gate.take() {
            // Whoever holds the other end decides when the tap may go on.
            let _ = gate.recv();
        }
    }

    fn crossed(&mut self, _flow: &Flow, direction: Direction, _at: Duration, bytes: &Bytes) {
        self.seen.lock().unwrap().push((Some(direction), bytes.to_vec()));
    }

    fn ended(&mut self, _flow: &Flow, _at: Duration, cut: Option<Direction>) {
        let how = if cut.is_some() { "cut" } else { "ended" };
        self.seen.lock().unwrap().push((None, how.as_bytes().to_vec()));
    }
}

struct Street {
    fabric: Fabric,
    segment: SegmentId,
    entry: EntryId,
    seen: Seen,
}

impl Street {
    fn new(gate: Option<mpsc::Receiver<()>>) -> Self {
        let registry = Registry::new();
        let entry = registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
        let seen = Seen::default();
        let notes = Notes { seen: seen.clone(), gate };
        let fabric = Fabric::new(registry, Instant::now(), vec![Box::new(notes)]).unwrap();
        let target =
            Target { id: TargetId::for_test(1), label: "service".to_owned(), server_name: String::new() };
        fabric.name_acceptor(entry, Acceptor { label: "api/service".to_owned(), target, instead_of: None });
        let segment = architecture::load("plaintext").unwrap().segment("management").unwrap();
        Self { fabric, segment, entry, seen }
    }

    /// The dialing end, and the accepting end as the process behind the crossing holds it.
    async fn connect(&self) -> (DuplexStream, impl AsyncReadExt + AsyncWriteExt + Unpin + use<>) {
        let party = self.fabric.parties().add("edge/proxy", Kind::Honest);
        let (dialer, listen) = memory::pair(party);
        let ring = self.fabric.ring();
        let mut listen = CrossingListen::new(listen, self.fabric.clone(), ring, self.segment, self.entry);
        let (near, far) = tokio::join!(dialer.dial(), listen.accept());
        (near.unwrap().0, far.unwrap().0)
    }

    /// Everything seen, neighbours of one direction joined.
    async fn story(&self) -> Vec<(Option<Direction>, Vec<u8>)> {
        self.fabric.settle().await.unwrap();
        let mut story: Vec<(Option<Direction>, Vec<u8>)> = Vec::new();
        for (direction, bytes) in self.seen.lock().unwrap().iter() {
            match story.last_mut() {
                Some((last, joined)) if last == direction && !bytes.is_empty() && !joined.is_empty() => {
                    joined.extend(bytes);
                }
                _ => story.push((*direction, bytes.clone())),
            }
        }
        story
    }
}

const FORTH: Option<Direction> = Some(Direction::ToAcceptor);
const BACK: Option<Direction> = Some(Direction::ToDialer);

#[tokio::test(start_paused = true)]
async fn each_byte_is_seen_once_in_order_with_who_finished_first() {
    let street = Street::new(None);
    let (mut near, mut far) = street.connect().await;
    near.write_all(b"question").await.unwrap();
    near.shutdown().await.unwrap();
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).await.unwrap();
    far.write_all(b"answer").await.unwrap();
    far.shutdown().await.unwrap();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    drop(far);
    assert_eq!((heard.as_slice(), answer.as_slice()), (&b"question"[..], &b"answer"[..]));
    let told = [
        (FORTH, b"question".to_vec()),
        (FORTH, Vec::new()),
        (BACK, b"answer".to_vec()),
        (BACK, Vec::new()),
        (None, b"ended".to_vec()),
    ];
    assert_eq!(street.story().await, told);
}

#[tokio::test(start_paused = true)]
async fn a_slow_tap_stalls_the_crossing_and_loses_nothing() {
    let (open, gate) = mpsc::channel();
    let street = Street::new(Some(gate));
    let (mut near, mut far) = street.connect().await;
    let sent: Vec<u8> = (0..9 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    let expected = sent.clone();
    let writing = tokio::spawn(async move {
        near.write_all(&sent).await.unwrap();
        near.shutdown().await.unwrap();
        near
    });
    let mut heard = vec![0; 1024 * 1024];
    far.read_exact(&mut heard).await.unwrap();
    // The ring takes a few megabytes, then the reader has to wait for the tap.
    let reading = tokio::spawn(async move {
        far.read_to_end(&mut heard).await.unwrap();
        heard
    });
    while street.fabric.stalls() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!reading.is_finished(), "nothing passes a tap that has no room");
    open.send(()).unwrap();
    let heard = reading.await.unwrap();
    writing.await.unwrap();
    assert!(heard == expected);
    let crossed: Vec<u8> = street
        .story()
        .await
        .into_iter()
        .flat_map(|(way, bytes)| match way {
            FORTH => bytes,
            _ => Vec::new(),
        })
        .collect();
    assert!(crossed == expected, "the tap saw {} of {} bytes", crossed.len(), expected.len());
}

struct OnChunks(fn(&ChunkAsk<'_>) -> Verdict);

impl Rule for OnChunks {
    fn chunk(&self, ask: ChunkAsk<'_>) -> Verdict {
        (self.0)(&ask)
    }
}

/// Sends everything elsewhere.
struct Detour(EntryId);

impl Rule for Detour {
    fn connection(&self, _ask: ConnectionAsk<'_>) -> Verdict {
        Verdict::Redirect(self.0)
    }

    fn chunk(&self, _ask: ChunkAsk<'_>) -> Verdict {
        Verdict::Redirect(self.0)
    }
}

/// Says the same to every connection.
struct OnConnections(Verdict);

impl Rule for OnConnections {
    fn connection(&self, _ask: ConnectionAsk<'_>) -> Verdict {
        self.0.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_replaces_what_is_delivered_until_its_guard_is_dropped() {
    let street = Street::new(None);
    let (mut near, mut far) = street.connect().await;
    let swap = |ask: &ChunkAsk<'_>| match ask.direction {
        Direction::ToAcceptor => Verdict::Replace(Bytes::from_static(b"pay mallory")),
        Direction::ToDialer => Verdict::Pass,
    };
    let guard = street.fabric.rules().install(street.segment, Arc::new(OnChunks(swap)));
    near.write_all(b"pay bob").await.unwrap();
    let mut heard = [0; 11];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"pay mallory");
    drop(guard);
    near.write_all(b"pay bob").await.unwrap();
    let mut heard = [0; 7];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"pay bob");
    assert_eq!(
        street.story().await,
        [(FORTH, b"pay mallorypay bob".to_vec())],
        "what was delivered is what is seen"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_drops_what_goes_back_and_the_far_side_never_knows() {
    let street = Street::new(None);
    let (mut near, mut far) = street.connect().await;
    let swallow = |ask: &ChunkAsk<'_>| match ask.direction {
        Direction::ToDialer => Verdict::Drop,
        Direction::ToAcceptor => Verdict::Pass,
    };
    let _guard = street.fabric.rules().install(street.segment, Arc::new(OnChunks(swallow)));
    far.write_all(b"secret").await.unwrap();
    far.shutdown().await.unwrap();
    let mut heard = Vec::new();
    near.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"");
}

#[tokio::test(start_paused = true)]
async fn a_held_chunk_arrives_when_the_rule_is_lifted() {
    let street = Street::new(None);
    let (mut near, mut far) = street.connect().await;
    let guard = street.fabric.rules().install(street.segment, Arc::new(OnChunks(|_| Verdict::Hold)));
    near.write_all(b"wait").await.unwrap();
    let reading = tokio::spawn(async move {
        let mut heard = [0; 4];
        far.read_exact(&mut heard).await.unwrap();
        (heard, far)
    });
    // Paused time jumps only when everything else waits.
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(!reading.is_finished());
    drop(guard);
    assert_eq!(&reading.await.unwrap().0, b"wait");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_cuts_a_connection_that_is_older_than_the_rule() {
    let street = Street::new(None);
    let (mut near, mut far) = street.connect().await;
    let elsewhere = street.entry;
    let _guard = street.fabric.rules().install(street.segment, Arc::new(Detour(elsewhere)));
    near.write_all(b"still there?").await.unwrap();
    let cut = far.read_u8().await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::ConnectionReset);
    drop(far);
    assert_eq!(street.story().await, [(None, b"cut".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn connection_rules_pass_redirect_hold_and_drop() {
    let street = Street::new(None);
    let rules = street.fabric.rules().clone();
    let who = street.fabric.parties().who(None);
    let to = street.entry;
    assert_eq!(rules.route(street.segment, &who, to).await, Some(to));
    let registry = street.fabric.registry();
    let impostor = registry.reserve(registry.draw_ip(), None).unwrap();
    let guard = rules.install(street.segment, Arc::new(Detour(impostor)));
    assert_eq!(rules.route(street.segment, &who, to).await, Some(impostor));
    drop(guard);
    assert_eq!(rules.route(street.segment, &who, to).await, Some(to), "lifted with its guard");
    let guard = rules.install(street.segment, Arc::new(OnConnections(Verdict::Drop)));
    assert_eq!(rules.route(street.segment, &who, to).await, None);
    drop(guard);
    let guard = rules.install(street.segment, Arc::new(OnConnections(Verdict::Hold)));
    let (asking, segment) = (rules.clone(), street.segment);
    let held = tokio::spawn(async move { asking.route(segment, &who, to).await });
    tokio::time::advance(Duration::from_mins(1)).await;
    assert!(!held.is_finished());
    drop(guard);
    assert_eq!(held.await.unwrap(), Some(to));
}
