//! Which flows stay in memory when a budget is spent. Knows numbers only: no bytes, no clock of its own.
//!
//! Over budget, whole flows go: ended ones first, the oldest first among them, then open ones. Never a flow with
//! evidence, never one of the first [`ALWAYS_KEPT`] of its leg and phase: those are the proof that the leg was
//! crossed. Protected flows alone may therefore exceed the budget.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// How many flows of each leg and phase are never dropped.
pub const ALWAYS_KEPT: u32 = 8;

/// Decides what to drop.
#[derive(Debug)]
pub(super) struct KeepPolicy {
    budget: u64,
    held: u64,
    flows: HashMap<u64, Kept>,
    seen: HashMap<(Arc<str>, u32), u32>,
    // The first one goes first: ended before open, then by age.
    droppable: BTreeSet<(bool, Duration, u64)>,
}

#[derive(Debug)]
struct Kept {
    opened: Duration,
    cost: u64,
    open: bool,
    protected: bool,
}

impl Kept {
    fn rank(&self, id: u64) -> (bool, Duration, u64) {
        (self.open, self.opened, id)
    }
}

impl KeepPolicy {
    /// A policy that starts to drop above `budget` bytes.
    pub(super) fn new(budget: u64) -> Self {
        Self { budget, held: 0, flows: HashMap::new(), seen: HashMap::new(), droppable: BTreeSet::new() }
    }

    /// A flow of a leg and phase was opened; holding its record costs `cost` bytes.
    pub(super) fn opened(&mut self, id: u64, leg: (Arc<str>, u32), opened: Duration, cost: u64) {
        let seen = self.seen.entry(leg).or_default();
        let protected = *seen < ALWAYS_KEPT;
        *seen = seen.saturating_add(1);
        let flow = Kept { opened, cost, open: true, protected };
        if !protected {
            self.droppable.insert(flow.rank(id));
        }
        self.held += cost;
        self.flows.insert(id, flow);
    }

    /// A flow costs `cost` bytes more.
    pub(super) fn grew(&mut self, id: u64, cost: u64) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.cost += cost;
            self.held += cost;
        }
    }

    /// A flow ended; it is dropped before open ones.
    pub(super) fn ended(&mut self, id: u64) {
        if let Some(flow) = self.flows.get_mut(&id) {
            let was_droppable = self.droppable.remove(&flow.rank(id));
            flow.open = false;
            if was_droppable {
                self.droppable.insert(flow.rank(id));
            }
        }
    }

    /// A flow carries evidence: it stays.
    pub(super) fn protect(&mut self, id: u64) {
        if let Some(flow) = self.flows.get_mut(&id) {
            flow.protected = true;
            self.droppable.remove(&flow.rank(id));
        }
    }

    /// The next flow to drop, while over budget and while there is one that may go.
    pub(super) fn drop_next(&mut self) -> Option<u64> {
        if self.held <= self.budget {
            return None;
        }
        let (_, _, id) = self.droppable.pop_first()?;
        let flow = self.flows.remove(&id)?;
        self.held -= flow.cost;
        Some(id)
    }

    /// Bytes held, protected flows included.
    pub(super) fn held(&self) -> u64 {
        self.held
    }

    /// Forgets everything but the budget.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.budget);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens flows `ids` of one leg and phase, one per second, 10 bytes each.
    fn open(policy: &mut KeepPolicy, link: &str, phase: u32, ids: std::ops::Range<u64>) {
        for id in ids {
            policy.opened(id, (link.into(), phase), Duration::from_secs(id), 10);
        }
    }

    fn drops(policy: &mut KeepPolicy) -> Vec<u64> {
        std::iter::from_fn(|| policy.drop_next()).collect()
    }

    #[test]
    fn nothing_is_dropped_within_the_budget() {
        let mut policy = KeepPolicy::new(200);
        open(&mut policy, "a>b", 0, 0..20);
        assert_eq!(policy.held(), 200);
        assert_eq!(drops(&mut policy), Vec::<u64>::new());
    }

    #[test]
    fn the_oldest_ended_flows_go_first_and_only_as_many_as_needed() {
        let mut policy = KeepPolicy::new(170);
        open(&mut policy, "a>b", 0, 0..20);
        for id in [15, 12, 19] {
            policy.ended(id);
        }
        assert_eq!(drops(&mut policy), [12, 15, 19]);
        assert_eq!(policy.held(), 170);
    }

    #[test]
    fn an_open_flow_goes_only_when_no_ended_one_may() {
        let mut policy = KeepPolicy::new(180);
        open(&mut policy, "a>b", 0, 0..20);
        policy.ended(17);
        assert_eq!(drops(&mut policy), [17, 8]);
    }

    #[test]
    fn the_first_flows_of_every_leg_and_phase_stay_whatever_the_budget() {
        let mut policy = KeepPolicy::new(0);
        open(&mut policy, "a>b", 0, 0..10);
        open(&mut policy, "a>b", 1, 10..20);
        open(&mut policy, "b>c", 0, 20..30);
        for id in 0..30 {
            policy.ended(id);
        }
        assert_eq!(drops(&mut policy), [8, 9, 18, 19, 28, 29]);
        assert_eq!(policy.held(), 240);
    }

    #[test]
    fn a_flow_with_evidence_stays_whether_it_was_marked_open_or_ended() {
        let mut policy = KeepPolicy::new(0);
        open(&mut policy, "a>b", 0, 0..12);
        policy.protect(9);
        for id in 0..12 {
            policy.ended(id);
        }
        policy.protect(10);
        assert_eq!(drops(&mut policy), [8, 11]);
    }

    #[test]
    fn growth_counts_and_a_reset_starts_the_legs_anew() {
        let mut policy = KeepPolicy::new(100);
        open(&mut policy, "a>b", 0, 0..9);
        policy.grew(3, 11);
        assert_eq!(drops(&mut policy), [8]);
        policy.reset();
        assert_eq!(policy.held(), 0);
        open(&mut policy, "a>b", 0, 0..8);
        policy.grew(0, 1000);
        assert_eq!(drops(&mut policy), Vec::<u64>::new());
    }
}
