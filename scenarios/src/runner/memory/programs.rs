//! What a program of its own held: what was readable in its memory at any look, and which of its links' sealed bytes
//! lay there at one.
//!
//! That bytes crossed its links is known from the capture; that it held them, from its memory alone. A sealed record
//! counts only where it left as it had come: one that ends TLS holds sealed records, too, and opens them between two
//! looks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use testbed::{
    canary::{self, CanaryId},
    capture::{Chunk, FlowRecord},
    ledger::Ledger,
    opener::{Keys, Kind, Opener},
    vocabulary::{Asset, Direction},
};

use super::{
    super::looks::{Seen, Sighting},
    Holder, Place, Real, Spot,
};

/// Bytes of a record that are compared.
const RECORD: usize = 256;

pub(super) fn holder(ledger: &Ledger, process: String, seen: Seen) -> Holder {
    let crossed = Crossed::of(ledger, &process);
    let links: BTreeMap<CanaryId, &str> =
        crossed.canaries.iter().map(|one| (one.canary, one.link.as_str())).collect();
    let readable = seen.found.iter().map(|(canary, sighting)| {
        let Sighting { asset, at, pid, region, address, encoding } = sighting;
        let link = links.get(canary).map_or_else(|| process.clone(), |link| (*link).to_owned());
        let place = format!("{region} memory of process {pid} at {address:#x}");
        let spot = Spot::Memory { process: process.clone(), link, place };
        Place { asset: *asset, canary: *canary, at: *at, sealed: false, encoding: encoding.clone(), spot }
    });
    let mut places: Vec<Place> = readable.collect();
    let passed_on = crossed.passed_on();
    let there = |one: &&Crossing| one.record.is_some_and(|record| seen.sealed.contains(&record));
    for one in crossed.canaries.iter().filter(|one| passed_on.contains(&one.canary)).filter(there) {
        let (process, link) = (process.clone(), one.link.clone());
        let place = "its memory: the record it crossed in".to_owned();
        let (encoding, spot) = (format!("tls+{}", one.encoding), Spot::Memory { process, link, place });
        places.push(Place { asset: one.asset, canary: one.canary, at: one.at, sealed: true, encoding, spot });
    }
    let traced: BTreeSet<CanaryId> = places.iter().map(|place| place.canary).collect();
    let lost = crossed.canaries.iter().filter(|one| !traced.contains(&one.canary));
    let real = Real { unread: seen.unread, untraced: lost.map(|one| (one.asset, one.at)).collect() };
    Holder { process, places, locked: crossed.locked, dropped: 0, real: Some(real) }
}

/// What crossed the links of one process.
#[derive(Default)]
struct Crossed {
    canaries: Vec<Crossing>,
    /// Connections the key log does not open.
    locked: u64,
}

struct Crossing {
    asset: Asset,
    canary: CanaryId,
    at: Duration,
    link: String,
    encoding: &'static str,
    /// Bytes of the record it crossed in, as far as they tell it from others; empty where it crossed in clear.
    bytes: Vec<u8>,
    /// The record it crossed in, as looks number them; `None` where it crossed in clear.
    record: Option<(u64, bool, u64)>,
}

impl Crossed {
    /// Canaries that left in the record they came in: whoever opened it would have had to close another.
    fn passed_on(&self) -> BTreeSet<CanaryId> {
        let mut forms: BTreeMap<CanaryId, (BTreeSet<&str>, BTreeSet<&[u8]>)> = BTreeMap::new();
        for one in &self.canaries {
            let (links, records) = forms.entry(one.canary).or_default();
            links.insert(&one.link);
            records.insert(&one.bytes);
        }
        let whole = |(links, records): &(BTreeSet<&str>, BTreeSet<&[u8]>)| {
            links.len() > 1 && records.len() == 1 && records.iter().all(|bytes| !bytes.is_empty())
        };
        forms.into_iter().filter(|(_, forms)| whole(forms)).map(|(canary, _)| canary).collect()
    }

    fn of(ledger: &Ledger, process: &str) -> Self {
        let honest: BTreeSet<String> = ledger.found().links.keys().map(|(.., link)| link.clone()).collect();
        let capture = ledger.captured();
        let mut crossed = Self::default();
        let ours = |link: &str| honest.contains(link) && link.split('>').any(|end| end == process);
        for flow in capture.flows().filter(|flow| ours(&flow.link)) {
            crossed.take(ledger, flow);
        }
        crossed
    }

    fn take(&mut self, ledger: &Ledger, flow: &FlowRecord) {
        let mut reader = Opener::new(&ledger.key_log);
        let chunks: Vec<&Chunk> = flow.chunks.iter().filter(|chunk| !chunk.bytes.is_empty()).collect();
        for chunk in &chunks {
            reader.feed(chunk.direction, &chunk.bytes);
        }
        let opened = reader.finish();
        let sealed = opened.kind == Kind::Tls;
        self.locked += u64::from(sealed && (opened.keys == Keys::Missing || !opened.errors.is_empty()));
        for direction in [Direction::ToAcceptor, Direction::ToDialer] {
            let way = opened.way(direction);
            let of_way = chunks.iter().filter(|chunk| chunk.direction == direction);
            let stream: Vec<u8> = of_way.flat_map(|chunk| chunk.bytes.iter().copied()).collect();
            for hit in canary::search(&ledger.canaries, &way.plaintext()) {
                let Some(span) = way.captured(hit.start..hit.end) else { continue };
                let order =
                    way.pieces.iter().find(|piece| piece.span.end >= span.end).map(|piece| piece.order);
                let chunk = order.and_then(|order| chunks.get(order as usize));
                let record = span.start as usize..(span.end as usize).min(span.start as usize + RECORD);
                let bytes = stream.get(record).filter(|_| sealed).unwrap_or_default().to_vec();
                self.canaries.push(Crossing {
                    bytes,
                    asset: hit.asset,
                    canary: hit.canary,
                    at: chunk.map_or(flow.opened, |chunk| chunk.at),
                    link: flow.link.to_string(),
                    encoding: hit.encoding.word(),
                    record: sealed.then_some((flow.id, direction == Direction::ToAcceptor, span.start)),
                });
            }
        }
    }
}
