//! What the matrix claims, tshark finds: in the frames it names, on the segments it names, with the run's key
//! log where a cell says that an asset crossed unreadable.
#![allow(clippy::unwrap_used)]

#[path = "support/proof/run.rs"]
mod run;
#[path = "support/proof/skip.rs"]
mod skip;
#[path = "support/proof/tshark.rs"]
mod tshark;

use std::collections::{BTreeMap, BTreeSet};

use scenarios::{
    catalog::{self, Profile},
    event::{Cell, Evidence, Verdict},
};
use testbed::vocabulary::Asset;

use self::{run::Left, tshark::Capture};

const PASSIVE: [&str; 2] = ["public-sniff", "management-sniff"];
const IN_PATH: [&str; 4] =
    ["public-in-path", "public-in-path-careless", "management-in-path", "management-in-path-unverified"];
const REACH: [&str; 2] = ["direct-connect", "guest-reach"];

#[test]
fn tshark_finds_what_the_matrix_claims() {
    if !skip::installed(&["tshark", "editcap"]) {
        return;
    }
    let names = run::architectures();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = [&PASSIVE[..], &IN_PATH, &REACH].concat();
    let left = run::leave(run::request(&names, &rows, Profile::Tiny));
    let cells = left.cells();
    for name in names {
        let proof = Proof::of(&left, name, &cells);
        assert_eq!(proof.closed.flaws(), "", "{name}: tshark is not content");
        assert_eq!(proof.open.flaws(), "", "{name}: tshark is not content once it has the key log");
        let counts = [
            ("broken passive cells", proof.broken_passive_cells_name_raw_frames()),
            ("held passive cells", proof.held_passive_cells_crossed_unreadable()),
            ("broken in-path cells", proof.broken_in_path_cells_name_the_impostor()),
            ("reach cells", proof.reach_cells_name_attempt_and_answer()),
        ];
        proof.nothing_was_left_unjudged();
        println!("{name}: {} frames, {counts:?}", proof.places.len());
    }
}

/// One architecture's capture: as a stranger reads it, and as the holder of the key log does.
struct Proof {
    closed: Capture,
    open: Capture,
    /// TCP stream and interface of every frame.
    places: BTreeMap<u64, (u64, String)>,
    cells: Vec<Cell>,
}

impl Proof {
    fn of(left: &Left, architecture: &str, cells: &[Cell]) -> Self {
        let file = left.directory().join(format!("{architecture}.pcapng"));
        let closed = Capture::without_secrets(&file, None);
        let open = Capture::without_secrets(&file, Some(&left.key_log()));
        let places = closed.places();
        let cells = cells.iter().filter(|cell| cell.architecture == architecture).cloned().collect();
        Self { closed, open, places, cells }
    }

    fn broken_passive_cells_name_raw_frames(&self) -> usize {
        let cells = self.cells(&PASSIVE, Verdict::Broken);
        let evidence: Vec<&Evidence> = cells.iter().flat_map(|cell| &cell.evidence).collect();
        let readable = self.readable(&evidence);
        for cell in &cells {
            assert!(cell.evidence.iter().all(|one| one.encoding == "raw"), "{cell:#?}");
            let shown = cell.evidence.iter().any(|one| reads(&readable, one));
            assert!(shown, "tshark reads `{}` in no frame of {cell:#?}", cell.asset);
            let there = |one: &Evidence| one.frames.iter().all(|at| self.places[at].1 == one.segment);
            assert!(cell.evidence.iter().all(there), "frames of another segment: {cell:#?}");
            // What is looked for is far shorter than a frame.
            assert!(cell.evidence.iter().all(|one| one.frames.len() <= 2), "too many frames: {cell:#?}");
        }
        cells.len()
    }

    fn held_passive_cells_crossed_unreadable(&self) -> usize {
        let cells = self.cells(&PASSIVE, Verdict::Held);
        let evidence: Vec<&Evidence> = cells.iter().flat_map(|cell| &cell.evidence).collect();
        for cell in &cells {
            assert!(!cell.evidence.is_empty(), "a held cell shows that its asset crossed: {cell:#?}");
            assert!(cell.evidence.iter().all(|one| one.encoding.starts_with("tls+")), "{cell:#?}");
        }
        let segments: BTreeSet<&str> = evidence.iter().map(|one| one.segment.as_str()).collect();
        for segment in segments {
            let canaries = evidence.iter().filter(|one| one.segment == segment).map(|one| canary(one));
            let any: Vec<String> = canaries.map(|canary| format!("frame contains \"{canary}\"")).collect();
            let filter = format!("frame.interface_name == \"{segment}\" && ({})", any.join(" || "));
            assert_eq!(self.closed.frames(&filter), BTreeSet::new(), "readable on {segment}");
        }
        self.only_the_key_log_opens(&evidence);
        cells.len()
    }

    fn broken_in_path_cells_name_the_impostor(&self) -> usize {
        let cells = self.cells(&IN_PATH, Verdict::Broken);
        let evidence: Vec<&Evidence> = cells.iter().flat_map(|cell| &cell.evidence).collect();
        for cell in &cells {
            assert!(cell.evidence.iter().any(|one| one.canary.is_some()), "{cell:#?}");
        }
        for one in &evidence {
            assert!(one.link.ends_with(">attacker/impostor"), "{one:#?}");
        }
        // Beside what was lost stand the refusals of those who did verify.
        let (lost, refusals): (Vec<&Evidence>, Vec<&Evidence>) =
            evidence.into_iter().partition(|one| one.canary.is_some());
        assert!(refusals.iter().all(|one| one.answer.is_some()), "{refusals:#?}");
        let (raw, sealed): (Vec<&Evidence>, Vec<&Evidence>) =
            lost.into_iter().partition(|one| one.encoding == "raw");
        let readable = self.readable(&raw);
        for cell in cells.iter().filter(|cell| cell.evidence.iter().any(|one| one.encoding == "raw")) {
            assert!(cell.evidence.iter().any(|one| reads(&readable, one)), "{cell:#?}");
        }
        self.only_the_key_log_opens(&sealed);
        cells.len()
    }

    /// Every row that has an expectation was judged so: the counts are those of the truth table.
    fn nothing_was_left_unjudged(&self) {
        for cell in &self.cells {
            assert_eq!(Some(cell.verdict), cell.expected, "{cell:#?}");
        }
        // Each asset of each row: what is not held or broken does not travel there, as the table says.
        for id in [&PASSIVE[..], &IN_PATH, &REACH].concat() {
            let assets: Vec<Asset> =
                self.cells.iter().filter(|cell| cell.scenario == id).map(|cell| cell.asset).collect();
            assert_eq!(assets, catalog::load(id).unwrap().assets, "{id}");
        }
        let judged = [Verdict::Broken, Verdict::Held].map(|verdict| self.cells(&PASSIVE, verdict).len());
        assert!(judged.iter().sum::<usize>() > PASSIVE.len(), "{judged:?}");
    }

    fn reach_cells_name_attempt_and_answer(&self) -> usize {
        let cells = [self.cells(&REACH, Verdict::Broken), self.cells(&REACH, Verdict::Held)].concat();
        // Where nothing is behind a proxy, nothing can be reached past one.
        let answered = |cell: &&Cell| {
            REACH.contains(&cell.scenario.as_str()) && cell.expected != Some(Verdict::NotExercised)
        };
        assert_eq!(cells.len(), self.cells.iter().filter(answered).count(), "a row was not judged");
        assert!(!cells.is_empty());
        for cell in &cells {
            assert_eq!(cell.asset, Asset::Reach);
            assert!(!cell.evidence.is_empty(), "{cell:#?}");
            for one in &cell.evidence {
                assert!(one.attempt.as_ref().is_some_and(|attempt| !attempt.is_empty()), "{cell:#?}");
                assert!(one.answer.as_ref().is_some_and(|answer| !answer.is_empty()), "{cell:#?}");
            }
        }
        cells.len()
    }

    fn cells(&self, scenarios: &[&str], verdict: Verdict) -> Vec<&Cell> {
        let of = |cell: &&Cell| scenarios.contains(&cell.scenario.as_str()) && cell.verdict == verdict;
        self.cells.iter().filter(of).collect()
    }

    /// Which (frame, canary) of the evidence are readable in the capture, by tshark's own `contains`.
    fn readable(&self, evidence: &[&Evidence]) -> BTreeSet<(u64, String)> {
        let frames: BTreeSet<u64> = evidence.iter().flat_map(|one| &one.frames).copied().collect();
        if frames.is_empty() {
            return BTreeSet::new();
        }
        let payloads = self.closed.payloads(&frames);
        let pairs = evidence.iter().flat_map(|one| one.frames.iter().map(|frame| (*frame, canary(one))));
        let readable: BTreeSet<(u64, String)> = pairs
            .filter(|(frame, canary)| payloads.get(frame).is_some_and(|bytes| holds(bytes, canary)))
            .map(|(frame, canary)| (frame, canary.to_owned()))
            .collect();
        let one_by_one: Vec<String> = readable
            .iter()
            .map(|(frame, canary)| format!("(frame.number == {frame} && frame contains \"{canary}\")"))
            .collect();
        let by_filter = self.closed.frames(&one_by_one.join(" || "));
        assert_eq!(by_filter, readable.iter().map(|(frame, _)| *frame).collect());
        readable
    }

    /// Each canary is in the stream of its frames with the key log, and in none of them without.
    fn only_the_key_log_opens(&self, evidence: &[&Evidence]) {
        if evidence.is_empty() {
            return;
        }
        let stream = |one: &Evidence| self.places[&one.frames[0]].0;
        let streams: BTreeSet<u64> = evidence.iter().map(|one| stream(one)).collect();
        let opened = self.open.opened(&streams);
        for one in evidence {
            assert!(one.encoding.starts_with("tls"), "{one:#?}");
            assert!(holds(&opened[&stream(one)], canary(one)), "the key log does not open {one:#?}");
        }
        assert!(self.closed.opened(&streams).values().all(Vec::is_empty), "opened without a key");
    }
}

fn reads(readable: &BTreeSet<(u64, String)>, one: &Evidence) -> bool {
    one.frames.iter().any(|frame| readable.contains(&(*frame, canary(one).to_owned())))
}

fn canary(evidence: &Evidence) -> &str {
    evidence.canary.as_deref().unwrap()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
