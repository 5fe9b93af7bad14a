//! What a program of its own held: what was readable in its memory at any look, and which of its links' sealed bytes
//! lay there at the last one.
//!
//! That bytes crossed its links is known from the capture; that it held them, from its memory alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
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

/// Bytes of a record that are unlike those of any other, past its header.
const PIECE: Range<usize> = 8..40;

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
    let pieces: Vec<&[u8]> = crossed.canaries.iter().map(|one| one.piece.as_slice()).collect();
    let there = seen.last.as_ref().map_or_else(|| vec![false; pieces.len()], |image| image.holds(&pieces));
    for (one, _) in crossed.canaries.iter().zip(there).filter(|(_, there)| *there) {
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
    /// Bytes of the record it crossed in; empty where it crossed in clear.
    piece: Vec<u8>,
}

impl Crossed {
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
                let record = stream.get(span.start as usize..).filter(|_| sealed).unwrap_or_default();
                self.canaries.push(Crossing {
                    asset: hit.asset,
                    canary: hit.canary,
                    at: chunk.map_or(flow.opened, |chunk| chunk.at),
                    link: flow.link.to_string(),
                    encoding: hit.encoding.word(),
                    piece: record.get(PIECE).unwrap_or_default().to_vec(),
                });
            }
        }
    }
}
