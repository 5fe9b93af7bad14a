//! From a ledger to facts: which canaries crossed which link, readable or sealed, within a window of time.
//!
//! It opens captured flows with the run's own key log and searches what comes out; it decides nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

use testbed::{
    architecture::SegmentId,
    canary::{CanaryId, search},
    capture::{Ending, FlowRecord},
    ledger::{Ledger, Seen},
    opener::{Alert, Keys, Kind, Opened, Opener},
    vocabulary::{Asset, Direction, SecurityDomain, Vantage},
};

use crate::verdict::Leg;

/// Where a canary is: a flow, a direction, a stretch of the captured stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) flow: u64,
    pub(super) segment: String,
    pub(super) link: String,
    pub(super) direction: Direction,
    pub(super) range: Range<u64>,
    /// As in [`crate::event::Evidence::encoding`].
    pub(super) encoding: String,
    pub(super) canary: CanaryId,
}

/// One opened flow.
pub(super) struct Conversation {
    pub(super) flow: u64,
    pub(super) segment: usize,
    pub(super) link: String,
    /// Canaries in it, readable as they crossed or after opening.
    pub(super) spots: Vec<(Asset, Duration, bool, Spot)>,
    pub(super) kind: Kind,
    /// Protected records crossed that the key log does not open.
    pub(super) locked: bool,
    /// Both sides finished the handshake.
    pub(super) complete: bool,
    /// The acceptor said something.
    pub(super) answered: bool,
    /// When the dialer ended it.
    pub(super) left_at: Option<Duration>,
    /// Application records the dialer sent.
    pub(super) spoken: u64,
    pub(super) alerts: Vec<Alert>,
    /// Bytes the dialer sent.
    pub(super) length: u64,
}

/// Segments readable from a vantage; none from inside a machine, where memory is the question.
pub(super) fn readable(ledger: &Ledger, vantage: Vantage) -> Vec<SegmentId> {
    let domain = match vantage {
        Vantage::PublicSniffer | Vantage::PublicInPath => SecurityDomain::Public,
        Vantage::Guest => SecurityDomain::Guest,
        Vantage::EdgeRoot | Vantage::ApiHostRoot | Vantage::ServiceProcess => return Vec::new(),
        _ => SecurityDomain::Management,
    };
    ledger.architecture.segments_of(domain).collect()
}

/// Opens every captured honest flow of some segments.
pub(super) fn conversations(ledger: &Ledger, segments: &[SegmentId]) -> Vec<Conversation> {
    let honest: BTreeSet<String> = ledger.found().links.keys().map(|(_, _, link)| link.clone()).collect();
    let capture = ledger.captured();
    let wanted = |flow: &&FlowRecord| {
        segments.iter().any(|segment| segment.index() == flow.segment) && honest.contains(&*flow.link)
    };
    capture.flows().filter(wanted).map(|flow| converse(ledger, flow)).collect()
}

/// What one far side answered the attacker's own connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Onward {
    /// Connections the attacker opened there, captured or not.
    pub(super) opened: u64,
    /// Of these, cut by the end of the attack before anything was said to them: that is no answer.
    pub(super) cut: u64,
    /// Refused for the certificate that was or was not shown, by an alert that was captured.
    pub(super) refused: u64,
}

/// Alerts by which a far side says that it does not take this caller (RFC 8446, section 6.2).
const REFUSALS: [&str; 7] = [
    "certificate_required",
    "bad_certificate",
    "unsupported_certificate",
    "certificate_unknown",
    "certificate_expired",
    "unknown_ca",
    "access_denied",
];

/// The accepting end of a link, `host/process`.
pub(super) fn far_side(link: &str) -> &str {
    link.split_once('>').map_or(link, |(_, far_side)| far_side)
}

/// What far sides answered the attacker's own connections on some segments until the attack ended, by
/// `host/process`.
pub(super) fn onward(
    ledger: &Ledger,
    segments: &[SegmentId],
    attack_ended: Duration,
) -> BTreeMap<String, Onward> {
    let attackers = ledger.found().attackers.clone();
    let capture = ledger.captured();
    let mut onward: BTreeMap<String, Onward> = BTreeMap::new();
    for link in attackers.values() {
        onward.entry(far_side(link).to_owned()).or_default().opened += 1;
    }
    let wanted = |flow: &&FlowRecord| {
        attackers.contains_key(&flow.id) && segments.iter().any(|segment| segment.index() == flow.segment)
    };
    for flow in capture.flows().filter(wanted) {
        let talk = converse(ledger, flow);
        let refused = talk
            .alerts
            .iter()
            .filter(|alert| alert.direction == Direction::ToDialer)
            .any(|alert| alert.description.name().is_some_and(|name| REFUSALS.contains(&name)));
        let answers = onward.entry(far_side(&talk.link).to_owned()).or_default();
        answers.refused += u64::from(refused);
        answers.cut += u64::from(!refused && talk.left_at.is_none_or(|left| left >= attack_ended));
    }
    onward
}

fn converse(ledger: &Ledger, flow: &FlowRecord) -> Conversation {
    let mut reader = Opener::new(&ledger.key_log);
    let mut times = Vec::new();
    for chunk in flow.chunks.iter().filter(|chunk| !chunk.bytes.is_empty()) {
        reader.feed(chunk.direction, &chunk.bytes);
        times.push(chunk.at);
    }
    let opened = reader.finish();
    let segment = ledger.architecture.segments.get(flow.segment);
    let mut conversation = Conversation {
        flow: flow.id,
        segment: flow.segment,
        link: flow.link.to_string(),
        spots: Vec::new(),
        kind: opened.kind,
        locked: opened.keys == Keys::Missing || !opened.errors.is_empty(),
        complete: opened.handshake_complete,
        answered: flow
            .chunks
            .iter()
            .any(|chunk| chunk.direction == Direction::ToDialer && !chunk.bytes.is_empty()),
        left_at: left_at(flow),
        spoken: opened.to_acceptor.application_records,
        alerts: opened.alerts.clone(),
        length: flow
            .chunks
            .iter()
            .filter(|chunk| chunk.direction == Direction::ToAcceptor)
            .map(|chunk| chunk.bytes.len() as u64)
            .sum(),
    };
    let name = segment.map_or_else(String::new, |segment| segment.name.clone());
    for direction in [Direction::ToAcceptor, Direction::ToDialer] {
        conversation.spots.extend(spots(ledger, flow, &name, &opened, direction, &times));
    }
    conversation
}

/// When the dialing side finished, or cut the flow.
fn left_at(flow: &FlowRecord) -> Option<Duration> {
    let finished =
        flow.chunks.iter().find(|chunk| chunk.direction == Direction::ToAcceptor && chunk.bytes.is_empty());
    let cut = flow.ended.filter(|(_, how)| *how == Ending::Reset(Direction::ToAcceptor));
    finished.map(|chunk| chunk.at).or(cut.map(|(at, _)| at))
}

/// Canaries in one direction of an opened flow, with the captured bytes they came from.
fn spots(
    ledger: &Ledger,
    flow: &FlowRecord,
    segment: &str,
    opened: &Opened,
    direction: Direction,
    times: &[Duration],
) -> Vec<(Asset, Duration, bool, Spot)> {
    let way = opened.way(direction);
    let sealed = opened.kind == Kind::Tls;
    search(&ledger.canaries, &way.plaintext())
        .into_iter()
        .filter_map(|hit| {
            let sealed_in = way.captured(hit.start..hit.end)?;
            // What crossed in clear stands in the capture where it stands in the text: no need to name the
            // whole chunk.
            let range = if sealed { sealed_in.clone() } else { hit.start..hit.end };
            let order = way.pieces.iter().find(|piece| piece.span.end >= sealed_in.end)?.order;
            let at = times.get(order as usize).copied().unwrap_or(flow.opened);
            let encoding =
                if sealed { format!("tls+{}", hit.encoding) } else { hit.encoding.word().to_owned() };
            let spot = Spot {
                flow: flow.id,
                segment: segment.to_owned(),
                link: flow.link.to_string(),
                direction,
                range,
                encoding,
                canary: hit.canary,
            };
            Some((hit.asset, at, sealed, spot))
        })
        .collect()
}

/// The legs of some segments for one asset, and where its readable and its sealed canaries are.
pub(super) fn legs(
    seen: &Seen,
    segments: &[SegmentId],
    conversations: &[Conversation],
    asset: Asset,
    window: &Range<Duration>,
) -> (Vec<Leg>, Vec<Spot>) {
    let mut legs: BTreeMap<&str, (BTreeSet<CanaryId>, BTreeSet<CanaryId>, u64)> = BTreeMap::new();
    let mut places = Vec::new();
    for talk in conversations {
        let leg = legs.entry(&talk.link).or_default();
        if talk.locked {
            leg.2 += 1;
        }
        let of_asset = talk.spots.iter().filter(|(of, at, _, _)| *of == asset && window.contains(at));
        for (_, _, sealed, spot) in of_asset {
            let canaries = if *sealed { &mut leg.1 } else { &mut leg.0 };
            if canaries.insert(spot.canary) {
                places.push(spot.clone());
            }
        }
    }
    // The live matcher saw every byte, the capture may have dropped flows: what either saw counts.
    let found = seen.findings.iter().filter(|finding| {
        finding.hit.asset == asset && window.contains(&finding.at) && segments.contains(&finding.segment)
    });
    for finding in found {
        legs.entry(&finding.link).or_default().0.insert(finding.hit.canary);
    }
    let legs = legs
        .into_iter()
        .map(|(link, (clear, sealed, unopened))| Leg {
            link: link.to_owned(),
            carried_clear: clear.len() as u64,
            carried_sealed: sealed.difference(&clear).count() as u64,
            unopened_flows: unopened,
        })
        .collect();
    (legs, places)
}
