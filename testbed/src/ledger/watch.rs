//! From the tap to ground truth: which canaries were readable on which link, and what each link carried.
//!
//! Only honest parties' connections count; what the attacker itself sends is no exposure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    architecture::SegmentId,
    canary::{Canaries, CanaryId, Hit, Matcher},
    capture::FlowStore,
    fabric::{
        parties::Kind,
        tap::{Flow, Observer},
    },
    vocabulary::{Asset, Direction},
};

/// Findings of each (link, asset, phase) whose flow is marked as evidence, never to be dropped.
const EVIDENCE_EACH: usize = 8;

/// A canary readable on a crossing.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which flow.
    pub flow: u64,
    /// `host/process>host/process`.
    pub link: String,
    /// Where.
    pub segment: SegmentId,
    /// The phase the flow opened in.
    pub phase: u32,
    /// Which way.
    pub direction: Direction,
    /// What, how written, and where in the stream.
    pub hit: Hit,
    /// When.
    pub at: Duration,
}

/// What a link carried in one phase.
#[derive(Clone, Debug, Default)]
pub struct LinkTotals {
    /// Connections.
    pub flows: u64,
    /// Connections that began with a TLS handshake record.
    pub tls_flows: u64,
    /// Connections that began with anything else.
    pub clear_flows: u64,
    /// Bytes, both ways.
    pub bytes: u64,
    /// Distinct canaries readable, by asset.
    pub exposed: BTreeMap<Asset, BTreeSet<CanaryId>>,
}

/// Everything the matcher saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// The first finding of each (canary, link, phase).
    pub findings: Vec<Finding>,
    /// Totals by (phase, segment, link).
    pub links: BTreeMap<(u32, SegmentId, String), LinkTotals>,
    /// Flows that a rule sent elsewhere, with the link they were meant for.
    pub detours: BTreeMap<u64, String>,
    /// Flows the attacker opened, with their links: all of them, whatever became of their capture.
    pub attackers: BTreeMap<u64, String>,
    /// Bytes that crossed, all flows, both ways.
    pub bytes: u64,
}

/// Matches every honest flow.
pub struct Watch {
    canaries: Canaries,
    seen: Arc<Mutex<Seen>>,
    capture: Arc<Mutex<FlowStore>>,
    flows: HashMap<u64, Reading>,
    evidence: BTreeMap<(u32, String, Asset), usize>,
    hits: Vec<Hit>,
}

struct Reading {
    forth: Matcher,
    back: Matcher,
    began: bool,
}

impl Watch {
    /// A watch that reports to `seen` and marks evidence in `capture`. It must come after the recorder.
    pub fn new(canaries: Canaries, seen: Arc<Mutex<Seen>>, capture: Arc<Mutex<FlowStore>>) -> Self {
        Self { canaries, seen, capture, flows: HashMap::new(), evidence: BTreeMap::new(), hits: Vec::new() }
    }

    fn note(&mut self, flow: &Flow, direction: Direction, at: Duration) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for hit in self.hits.drain(..) {
            let key = (flow.phase, flow.segment, flow.link.clone());
            let totals = seen.links.entry(key).or_default();
            if !totals.exposed.entry(hit.asset).or_default().insert(hit.canary) {
                continue;
            }
            let marked = self.evidence.entry((flow.phase, flow.link.clone(), hit.asset)).or_default();
            if *marked < EVIDENCE_EACH {
                *marked += 1;
                self.capture.lock().unwrap_or_else(PoisonError::into_inner).mark_evidence(flow.id);
            }
            seen.findings.push(Finding {
                flow: flow.id,
                link: flow.link.clone(),
                segment: flow.segment,
                phase: flow.phase,
                direction,
                hit,
                at,
            });
        }
    }
}

impl Observer for Watch {
    fn opened(&mut self, flow: &Arc<Flow>) {
        if flow.kind == Kind::Attacker {
            self.seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .attackers
                .insert(flow.id, flow.link.clone());
        }
        if flow.kind != Kind::Honest {
            return;
        }
        let (forth, back) = (Matcher::new(&self.canaries), Matcher::new(&self.canaries));
        self.flows.insert(flow.id, Reading { forth, back, began: false });
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.links.entry((flow.phase, flow.segment, flow.link.clone())).or_default().flows += 1;
        if let Some(meant) = &flow.meant {
            seen.detours.insert(flow.id, meant.clone());
        }
    }

    fn crossed(&mut self, flow: &Flow, direction: Direction, at: Duration, bytes: &Bytes) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).bytes += bytes.len() as u64;
        let Some(reading) = self.flows.get_mut(&flow.id) else { return };
        let matcher = match direction {
            Direction::ToAcceptor => &mut reading.forth,
            Direction::ToDialer => &mut reading.back,
        };
        matcher.push(bytes, &mut self.hits);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let totals = seen.links.entry((flow.phase, flow.segment, flow.link.clone())).or_default();
            totals.bytes += bytes.len() as u64;
            if let (false, Some(first)) = (reading.began, bytes.first()) {
                reading.began = true;
                // Content type 22 opens every TLS connection; no HTTP request begins with it.
                if *first == 22 { totals.tls_flows += 1 } else { totals.clear_flows += 1 }
            }
        }
        if !self.hits.is_empty() {
            self.note(flow, direction, at);
        }
    }

    fn ended(&mut self, flow: &Flow, _at: Duration, _cut: Option<Direction>) {
        self.flows.remove(&flow.id);
    }
}
