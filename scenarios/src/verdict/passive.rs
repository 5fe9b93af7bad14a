//! Rows of a sniffer: was the asset readable, or proved to have crossed sealed?
//!
//! `held` needs every leg that could carry the asset to be opened with the run's own key log; a flow that
//! could not be opened leaves the question open. Counts are per leg: a canary that crosses two legs of the
//! segment crossed twice.

use testbed::vocabulary::Method;

use super::{Judgement, count, held_if_controlled, names};
use crate::event::{Control, Positive, Verdict};

/// What is known of one asset on one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassiveFacts {
    /// Every leg that crosses the segment.
    pub legs: Vec<Leg>,
    /// Outcome of the positive control for this asset.
    pub positive: Positive,
}

/// One leg of a segment, one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// `host/process>host/process`.
    pub link: String,
    /// Canaries of the asset readable in its bytes as they crossed.
    pub carried_clear: u64,
    /// Canaries of the asset found only after its records were opened with the run's key log.
    pub carried_sealed: u64,
    /// TLS flows that no key log opened: what they carried is unknown.
    pub unopened_flows: u64,
}

impl PassiveFacts {
    /// The verdict on this asset.
    pub fn judge(&self) -> Judgement {
        let clear: u64 = self.legs.iter().map(|leg| leg.carried_clear).sum();
        let sealed: u64 = self.legs.iter().map(|leg| leg.carried_sealed).sum();
        let (verdict, reason) = self.decide(clear, sealed);
        Judgement {
            verdict,
            method: Method::Measured,
            sent: clear + sealed,
            exposed: clear,
            reason,
            control: Control { positive: self.positive, crossed: Some(clear + sealed > 0) },
        }
    }

    fn decide(&self, clear: u64, sealed: u64) -> (Verdict, String) {
        let unopened: u64 = self.legs.iter().map(|leg| leg.unopened_flows).sum();
        if clear > 0 {
            let reason = format!(
                "{} readable on {}.",
                count(clear, "canary", "canaries"),
                self.links(|leg| leg.carried_clear > 0)
            );
            return (Verdict::Broken, reason);
        }
        if unopened > 0 {
            let reason = format!(
                "{} on {} could not be opened with the run's key log: what they carried is unknown.",
                count(unopened, "TLS flow", "TLS flows"),
                self.links(|leg| leg.unopened_flows > 0)
            );
            return (Verdict::Inconclusive, reason);
        }
        if sealed == 0 {
            let reason = "The asset did not cross this segment: not in clear, and in no opened record.";
            return (Verdict::NotExercised, reason.to_owned());
        }
        let reason = format!(
            "None readable; {} found only in records opened with the run's key log, on {}.",
            count(sealed, "canary", "canaries"),
            self.links(|leg| leg.carried_sealed > 0)
        );
        held_if_controlled(self.positive, reason)
    }

    fn links(&self, which: impl Fn(&Leg) -> bool) -> String {
        names(self.legs.iter().filter(|leg| which(leg)).map(|leg| leg.link.as_str()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leg(clear: u64, sealed: u64, unopened: u64) -> Leg {
        Leg {
            link: String::from("a/x>b/y"),
            carried_clear: clear,
            carried_sealed: sealed,
            unopened_flows: unopened,
        }
    }

    #[test]
    fn verdicts_follow_the_table() {
        use Positive::{Failed, Missing, Passed};
        use Verdict::{Broken, Held, Inconclusive, NotExercised};
        let table: &[(&[Leg], Positive, Verdict)] = &[
            (&[leg(3, 0, 0)], Passed, Broken),
            (&[leg(3, 0, 0)], Failed, Broken),
            (&[leg(0, 5, 0), leg(1, 0, 0)], Passed, Broken),
            (&[leg(1, 0, 2)], Missing, Broken),
            (&[leg(0, 5, 0)], Passed, Held),
            (&[leg(0, 5, 0), leg(0, 0, 0)], Passed, Held),
            (&[leg(0, 5, 0)], Failed, Inconclusive),
            (&[leg(0, 5, 0)], Missing, Inconclusive),
            (&[leg(0, 5, 1)], Passed, Inconclusive),
            (&[leg(0, 5, 0), leg(0, 0, 1)], Passed, Inconclusive),
            (&[leg(0, 0, 1)], Passed, Inconclusive),
            (&[leg(0, 0, 0)], Passed, NotExercised),
            (&[leg(0, 0, 0)], Missing, NotExercised),
            (&[], Passed, NotExercised),
        ];
        for (legs, positive, expected) in table {
            let facts = PassiveFacts { legs: legs.to_vec(), positive: *positive };
            assert_eq!(facts.judge().verdict, *expected, "{facts:?}");
        }
    }

    #[test]
    fn a_broken_cell_names_the_clear_leg_and_counts_both_kinds() {
        let mut sealed = leg(0, 4, 0);
        sealed.link = String::from("client/user>edge/proxy");
        let judged = PassiveFacts { legs: vec![sealed, leg(2, 0, 0)], positive: Positive::Passed }.judge();
        assert_eq!((judged.sent, judged.exposed), (6, 2));
        assert_eq!(judged.reason, "2 canaries readable on a/x>b/y.");
        assert_eq!(judged.control.crossed, Some(true));
    }

    fn legs() -> impl Strategy<Value = Vec<Leg>> {
        prop::collection::vec(
            (0u64..4, 0u64..4, 0u64..3).prop_map(|(clear, sealed, unopened)| leg(clear, sealed, unopened)),
            0..5,
        )
    }

    fn positive() -> impl Strategy<Value = Positive> {
        prop_oneof![Just(Positive::Passed), Just(Positive::Failed), Just(Positive::Missing)]
    }

    proptest! {
        #[test]
        fn one_more_readable_canary_always_breaks(
            mut legs in legs(), positive in positive(), more in 1u64..9, at in 0usize..5
        ) {
            legs.push(leg(0, 0, 0));
            let at = at % legs.len();
            legs[at].carried_clear += more;
            prop_assert_eq!(PassiveFacts { legs, positive }.judge().verdict, Verdict::Broken);
        }

        #[test]
        fn more_exposure_never_turns_broken_into_anything_else(
            legs in legs(), extra in legs(), positive in positive()
        ) {
            let before = PassiveFacts { legs: legs.clone(), positive }.judge();
            let after = PassiveFacts { legs: legs.into_iter().chain(extra).collect(), positive }.judge();
            prop_assert!(before.verdict != Verdict::Broken || after.verdict == Verdict::Broken);
            prop_assert!(after.exposed >= before.exposed);
        }

        #[test]
        fn held_needs_the_control_the_proof_and_no_unopened_flow(legs in legs(), positive in positive()) {
            let facts = PassiveFacts { legs, positive };
            if facts.judge().verdict == Verdict::Held {
                prop_assert_eq!(facts.positive, Positive::Passed);
                prop_assert!(facts.legs.iter().any(|leg| leg.carried_sealed > 0));
                prop_assert!(facts.legs.iter().all(|leg| leg.unopened_flows == 0 && leg.carried_clear == 0));
                for without in [Positive::Failed, Positive::Missing] {
                    let judged = PassiveFacts { positive: without, ..facts.clone() }.judge();
                    prop_assert_eq!(judged.verdict, Verdict::Inconclusive);
                }
            }
        }

        #[test]
        fn the_control_never_decides_what_is_broken(legs in legs()) {
            let verdict = |positive| PassiveFacts { legs: legs.clone(), positive }.judge().verdict;
            let broken = verdict(Positive::Passed) == Verdict::Broken;
            prop_assert_eq!(broken, verdict(Positive::Failed) == Verdict::Broken);
            prop_assert_eq!(broken, verdict(Positive::Missing) == Verdict::Broken);
        }
    }
}
