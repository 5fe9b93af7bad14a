//! From records of custody to facts: which canaries lay in memory, readable or sealed, within a window of time;
//! which private keys came home and sign.
//!
//! It searches held buffers as they are, and opens recorded streams with the run's own key log to prove that a
//! process held an asset it could not read. It decides nothing.

mod programs;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
    time::Duration,
};

use attacker::loot::{Loot, SecretKind};
use testbed::{
    canary::{self, CanaryId},
    custody::{self, Connection, Held, Side},
    foothold::hosts::taken,
    ledger::Ledger,
    opener::{Keys, Kind, Opener},
    pki::signs_for,
    vocabulary::{Asset, Direction, Vantage},
};

use super::looks::Looks;
use crate::{
    event::{Evidence, Positive},
    verdict::{CustodyFacts, KeyFacts, Leg},
};

/// Places a cell carries as evidence, per process and link.
const PLACES: usize = 4;

/// What the processes at a vantage held.
#[derive(Default)]
pub(super) struct Memory {
    holders: Vec<Holder>,
}

/// One process.
#[derive(Default)]
struct Holder {
    process: String,
    places: Vec<Place>,
    /// Connections whose records the key log does not open.
    locked: u64,
    dropped: u64,
    /// For a program of its own: what it did not show.
    real: Option<Real>,
}

/// What the memory of a program of its own did not show.
#[derive(Default)]
struct Real {
    unread: Option<String>,
    /// Canaries that crossed its links and left no trace, with when they did.
    untraced: Vec<(Asset, Duration)>,
}

/// A canary in memory.
struct Place {
    asset: Asset,
    canary: CanaryId,
    at: Duration,
    sealed: bool,
    encoding: String,
    spot: Spot,
}

/// Where in memory.
enum Spot {
    /// A buffer our own record holds; `bytes` of the one that brought its last byte.
    Buffer { connection: Arc<Connection>, side: Side, direction: Direction, bytes: usize },
    /// The memory of a process itself.
    Memory { process: String, link: String, place: String },
}

impl Spot {
    fn link(&self) -> &str {
        match self {
            Self::Buffer { connection, .. } => &connection.link,
            Self::Memory { link, .. } => link,
        }
    }
}

/// What one asset comes to.
pub(super) struct Sought {
    pub(super) facts: CustodyFacts,
    pub(super) evidence: Vec<Evidence>,
    /// Canaries that were readable.
    pub(super) readable: BTreeSet<CanaryId>,
}

impl Memory {
    /// Searches everything the processes at a vantage held; nothing where the launch kept no record.
    pub(super) fn search(ledger: &Ledger, vantage: Vantage, looks: Looks) -> Self {
        let mut memory = Self::recorded(ledger, vantage);
        memory
            .holders
            .extend(looks.into_iter().map(|(process, seen)| programs::holder(ledger, process, seen)));
        memory
    }

    fn recorded(ledger: &Ledger, vantage: Vantage) -> Self {
        let Some(custody) = ledger.custody() else { return Self::default() };
        // Where nobody stands nothing is searched; the step is not even run there.
        let Ok(Some(taken)) = taken(&ledger.architecture, vantage) else { return Self::default() };
        let labels = taken.processes.iter().map(|id| ledger.architecture.process_label(*id));
        let records = labels.filter_map(|label| custody.record(&label));
        let holders = records.map(|record| {
            let held = record.held_from(0);
            let mut places = readable(ledger, &held);
            let locked = sealed(ledger, &held, &mut places);
            // Asked last: what was dropped meanwhile counts.
            Holder {
                process: record.process().to_owned(),
                places,
                locked,
                dropped: record.dropped(),
                real: None,
            }
        });
        Self { holders: holders.collect() }
    }

    /// What it says of an asset that passed in `window`.
    pub(super) fn seek(
        &self,
        ledger: &Ledger,
        asset: Asset,
        window: &Range<Duration>,
        positive: Positive,
    ) -> Sought {
        let (mut holders, mut readable, mut evidence) = (Vec::new(), BTreeSet::new(), Vec::new());
        let mut of_link: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for holder in &self.holders {
            let relevant =
                || holder.places.iter().filter(|place| place.asset == asset && window.contains(&place.at));
            let canaries = |sealed| -> BTreeSet<CanaryId> {
                relevant().filter(|place| place.sealed == sealed).map(|place| place.canary).collect()
            };
            let (open, sealed) = (canaries(false), canaries(true));
            // Where it was readable, that it was sealed on its way in is no news.
            for place in relevant().filter(|place| place.sealed == open.is_empty()) {
                let shown = of_link.entry((&holder.process, place.spot.link())).or_default();
                *shown += 1;
                if *shown <= PLACES {
                    evidence.push(place.evidence(ledger));
                }
            }
            holders.push(Leg {
                link: holder.process.clone(),
                carried_clear: open.len() as u64,
                carried_sealed: sealed.difference(&open).count() as u64,
                unopened_flows: holder.locked,
            });
            readable.extend(open);
        }
        if !readable.is_empty() {
            evidence.retain(|place| !place.encoding.starts_with("tls+"));
        }
        let dropped = self.holders.iter().map(|holder| holder.dropped).sum();
        let real = || self.holders.iter().filter_map(|holder| holder.real.as_ref());
        let untraced = real().flat_map(|real| &real.untraced);
        let facts = CustodyFacts {
            holders,
            dropped,
            unread: real().filter_map(|real| real.unread.clone()).collect(),
            untraced: untraced.filter(|(of, at)| *of == asset && window.contains(at)).count() as u64,
            measured: !self.holders.is_empty() && self.holders.iter().all(|holder| holder.real.is_some()),
            positive,
        };
        Sought { facts, evidence, readable }
    }
}

impl Place {
    fn evidence(&self, ledger: &Ledger) -> Evidence {
        let canary = Some(ledger.canaries.value(self.canary));
        let (encoding, how) = (self.encoding.clone(), if self.sealed { "sealed, in" } else { "readable in" });
        let (connection, side, direction, bytes) = match &self.spot {
            Spot::Buffer { connection, side, direction, bytes } => (connection, *side, *direction, *bytes),
            Spot::Memory { process, link, place } => {
                return Evidence {
                    link: link.clone(),
                    encoding,
                    canary,
                    attempt: Some(format!("memory of {process}, read from the running process")),
                    answer: Some(format!("{how} {place}")),
                    ..Evidence::default()
                };
            }
        };
        let side = match side {
            Side::Outer => "outer side",
            Side::Inner => "inner side",
            Side::Both => "no TLS ends here",
        };
        let Connection { number, process, link, .. } = &**connection;
        Evidence {
            link: link.clone(),
            encoding,
            canary,
            attempt: Some(format!("memory of {process}, connection {number}, {side}, {direction}")),
            answer: Some(format!("{how} a buffer of {bytes} bytes")),
            ..Evidence::default()
        }
    }
}

fn readable(ledger: &Ledger, held: &[Held]) -> Vec<Place> {
    custody::search(&ledger.canaries, held)
        .into_iter()
        .map(|found| Place {
            asset: found.hit.asset,
            canary: found.hit.canary,
            at: found.held.at,
            sealed: false,
            encoding: found.hit.encoding.word().to_owned(),
            spot: Spot::Buffer {
                connection: found.held.connection,
                side: found.held.side,
                direction: found.held.direction,
                bytes: found.held.bytes.len(),
            },
        })
        .collect()
}

/// Adds what only the key log shows in the streams towards the wire; tells how many stayed closed.
fn sealed(ledger: &Ledger, held: &[Held], places: &mut Vec<Place>) -> u64 {
    let mut wires: BTreeMap<u64, Vec<&Held>> = BTreeMap::new();
    for buffer in held.iter().filter(|buffer| buffer.side != Side::Inner) {
        wires.entry(buffer.connection.number).or_default().push(buffer);
    }
    let mut locked = 0;
    for wire in wires.values() {
        let mut reader = Opener::new(&ledger.key_log);
        for buffer in wire {
            reader.feed(buffer.direction, &buffer.bytes);
        }
        let opened = reader.finish();
        if opened.kind != Kind::Tls {
            continue;
        }
        locked += u64::from(opened.keys == Keys::Missing || !opened.errors.is_empty());
        for direction in [Direction::ToAcceptor, Direction::ToDialer] {
            let way = opened.way(direction);
            for hit in canary::search(&ledger.canaries, &way.plaintext()) {
                let Some(span) = way.captured(hit.start..hit.end) else { continue };
                let piece = way.pieces.iter().find(|piece| piece.span.end >= span.end);
                let Some(buffer) = piece.and_then(|piece| wire.get(piece.order as usize)) else { continue };
                places.push(Place {
                    asset: hit.asset,
                    canary: hit.canary,
                    at: buffer.at,
                    sealed: true,
                    encoding: format!("tls+{}", hit.encoding),
                    spot: Spot::Buffer {
                        connection: buffer.connection.clone(),
                        side: buffer.side,
                        direction,
                        bytes: buffer.bytes.len(),
                    },
                });
            }
        }
    }
    locked
}

/// Which keys that lie on the hosts of a vantage came home, and where they were found or refused.
pub(super) fn keys(
    ledger: &Ledger,
    vantage: Vantage,
    loot: &Loot,
    positive: Positive,
) -> (KeyFacts, Vec<Evidence>) {
    let hosts = taken(&ledger.architecture, vantage).ok().flatten().map(|taken| taken.hosts);
    let certificates: Vec<(&str, &[u8])> =
        ledger.keys.certificates_on(hosts.as_deref().unwrap_or_default()).collect();
    let (mut signed, mut evidence) = (BTreeSet::new(), Vec::new());
    for secret in loot.secrets().filter(|secret| secret.kind == SecretKind::PrivateKey) {
        let signs = certificates.iter().filter(|(_, leaf)| signs_for(&secret.value, leaf));
        for (name, _) in signs {
            signed.insert((*name).to_owned());
            evidence.push(tried(&secret.provenance.where_found, format!("signs for {name}")));
        }
    }
    for denied in loot.denied().filter(|_| signed.is_empty()) {
        evidence.push(tried(&denied.provenance.where_found, denied.why.clone()));
    }
    // The same file asked for twice is one.
    let files: BTreeSet<&str> = loot.denied().map(|denied| denied.provenance.where_found.as_str()).collect();
    let refused = files.len() as u64;
    let there = certificates.len() as u64;
    (KeyFacts { there, signed: signed.into_iter().collect(), refused, positive }, evidence)
}

fn tried(place: &str, answer: String) -> Evidence {
    Evidence { attempt: Some(place.to_owned()), answer: Some(answer), ..Evidence::default() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use testbed::{
        architecture,
        custody::Bounds,
        launch::{LaunchOptions, launch},
        workload::{Bounds as Haste, Crowd},
    };

    use super::*;
    use crate::event::Verdict;

    /// What the edge of a clear cloud held while users logged in, and what a judge makes of it.
    async fn edge(bounds: Bounds) -> (Sought, Verdict) {
        let file = architecture::load("plaintext").unwrap();
        let options = LaunchOptions { custody: Some(bounds), ..LaunchOptions::default() };
        let (_footholds, ledger) = launch(&file, options).await.unwrap();
        let haste =
            Haste { in_flight: 4, patience: Duration::from_secs(10), stragglers: Duration::from_secs(3) };
        let mut crowd = Crowd::start(&ledger, haste).unwrap();
        crowd.enrol(2).await.unwrap();
        crowd.warm_up(2, 2).await.unwrap();
        let memory = Memory::search(&ledger, Vantage::EdgeRoot, Looks::default());
        let always = Duration::ZERO..Duration::MAX;
        let sought = memory.seek(&ledger, Asset::Password, &always, Positive::Passed);
        crowd.stop().unwrap();
        ledger.teardown().unwrap();
        let verdict = sought.facts.judge().verdict;
        (sought, verdict)
    }

    #[tokio::test]
    async fn a_record_without_room_proves_nothing() {
        let (all, verdict) = edge(Bounds::default()).await;
        assert_eq!((all.facts.dropped, verdict), (0, Verdict::Broken));
        assert!(!all.readable.is_empty());
        let (none, verdict) = edge(Bounds { connection: 16, process: 64 }).await;
        assert!(none.facts.dropped > 1000, "{}", none.facts.dropped);
        assert!(none.readable.is_empty());
        assert_eq!(verdict, Verdict::Inconclusive);
    }

    #[tokio::test]
    async fn a_bound_that_cuts_late_hides_nothing_that_was_found() {
        let (part, verdict) = edge(Bounds { connection: 2000, process: 1 << 20 }).await;
        assert!(part.facts.dropped > 0 && !part.readable.is_empty());
        assert_eq!(verdict, Verdict::Broken);
    }
}
