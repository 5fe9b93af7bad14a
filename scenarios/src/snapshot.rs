//! The state of a run as a fold of its events: what every face draws and every exporter writes.
//!
//! No I/O and no clock: [`Snapshot::apply`] is the only way to change it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use testbed::vocabulary::Phase;

use crate::{
    event::{
        Attempt, Cell, Event, Exposed, FloodInterval, Host, Impact, Interval, LinkSeen, Performance,
        RunStarted, Stamped, Topology, ValidityFlag,
    },
    spread::Samples,
};

/// How many recent facts of each architecture a snapshot keeps for the screen.
const RECENT: usize = 48;
/// How many throughput seconds a snapshot keeps.
const SECONDS: usize = 240;

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Time of the newest event, run milliseconds.
    pub now_ms: u64,
    /// What was asked for; `None` until the first event.
    pub run: Option<RunStarted>,
    /// The machine that ran it.
    pub host: Option<Host>,
    /// Resolved settings by name.
    pub config: BTreeMap<String, serde_json::Value>,
    /// Architectures seen, in order of appearance.
    pub topologies: Vec<Topology>,
    /// What is running now.
    pub current: Option<Step>,
    /// Steps finished.
    pub steps_done: usize,
    /// Launch times in milliseconds, in order.
    pub launches_ms: Vec<f64>,
    /// The newest state of each link by (architecture, link), of the current or last scenario on it.
    pub links: BTreeMap<(String, String), LinkSeen>,
    /// Everything judged so far, in order of first judgement; the latest judgement of each cell.
    pub cells: Vec<Cell>,
    /// Performance rows so far, in order.
    pub performance: Vec<Performance>,
    /// Newest last.
    pub recent: VecDeque<(u64, Recent)>,
    /// Throughput by second, newest last.
    pub throughput: VecDeque<Second>,
    /// Honest work by (architecture, scenario, phase). Shared, since a snapshot is copied for every frame.
    pub work: BTreeMap<(String, String, Phase), Arc<Samples>>,
    /// Why a flag is false: (flag, place, reason).
    pub invalid: Vec<(ValidityFlag, String, String)>,
    /// The newest end of attack traffic.
    pub attack_stop: Option<AttackStop>,
    /// Exit code, once the run ended.
    pub ended: Option<u8>,
    /// True when the run was interrupted.
    pub interrupted: bool,
}

/// When attack traffic was asked to end, and when its last socket was closed; run milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackStop {
    /// Asked.
    pub requested_ms: u64,
    /// Ended.
    pub ended_ms: u64,
}

/// What is running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which architecture.
    pub architecture: String,
    /// Which scenario.
    pub scenario: String,
    /// Which phase, once it began.
    pub phase: Option<Phase>,
}

/// A fact for the evidence pane.
#[derive(Clone, Debug, PartialEq)]
pub enum Recent {
    /// A canary was found.
    Exposed(Exposed),
    /// An attempt was answered.
    Attempt(Attempt),
    /// Loot was used.
    Impact(Impact),
    /// A second of flood.
    Flood(FloodInterval),
    /// A line for people.
    Note(String),
}

impl Recent {
    /// Whose fact it is; a note is nobody's.
    pub fn architecture(&self) -> Option<&str> {
        match self {
            Self::Exposed(it) => Some(&it.architecture),
            Self::Attempt(it) => Some(&it.architecture),
            Self::Impact(it) => Some(&it.architecture),
            Self::Flood(it) => Some(&it.architecture),
            Self::Note(_) => None,
        }
    }
}

/// Honest work of one second, all operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Second {
    /// Which architecture.
    pub architecture: String,
    /// Start in run milliseconds.
    pub start_ms: u64,
    /// Length in milliseconds.
    pub length_ms: u64,
    /// Offered arrivals.
    pub offered: u64,
    /// Completed requests.
    pub completed: u64,
    /// Failed requests.
    pub errors: u64,
    /// Late arrivals.
    pub late: u64,
    /// True while an attack was running.
    pub attack: bool,
}

impl Snapshot {
    /// The fold of a whole stream.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Stamped>) -> Self {
        let mut snapshot = Self::default();
        for event in events {
            snapshot.apply(event);
        }
        snapshot
    }

    /// Takes one fact in.
    pub fn apply(&mut self, stamped: &Stamped) {
        self.now_ms = self.now_ms.max(stamped.at_ms);
        match &stamped.event {
            Event::RunStarted(run) => self.run = Some(run.clone()),
            Event::Host(host) => self.host = Some(host.clone()),
            Event::Config { name, value } => {
                self.config.insert(name.clone(), value.clone());
            }
            Event::Topology(topology) => {
                self.topologies.retain(|known| known.architecture != topology.architecture);
                self.topologies.push(topology.clone());
            }
            Event::Launched { architecture, scenario, launch_ms } => {
                self.launches_ms.push(*launch_ms);
                self.links.retain(|(of, _), _| of != architecture);
                self.current = Some(Step {
                    architecture: architecture.clone(),
                    scenario: scenario.clone(),
                    phase: None,
                });
            }
            Event::PhaseStarted { architecture, scenario, phase } => {
                self.current = Some(Step {
                    architecture: architecture.clone(),
                    scenario: scenario.clone(),
                    phase: Some(*phase),
                });
            }
            Event::Interval(interval) => self.worked(interval),
            Event::Link(link) => {
                self.links.insert((link.architecture.clone(), link.link.clone()), link.clone());
            }
            Event::Exposed(exposed) => self.remember(stamped.at_ms, Recent::Exposed(exposed.clone())),
            Event::Attempt(attempt) => self.remember(stamped.at_ms, Recent::Attempt(attempt.clone())),
            Event::Impact(impact) => self.remember(stamped.at_ms, Recent::Impact(impact.clone())),
            Event::Flood(flood) => self.remember(stamped.at_ms, Recent::Flood(flood.clone())),
            Event::AttackStopped { requested_ms, .. } => {
                self.attack_stop = Some(AttackStop { requested_ms: *requested_ms, ended_ms: stamped.at_ms });
            }
            Event::Cell(cell) => self.judged(cell),
            Event::Performance(row) => self.performance.push(row.clone()),
            Event::ScenarioEnded { .. } => {
                self.steps_done += 1;
                self.current = None;
            }
            Event::Invalid { flag, place, reason } => {
                self.invalid.push((*flag, place.clone(), reason.clone()));
            }
            Event::Note { text } => self.remember(stamped.at_ms, Recent::Note(text.clone())),
            Event::RunEnded { exit_code, interrupted } => {
                self.ended = Some(*exit_code);
                self.interrupted = *interrupted;
                self.current = None;
            }
        }
    }

    /// True while nothing cleared `flag`.
    pub fn valid(&self, flag: ValidityFlag) -> bool {
        self.invalid.iter().all(|(cleared, _, _)| *cleared != flag)
    }

    /// Did this scenario run on a weakened form of this architecture? A weakened architecture is another one.
    pub fn weakened(&self, architecture: &str, scenario: &str) -> bool {
        let of = |cell: &&Cell| cell.architecture == architecture && cell.scenario == scenario;
        self.cells.iter().filter(of).any(|cell| cell.weakness.is_some())
    }

    /// The honest work of one phase on one architecture, of one scenario or of all that left it as it is.
    pub fn work(&self, architecture: &str, scenario: Option<&str>, phase: Phase) -> Samples {
        let mut sum = Samples::default();
        for ((of, by, during), samples) in &self.work {
            let chosen = || scenario.map_or_else(|| !self.weakened(of, by), |scenario| scenario == by);
            if of == architecture && *during == phase && chosen() {
                sum.merge(samples);
            }
        }
        sum
    }

    fn judged(&mut self, cell: &Cell) {
        let same = |known: &&mut Cell| {
            known.asset == cell.asset
                && known.architecture == cell.architecture
                && known.scenario == cell.scenario
        };
        match self.cells.iter_mut().find(same) {
            Some(known) => known.clone_from(cell),
            None => self.cells.push(cell.clone()),
        }
    }

    fn remember(&mut self, at_ms: u64, recent: Recent) {
        let alike = |(_, known): &(u64, Recent)| known.architecture() == recent.architecture();
        if self.recent.iter().filter(|known| alike(known)).count() >= RECENT
            && let Some(oldest) = self.recent.iter().position(alike)
        {
            self.recent.remove(oldest);
        }
        self.recent.push_back((at_ms, recent));
    }

    fn worked(&mut self, interval: &Interval) {
        let Interval { architecture, scenario, phase, .. } = interval;
        let samples = self.work.entry((architecture.clone(), scenario.clone(), *phase)).or_default();
        Arc::make_mut(samples).add(interval);
        let same = self.throughput.back().is_some_and(|last| {
            last.start_ms == interval.start_ms && last.architecture == interval.architecture
        });
        if !same {
            if self.throughput.len() == SECONDS {
                self.throughput.pop_front();
            }
            self.throughput.push_back(Second {
                architecture: interval.architecture.clone(),
                start_ms: interval.start_ms,
                length_ms: interval.length_ms,
                attack: interval.phase == Phase::Attack,
                ..Second::default()
            });
        }
        if let Some(second) = self.throughput.back_mut() {
            second.offered += interval.offered;
            second.completed += interval.completed;
            second.errors += interval.errors;
            second.late += interval.late;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use testbed::vocabulary::Asset;

    use super::*;
    use crate::{event::Verdict, sample};

    #[test]
    fn a_later_judgement_replaces_the_cell_in_place() {
        let judged = |asset, verdict| Stamped {
            at_ms: 0,
            event: Event::Cell(sample::cell("open", "public-sniff", asset, verdict)),
        };
        let run = Snapshot::of(&[
            judged(Asset::Token, Verdict::Inconclusive),
            judged(Asset::Password, Verdict::Broken),
            judged(Asset::Token, Verdict::Held),
        ]);
        let seen: Vec<_> = run.cells.iter().map(|cell| (cell.asset, cell.verdict)).collect();
        assert_eq!(seen, [(Asset::Token, Verdict::Held), (Asset::Password, Verdict::Broken)]);
    }

    #[test]
    fn one_loud_architecture_does_not_drown_what_others_gave_away() {
        let fact = |architecture: &str, n: u64| Stamped {
            at_ms: n,
            event: Event::Impact(Impact {
                architecture: architecture.to_owned(),
                scenario: String::new(),
                technique: String::new(),
                attack_id: String::new(),
                what: n.to_string(),
                confirmed: true,
            }),
        };
        let loud: Vec<_> = (1..500).map(|n| fact("loud", n)).collect();
        let run = Snapshot::of([fact("quiet", 0)].iter().chain(&loud));
        let of = |name| run.recent.iter().filter(move |(_, it)| it.architecture() == Some(name));
        assert_eq!((of("quiet").count(), of("loud").count()), (1, RECENT));
        assert_eq!(run.recent.back().map(|(at_ms, _)| *at_ms), Some(499), "the newest are kept");
    }

    #[test]
    fn work_is_summed_over_the_scenarios_that_left_the_architecture_as_it_is() {
        let run = Snapshot::of(&sample::run());
        // Four scenarios of 3 s with 200 logins and 200 lists each second; direct-connect has a weakness.
        let all = run.work("open", None, Phase::Baseline);
        assert_eq!((all.spread().count(), all.lasted_ms), (3 * 3 * 400, 3 * 2 * 3_000));
        let weakened = run.work("open", Some("direct-connect"), Phase::Baseline);
        assert_eq!(weakened.spread().count(), 3 * 400);
        assert_eq!(run.work("unlisted", None, Phase::Baseline), Samples::default());
    }

    #[test]
    fn the_fold_of_a_run_counts_its_steps_and_keeps_its_flags() {
        let run = Snapshot::of(&sample::run());
        assert_eq!(run.steps_done, run.run.as_ref().unwrap().steps);
        assert_eq!(run.current, None);
        assert!(run.valid(ValidityFlag::Exposure));
        assert!(!run.valid(ValidityFlag::Performance));
        assert_eq!(run.ended, Some(0));
    }
}
