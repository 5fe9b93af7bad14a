//! What goes out while a step runs: links as their bytes look, canaries as they become readable, attempts as
//! they are answered. Bounded: a few of a kind, then counts.

use std::collections::BTreeMap;

use attacker::loot::{Channel, Item, Provenance, SecretKind};
use testbed::{
    architecture::SegmentId,
    ledger::Ledger,
    vocabulary::{Asset, Method, Vantage},
};

use super::emit::Emitter;
use crate::event::{Attempt, Event, Exposed, LinkSeen, LinkState};

/// Exposures of one (link, asset) that go out one by one.
const EACH: usize = 3;
/// Attempts and refusals of one label that go out one by one.
const TRIES: usize = 4;

/// Where a step's facts belong.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) architecture: String,
    pub(super) scenario: String,
}

/// Remembers what has gone out.
pub(super) struct Live {
    place: Place,
    /// Segments readable from the scenario's vantage.
    readable: Vec<SegmentId>,
    findings: usize,
    told: BTreeMap<(String, Asset), usize>,
    tried: BTreeMap<(String, String), usize>,
    links: BTreeMap<String, LinkSeen>,
}

impl Live {
    pub(super) fn new(place: Place, readable: Vec<SegmentId>) -> Self {
        Self {
            place,
            readable,
            findings: 0,
            told: BTreeMap::new(),
            tried: BTreeMap::new(),
            links: BTreeMap::new(),
        }
    }

    /// Where its facts belong.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// Sends what is new on the wires.
    pub(super) fn look(&mut self, ledger: &Ledger, emitter: &mut Emitter) {
        let mut events = Vec::new();
        {
            let seen = ledger.found();
            for finding in &seen.findings[self.findings..] {
                let told = self.told.entry((finding.link.clone(), finding.hit.asset)).or_default();
                if *told < EACH && self.readable.contains(&finding.segment) {
                    *told += 1;
                    events.push(Event::Exposed(Exposed {
                        architecture: self.place.architecture.clone(),
                        scenario: self.place.scenario.clone(),
                        asset: finding.hit.asset,
                        link: finding.link.clone(),
                        segment: ledger.architecture[finding.segment].name.clone(),
                        encoding: finding.hit.encoding,
                        canary: ledger.canaries.value(finding.hit.canary),
                    }));
                }
            }
            self.findings = seen.findings.len();
        }
        for link in self.links_now(ledger) {
            if self.links.get(&link.link) != Some(&link) {
                self.links.insert(link.link.clone(), link.clone());
                events.push(Event::Link(link));
            }
        }
        for event in events {
            emitter.send(event);
        }
    }

    /// Sends loot of an attacker at `vantage` as it comes.
    pub(super) fn loot(&mut self, items: &[Item], vantage: Vantage, emitter: &mut Emitter) {
        for item in items {
            let attempt = match item {
                Item::Attempt(attempt) => Attempt {
                    architecture: self.place.architecture.clone(),
                    scenario: self.place.scenario.clone(),
                    vantage,
                    technique: attempt.provenance.step.technique.to_owned(),
                    attack_id: attempt.provenance.step.attack_id.to_owned(),
                    target: format!("{} ({})", attempt.label, attempt.attempt),
                    answer: match (attempt.served, attempt.channel) {
                        (true, Channel::Tls) => format!("{} over TLS", attempt.answer),
                        _ => attempt.answer.to_string(),
                    },
                    served: attempt.served,
                    method: attempt.answer.method(),
                },
                Item::Refusal(refusal) => Attempt {
                    architecture: self.place.architecture.clone(),
                    scenario: self.place.scenario.clone(),
                    vantage,
                    technique: refusal.provenance.step.technique.to_owned(),
                    attack_id: refusal.provenance.step.attack_id.to_owned(),
                    target: format!("victim on its way to {}", refusal.label),
                    answer: format!("{:?}", refusal.failure),
                    served: false,
                    method: Method::Measured,
                },
                Item::Secret(secret) if secret.kind == SecretKind::PrivateKey => {
                    self.file(&secret.provenance, "read", true, vantage)
                }
                Item::Denied(denied) => self.file(&denied.provenance, &denied.why, false, vantage),
                Item::Secret(_) | Item::Deed(_) | Item::NotGranted(..) => continue,
            };
            let tried = self.tried.entry((attempt.target.clone(), attempt.answer.clone())).or_default();
            *tried += 1;
            if *tried <= TRIES {
                emitter.send(Event::Attempt(attempt));
            }
        }
    }

    /// A key file, or a key in memory, that was tried: our host model answered.
    fn file(&self, tried: &Provenance, answer: &str, served: bool, vantage: Vantage) -> Attempt {
        Attempt {
            architecture: self.place.architecture.clone(),
            scenario: self.place.scenario.clone(),
            vantage,
            technique: tried.step.technique.to_owned(),
            attack_id: tried.step.attack_id.to_owned(),
            target: tried.where_found.clone(),
            answer: answer.to_owned(),
            served,
            method: Method::Modelled,
        }
    }

    fn links_now(&self, ledger: &Ledger) -> Vec<LinkSeen> {
        let seen = ledger.found();
        let mut links: BTreeMap<(SegmentId, &str), LinkSeen> = BTreeMap::new();
        let mut exposed: BTreeMap<(&str, Asset), u64> = BTreeMap::new();
        for ((_, segment, link), totals) in &seen.links {
            let shown = links.entry((*segment, link)).or_insert_with(|| LinkSeen {
                architecture: self.place.architecture.clone(),
                scenario: self.place.scenario.clone(),
                link: link.clone(),
                segment: ledger.architecture[*segment].name.clone(),
                state: LinkState::Idle,
                flows: 0,
                bytes: 0,
                exposed: Vec::new(),
            });
            shown.flows += totals.flows;
            shown.bytes += totals.bytes;
            shown.state = match (shown.state, totals.clear_flows, totals.tls_flows) {
                (LinkState::Clear, _, _) | (_, 1.., _) => LinkState::Clear,
                (LinkState::Encrypted, 0, _) | (_, 0, 1..) => LinkState::Encrypted,
                (LinkState::Idle, 0, 0) => LinkState::Idle,
            };
            for (asset, canaries) in &totals.exposed {
                *exposed.entry((link, *asset)).or_default() += canaries.len() as u64;
            }
        }
        let mut shown: Vec<LinkSeen> = links.into_values().collect();
        for link in &mut shown {
            let of_link = exposed.iter().filter(|((of, _), _)| *of == link.link);
            link.exposed = of_link.map(|((_, asset), count)| (*asset, *count)).collect();
        }
        shown
    }
}
