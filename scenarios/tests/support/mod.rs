//! Runs over the real runner at the `tiny` profile, and what tests compare of them.
//!
//! It decides nothing: a run that failed, or whose exposure is invalid, is a failed test. The runner's own
//! thread ends with the run, which is awaited.

pub(crate) mod draft;
pub(crate) mod names;
#[path = "proof/neighbour.rs"]
pub(crate) mod neighbour;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use scenarios::{
    catalog::{self, Profile, Scenario},
    event::{Cell, Event, Positive, Stamped, ValidityFlag, Verdict},
    runner::{self, Request},
    snapshot::Snapshot,
    verdict::deviations,
};
use testbed::{
    architecture::{self, Architecture},
    launch::Realisation,
    vocabulary::{Asset, Method},
};

/// The seed of every run that does not vary it.
pub(crate) const SEED: u64 = 42;

/// `(architecture, scenario, asset)`
pub(crate) type Key = (String, String, Asset);

/// What must be the same in two runs that differ in nothing that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) method: Method,
    pub(crate) positive: Positive,
    pub(crate) crossed: Option<bool>,
    pub(crate) expected: Option<Verdict>,
}

/// The shipped architectures, in matrix order.
pub(crate) fn shipped() -> Vec<Architecture> {
    architecture::names().map(|name| architecture::load(name).unwrap()).collect()
}

/// One scenario of each family that is no flood: sniffed in public and inside, in the path, reached, escaped, in
/// memory.
pub(crate) fn families() -> Vec<Scenario> {
    ["public-sniff", "management-sniff", "management-in-path", "direct-connect", "escaped-host", "host-root"]
        .map(|id| catalog::load(id).unwrap())
        .to_vec()
}

pub(crate) fn request(architectures: Vec<Architecture>, scenarios: Vec<Scenario>) -> Request {
    Request {
        architectures,
        scenarios,
        seed: SEED,
        profile: Profile::Tiny,
        out: None,
        force: false,
        key_log: None,
        realisation: Realisation::default(),
        ballast: std::time::Duration::ZERO,
        helper: Some(neighbour::helper()),
        key_mode: testbed::files::KEY_MODE,
        engine: None,
    }
}

/// Everything shipped, once for all tests of this binary.
pub(crate) fn reference() -> &'static [Cell] {
    static CELLS: LazyLock<Vec<Cell>> = LazyLock::new(|| run(request(shipped(), catalog::all().unwrap())));
    &CELLS
}

/// Runs to the end.
pub(crate) fn run(request: Request) -> Vec<Cell> {
    let events: Vec<Stamped> = runner::start(request).unwrap().events.iter().collect();
    let cells = valid(&events);
    let notes: Vec<&Event> =
        events.iter().map(|event| &event.event).filter(|event| matches!(event, Event::Note { .. })).collect();
    let wrong: Vec<String> = deviations(&cells).iter().map(ToString::to_string).collect();
    assert_eq!(Snapshot::of(&events).ended, Some(0), "{notes:?} {wrong:?}");
    cells
}

/// Several runs at once, whatever they found.
pub(crate) fn run_together(requests: impl IntoIterator<Item = Request>) -> Vec<Vec<Cell>> {
    let sessions: Vec<_> = requests.into_iter().map(|request| runner::start(request).unwrap()).collect();
    sessions.iter().map(|session| valid(&session.events.iter().collect::<Vec<_>>())).collect()
}

/// The cells of a run that came to its end and may be believed.
fn valid(events: &[Stamped]) -> Vec<Cell> {
    let snapshot = Snapshot::of(events);
    assert!(snapshot.ended.is_some());
    let invalid: Vec<_> =
        snapshot.invalid.iter().filter(|(flag, ..)| *flag == ValidityFlag::Exposure).collect();
    assert!(invalid.is_empty(), "{invalid:?}");
    snapshot.cells
}

/// Cells by key, with what is compared of them.
pub(crate) fn judged(cells: &[Cell]) -> BTreeMap<Key, Judged> {
    cells
        .iter()
        .map(|cell| {
            let judged = Judged {
                verdict: cell.verdict,
                method: cell.method,
                positive: cell.control.positive,
                crossed: cell.control.crossed,
                expected: cell.expected,
            };
            ((cell.architecture.clone(), cell.scenario.clone(), cell.asset), judged)
        })
        .collect()
}

/// The cells of some scenarios only.
pub(crate) fn only(cells: &[Cell], scenarios: &[Scenario]) -> Vec<Cell> {
    let of = |cell: &&Cell| scenarios.iter().any(|scenario| scenario.id == cell.scenario);
    cells.iter().filter(of).cloned().collect()
}

/// The links a cell's evidence names.
pub(crate) fn links(cell: &Cell) -> BTreeSet<String> {
    cell.evidence.iter().map(|evidence| evidence.link.clone()).collect()
}
