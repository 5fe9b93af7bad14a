//! From facts to cells of one step: asks the pure judge, attaches frames, expectation and the hunt.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use attacker::loot::{Act, Channel, Loot, Secret, SecretKind};
use testbed::{
    architecture::SegmentId,
    canary::{CanaryId, search},
    capture::{Comment, FrameIndex},
    ledger::Ledger,
    opener::{AlertDescription, Kind},
    vocabulary::{Asset, Direction},
};

use super::{
    captures::Captures,
    gather::{Conversation, Onward, Spot, far_side, legs},
    memory::{self, Memory},
    neighbour,
};
use crate::{
    catalog::{Scenario, Technique},
    event::{Cell, Evidence, Hunt, Impact, Positive, Verdict},
    verdict::{
        Attempted, Beyond, ControlRef, InPathFacts, Judgement, PassiveFacts, ReachFacts, RedirectedLink,
        Subject, resolve,
    },
};

/// Spots a cell carries as evidence, per link.
const SPOTS: usize = 4;

/// Everything judgement needs of one step.
pub(super) struct Case<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) scenario: &'a Scenario,
    pub(super) loot: &'a Loot,
    /// What the same probe brought home with the rights of the owners, where it was tried.
    pub(super) owners: Option<&'a Loot>,
    /// What the vantage can read.
    pub(super) segments: &'a [SegmentId],
    pub(super) conversations: &'a [Conversation],
    /// What the processes at the vantage held.
    pub(super) memory: &'a Memory,
    /// What far sides answered the attacker's own connections, by `host/process`.
    pub(super) onward: &'a BTreeMap<String, Onward>,
    pub(super) baseline: Range<Duration>,
    pub(super) attack: Range<Duration>,
    pub(super) controls: &'a [ControlRef],
    pub(super) cells: &'a [Cell],
    /// The attack was called off before its time was over.
    pub(super) cut_short: bool,
}

/// A cell, and where its evidence is before frames have numbers.
pub(super) struct Judged {
    pub(super) cell: Cell,
    pub(super) spots: Vec<Spot>,
    pub(super) refusals: Vec<Refused>,
}

/// A victim's refusal, as captured.
pub(super) struct Refused {
    pub(super) flow: u64,
    pub(super) segment: usize,
    pub(super) link: String,
    pub(super) range: Range<u64>,
    pub(super) answer: String,
}

impl Case<'_> {
    /// One cell per asset of the scenario.
    pub(super) fn cells(&self) -> Vec<Judged> {
        self.scenario
            .assets
            .iter()
            .map(|asset| {
                let mut judged = self.cell(*asset);
                if self.cut_short {
                    cut_short(&mut judged.cell);
                }
                judged
            })
            .collect()
    }

    fn cell(&self, asset: Asset) -> Judged {
        let mut readable = BTreeSet::new();
        let (judgement, mut spots, refusals, evidence) = match (self.scenario.technique, asset) {
            (Technique::SearchMemory, Asset::CertificateKey) => self.keys(),
            (Technique::SearchMemory, _) => self.held(asset, &mut readable),
            (Technique::NeighbourConnect, _) => {
                let elsewhere =
                    if self.controls.is_empty() { Positive::Passed } else { self.positive(asset) };
                let facts = neighbour::reach(self.loot, self.owners, elsewhere);
                (facts.judge(), Vec::new(), Vec::new(), facts.evidence())
            }
            (Technique::NeighbourKey, _) => {
                let facts = neighbour::keys(self.ledger, self.loot, self.owners);
                (facts.judge(), Vec::new(), Vec::new(), facts.evidence())
            }
            (_, Asset::Reach) => self.reach(),
            (Technique::InPath, _) => self.in_path(asset),
            _ => self.passive(asset),
        };
        let subject = Subject {
            architecture: self.ledger.architecture.name.clone(),
            scenario: self.scenario.id.clone(),
            vantage: self.scenario.vantage,
            asset,
            weakness: self.scenario.weakness.clone(),
        };
        let mut cell = judgement.into_cell(subject, evidence);
        let broken = cell.verdict == Verdict::Broken;
        spots.retain(|spot| broken != spot.encoding.starts_with("tls+") || self.is_in_path());
        if broken {
            readable.extend(spots.iter().map(|spot| spot.canary));
        }
        // Where nothing was readable, loot of that kind is all the more worth a word.
        cell.hunt = self.hunt(asset, &readable);
        if broken && self.controls.is_empty() {
            // It is the control: the probe got the asset here.
            cell.control.positive = Positive::Passed;
        }
        cell.expected = self.scenario.expected(&cell.architecture, asset);
        Judged { cell, spots: few(spots), refusals }
    }

    fn positive(&self, asset: Asset) -> Positive {
        resolve(asset, &self.ledger.architecture.name, self.controls, self.cells)
    }

    fn is_in_path(&self) -> bool {
        self.scenario.technique == Technique::InPath
    }

    fn passive(&self, asset: Asset) -> (Judgement, Vec<Spot>, Vec<Refused>, Vec<Evidence>) {
        let seen = self.ledger.found();
        let (legs, spots) = legs(&seen, self.segments, self.conversations, asset, &self.attack);
        let positive = self.positive(asset);
        (PassiveFacts { legs, positive }.judge(), spots, Vec::new(), Vec::new())
    }

    fn held(
        &self,
        asset: Asset,
        readable: &mut BTreeSet<CanaryId>,
    ) -> (Judgement, Vec<Spot>, Vec<Refused>, Vec<Evidence>) {
        let sought = self.memory.seek(self.ledger, asset, &self.attack, self.positive(asset));
        readable.extend(sought.readable);
        (sought.facts.judge(), Vec::new(), Vec::new(), sought.evidence)
    }

    fn keys(&self) -> (Judgement, Vec<Spot>, Vec<Refused>, Vec<Evidence>) {
        let positive = self.positive(Asset::CertificateKey);
        let (facts, evidence) = memory::keys(self.ledger, self.scenario.vantage, self.loot, positive);
        (facts.judge(), Vec::new(), Vec::new(), evidence)
    }

    fn reach(&self) -> (Judgement, Vec<Spot>, Vec<Refused>, Vec<Evidence>) {
        let attempts = self.loot.attempts().map(|attempt| {
            let label = format!("{} ({})", attempt.label, attempt.attempt);
            match attempt.channel {
                Channel::Clear => Attempted::in_clear(label, &attempt.answer, attempt.served),
                Channel::Tls => Attempted::new(label, &attempt.answer, attempt.served),
            }
        });
        let positive = self.positive(Asset::Reach);
        let facts = ReachFacts { attempts: attempts.collect(), positive };
        (facts.judge(), Vec::new(), Vec::new(), facts.evidence())
    }

    fn in_path(&self, asset: Asset) -> (Judgement, Vec<Spot>, Vec<Refused>, Vec<Evidence>) {
        let seen = self.ledger.found();
        let (before, _) = legs(&seen, self.segments, self.conversations, asset, &self.baseline);
        let mut links: BTreeMap<String, RedirectedLink> = BTreeMap::new();
        let blank = |link: &str, (carried, unopened)| RedirectedLink {
            link: link.to_owned(),
            carried,
            unopened,
            arrivals: 0,
            refusals: 0,
            accepted: 0,
            locked: 0,
            onward: Beyond::default(),
            lost: 0,
        };
        for leg in before {
            let carried = leg.carried_clear + leg.carried_sealed;
            links.insert(leg.link.clone(), blank(&leg.link, (carried, leg.unopened_flows)));
        }
        let (mut spots, mut refusals) = (Vec::new(), Vec::new());
        let mut lost: BTreeMap<&str, BTreeSet<CanaryId>> = BTreeMap::new();
        let mut fooled: BTreeMap<&str, u64> = BTreeMap::new();
        for talk in self.conversations {
            let Some(meant) = seen.detours.get(&talk.flow) else { continue };
            // Before the attack nothing is sent elsewhere, so the meant link is one that was seen.
            links.retain(|link, _| *link != talk.link);
            let link = links.entry(meant.clone()).or_insert_with(|| blank(meant, (0, 0)));
            let refused = refusal(talk, &self.attack);
            let accepted = talk.kind == Kind::NotTls || talk.complete;
            // Who was neither let in nor gone when the attack ended was cut by us: that is no answer.
            let cut_short = talk.left_at.is_none_or(|left| left >= self.attack.end);
            if talk.kind == Kind::Silent || (cut_short && refused.is_none() && !accepted) {
                continue;
            }
            link.arrivals += 1;
            link.refusals += u64::from(refused.is_some());
            link.accepted += u64::from(refused.is_none() && accepted);
            link.locked += u64::from(talk.locked);
            *fooled.entry(far_side(meant)).or_default() += u64::from(refused.is_none() && accepted);
            refusals.extend(refused);
            // The impostor ends this TLS itself: what the run's key log opens here, it read.
            for (_, _, _, spot) in talk.spots.iter().filter(|(of, ..)| *of == asset) {
                if lost.entry(meant).or_default().insert(spot.canary) {
                    spots.push(spot.clone());
                }
            }
        }
        for (meant, canaries) in lost {
            if let Some(link) = links.get_mut(meant) {
                link.lost = canaries.len() as u64;
            }
        }
        for link in links.values_mut() {
            let far_side = far_side(&link.link);
            let Some(onward) = self.onward.get(far_side) else { continue };
            let fooled = fooled.get(far_side).copied().unwrap_or_default();
            let Onward { opened, cut, refused } = *onward;
            link.onward = Beyond { fooled, opened, cut, refused };
        }
        let positive = self.positive(asset);
        // Only what the far side says is lost by its answer alone.
        let told = asset == Asset::ResponseBody;
        let facts = InPathFacts { links: links.into_values().collect(), told, positive };
        (facts.judge(), spots, refusals, Vec::new())
    }

    /// The attacker's own parsing against ground truth.
    fn hunt(&self, asset: Asset, exposed: &BTreeSet<CanaryId>) -> Option<Hunt> {
        let kinds = match asset {
            Asset::Password => &[SecretKind::Password][..],
            Asset::Token => &[SecretKind::Token],
            Asset::RequestBody => &[SecretKind::RequestBody],
            Asset::ResponseBody => &[SecretKind::ResponseBody, SecretKind::AdminPass],
            Asset::InternalMessage => &[SecretKind::InternalMessage],
            _ => return None,
        };
        let of_kind: Vec<&Secret> =
            self.loot.secrets().filter(|secret| kinds.contains(&secret.kind)).collect();
        if of_kind.is_empty() && exposed.is_empty() {
            return None;
        }
        // A canary may come home inside another kind of loot: a service echoes request bodies in its answers.
        let canaries = |secret: &Secret| search(&self.ledger.canaries, &secret.value);
        let home: BTreeSet<CanaryId> = self
            .loot
            .secrets()
            .flat_map(canaries)
            .filter(|hit| hit.asset == asset)
            .map(|hit| hit.canary)
            .collect();
        let right = of_kind.iter().filter(|secret| !canaries(secret).is_empty()).count();
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        Some(Hunt {
            recall: share(exposed.intersection(&home).count(), exposed.len()),
            precision: share(right, of_kind.len()),
        })
    }
}

/// What was lost stays lost; that nothing was lost in part of an attack proves nothing.
fn cut_short(cell: &mut Cell) {
    cell.expected = None;
    if cell.verdict != Verdict::Broken {
        cell.verdict = Verdict::Inconclusive;
        cell.reason = format!("The attack was cut short. {}", cell.reason);
    }
}

/// A victim that said no: its fatal alert, or its own end, after the impostor's answer and before the
/// handshake was complete.
fn refusal(talk: &Conversation, attack: &Range<Duration>) -> Option<Refused> {
    // What the key log does not open may have held anything.
    if talk.kind != Kind::Tls || talk.locked || talk.complete || talk.spoken > 0 {
        return None;
    }
    let alert = talk.alerts.iter().find(|alert| {
        alert.direction == Direction::ToAcceptor && alert.description != AlertDescription::CLOSE_NOTIFY
    });
    let answer = match alert {
        Some(alert) => format!("alert {}", alert.description),
        None if talk.answered && talk.left_at.is_some_and(|left| left < attack.end) => {
            "closed before application data".to_owned()
        }
        None => return None,
    };
    Some(Refused {
        flow: talk.flow,
        segment: talk.segment,
        link: talk.link.clone(),
        // The alert is the last thing the victim sent.
        range: talk.length.saturating_sub(1)..talk.length,
        answer,
    })
}

/// The first few spots of each link.
fn few(spots: Vec<Spot>) -> Vec<Spot> {
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    spots
        .into_iter()
        .filter(|spot| {
            let count = kept.entry(spot.link.clone()).or_default();
            *count += 1;
            *count <= SPOTS
        })
        .collect()
}

/// Remarks for the capture file.
pub(super) fn comments(judged: &[Judged]) -> Vec<Comment> {
    let spots = judged.iter().flat_map(|one| {
        one.spots.iter().map(|spot| Comment {
            flow: spot.flow,
            direction: spot.direction,
            range: spot.range.clone(),
            text: format!("{}: {} ({})", one.cell.scenario, one.cell.asset, spot.encoding),
        })
    });
    let refusals = judged.iter().flat_map(|one| {
        one.refusals.iter().map(|refused| Comment {
            flow: refused.flow,
            direction: Direction::ToAcceptor,
            range: refused.range.clone(),
            text: format!("{}: {}", one.cell.scenario, refused.answer),
        })
    });
    let mut comments: Vec<Comment> = spots.chain(refusals).collect();
    comments.dedup();
    comments
}

/// Cells with their evidence numbered.
pub(super) fn number(judged: Vec<Judged>, ledger: &Ledger, frames: &FrameIndex) -> Vec<Cell> {
    let capture = Captures::name(&ledger.architecture.name);
    judged
        .into_iter()
        .map(|Judged { mut cell, spots, refusals }| {
            cell.evidence.extend(spots.into_iter().map(|spot| Evidence {
                capture: capture.clone(),
                segment: spot.segment,
                link: spot.link,
                frames: frames.frames(spot.flow, spot.direction, spot.range),
                encoding: spot.encoding,
                canary: Some(ledger.canaries.value(spot.canary)),
                ..Evidence::default()
            }));
            cell.evidence.extend(refusals.into_iter().take(SPOTS).map(|refused| {
                Evidence {
                    capture: capture.clone(),
                    segment: ledger
                        .architecture
                        .segments
                        .get(refused.segment)
                        .map_or_else(String::new, |segment| segment.name.clone()),
                    link: refused.link,
                    frames: frames.frames(refused.flow, Direction::ToAcceptor, refused.range),
                    encoding: "tls".to_owned(),
                    attempt: Some("impostor's certificate".to_owned()),
                    answer: Some(refused.answer),
                    ..Evidence::default()
                }
            }));
            cell
        })
        .collect()
}

/// What the attacker claims to have done, checked against the services' own state.
pub(super) fn impacts(ledger: &Ledger, scenario: &Scenario, loot: &Loot) -> Vec<Impact> {
    loot.deeds()
        .map(|deed| {
            let Act::Deleted { server_id } = &deed.what;
            let confirmed = ledger.store().deletions().iter().any(|deletion| {
                deletion.server_id == *server_id
                    && deed.request_id.as_deref() == Some(deletion.request_id.as_str())
            });
            let whose = deed.token_user.as_deref().unwrap_or("someone");
            Impact {
                architecture: ledger.architecture.name.clone(),
                scenario: scenario.id.clone(),
                technique: deed.provenance.step.technique.to_owned(),
                attack_id: deed.provenance.step.attack_id.to_owned(),
                what: format!(
                    "server {server_id} deleted at {} with a token of {whose}, answered {}",
                    deed.label, deed.status
                ),
                confirmed,
            }
        })
        .collect()
}
