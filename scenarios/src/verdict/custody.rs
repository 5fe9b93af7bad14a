//! Rows of custody: what someone who took a machine over could read in the memory of its processes, and which
//! private keys.
//!
//! `held` needs the searched buffers to have held the asset sealed: found only after the process's own recorded
//! streams were opened with the run's key log. A record that dropped bytes, or a connection that could not be
//! opened, leaves the question open. Where our own record says what was in memory it is modelled, as is who may
//! read what; where a program of its own stands, its memory was read, and that is measured: its bytes are sought as
//! they crossed, open or sealed.

use testbed::vocabulary::Method;

use super::{Judgement, Leg, count, held_if_controlled, names};
use crate::event::{Control, Positive, Verdict};

/// What is known of one asset in the memory of some processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustodyFacts {
    /// Every process that was searched, by `host/process`.
    pub holders: Vec<Leg>,
    /// Bytes that passed through these processes and found no room in their records.
    pub dropped: u64,
    /// Whose memory could not be read, and why.
    pub unread: Vec<String>,
    /// Canaries that crossed links of programs of their own, and left no trace in their memory when it was looked at.
    pub untraced: u64,
    /// Was it all read from memory itself, as opposed to our own record?
    pub measured: bool,
    /// Outcome of the positive control for this asset.
    pub positive: Positive,
}

/// What is known of the private keys on some hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Keys of this run that lie there.
    pub there: u64,
    /// Names of those that were read, each proved by a signature its certificate verifies.
    pub signed: Vec<String>,
    /// Key files that were asked for and refused.
    pub refused: u64,
    /// Outcome of the positive control.
    pub positive: Positive,
}

impl CustodyFacts {
    /// The verdict on this asset.
    pub fn judge(&self) -> Judgement {
        let open = self.sum(|holder| holder.carried_clear);
        let sealed = self.sum(|holder| holder.carried_sealed);
        let (verdict, reason) = self.decide(open, sealed);
        let method = if self.measured { Method::Measured } else { Method::Modelled };
        Judgement { method, ..modelled(verdict, reason, open + sealed, open, self.positive) }
    }

    fn decide(&self, open: u64, sealed: u64) -> (Verdict, String) {
        let unopened = self.sum(|holder| holder.unopened_flows);
        if open > 0 {
            let holders = self.holders(|holder| holder.carried_clear > 0);
            let canaries = count(open, "canary", "canaries");
            return (Verdict::Broken, format!("{canaries} readable in the memory of {holders}."));
        }
        if self.dropped > 0 {
            let dropped = count(self.dropped, "byte", "bytes");
            let reason =
                format!("{dropped} of these processes found no room in the record: nobody searched them.");
            return (Verdict::Inconclusive, reason);
        }
        if let Some(why) = self.unread.first() {
            return (Verdict::Inconclusive, format!("Memory could not be read: {why}."));
        }
        if unopened > 0 {
            let reason = format!(
                "{} of {} could not be opened with the run's key log: what they held is unknown.",
                count(unopened, "connection", "connections"),
                self.holders(|holder| holder.unopened_flows > 0)
            );
            return (Verdict::Inconclusive, reason);
        }
        if sealed == 0 && self.untraced > 0 {
            let untraced = count(self.untraced, "canary", "canaries");
            let reason = format!(
                "{untraced} passed, and left no trace in memory, open or sealed, when it was looked at."
            );
            return (Verdict::Inconclusive, reason);
        }
        if sealed == 0 {
            let reason =
                "The asset did not pass through these processes: not readable, and in no opened record.";
            return (Verdict::NotExercised, reason.to_owned());
        }
        let reason = format!(
            "None readable; {} held sealed by {}, found only with the run's key log.",
            count(sealed, "canary", "canaries"),
            self.holders(|holder| holder.carried_sealed > 0)
        );
        held_if_controlled(self.positive, reason)
    }

    fn sum(&self, of: impl Fn(&Leg) -> u64) -> u64 {
        self.holders.iter().map(of).sum()
    }

    fn holders(&self, which: impl Fn(&Leg) -> bool) -> String {
        names(self.holders.iter().filter(|holder| which(holder)).map(|holder| holder.link.as_str()))
    }
}

impl KeyFacts {
    /// The verdict on `certificate-key`.
    pub fn judge(&self) -> Judgement {
        let (verdict, reason) = self.decide();
        modelled(verdict, reason, self.there, self.signed.len() as u64, self.positive)
    }

    fn decide(&self) -> (Verdict, String) {
        if self.there == 0 {
            return (Verdict::NotExercised, "No private key of this run lies there.".to_owned());
        }
        let there = count(self.there, "key", "keys");
        if !self.signed.is_empty() {
            let signed = names(self.signed.iter().map(String::as_str));
            let reason = format!("{} of {there} read: what they sign, {signed} verifies.", self.signed.len());
            return (Verdict::Broken, reason);
        }
        if self.refused < self.there {
            let reason = format!("{there} lie there, but only {} were asked for.", self.refused);
            return (Verdict::Inconclusive, reason);
        }
        held_if_controlled(self.positive, format!("{there} there, none readable: each file was refused."))
    }
}

fn modelled(verdict: Verdict, reason: String, sent: u64, exposed: u64, positive: Positive) -> Judgement {
    let control = Control { positive, crossed: None };
    Judgement { verdict, method: Method::Modelled, sent, exposed, reason, control }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holder(open: u64, sealed: u64, unopened: u64) -> Leg {
        Leg {
            link: String::from("edge/proxy"),
            carried_clear: open,
            carried_sealed: sealed,
            unopened_flows: unopened,
        }
    }

    fn facts(holders: &[Leg], dropped: u64, positive: Positive) -> CustodyFacts {
        let (unread, untraced, measured) = (Vec::new(), 0, false);
        CustodyFacts { holders: holders.to_vec(), dropped, unread, untraced, measured, positive }
    }

    #[test]
    fn a_memory_that_shows_no_trace_or_cannot_be_read_leaves_the_question_open() {
        use Verdict::{Broken, Held, Inconclusive, NotExercised};
        let real = |holder: Leg, untraced, unread: &[&str]| {
            let unread = unread.iter().map(|why| (*why).to_owned()).collect();
            CustodyFacts { unread, untraced, measured: true, ..facts(&[holder], 0, Positive::Passed) }.judge()
        };
        let table = [
            (real(holder(1, 0, 0), 5, &[]), Broken),
            (real(holder(1, 0, 0), 0, &["edge/proxy: EACCES"]), Broken),
            (real(holder(0, 3, 0), 5, &[]), Held),
            (real(holder(0, 3, 0), 0, &["edge/proxy: EACCES"]), Inconclusive),
            (real(holder(0, 0, 0), 5, &[]), Inconclusive),
            (real(holder(0, 0, 0), 0, &[]), NotExercised),
        ];
        for (judged, expected) in table {
            assert_eq!((judged.verdict, judged.method), (expected, Method::Measured), "{}", judged.reason);
        }
    }

    #[test]
    fn verdicts_follow_the_table() {
        use Positive::{Failed, Missing, Passed};
        use Verdict::{Broken, Held, Inconclusive, NotExercised};
        let table: &[(&[Leg], u64, Positive, Verdict)] = &[
            (&[holder(2, 0, 0)], 0, Passed, Broken),
            (&[holder(1, 9, 0)], 0, Missing, Broken),
            (&[holder(1, 9, 3)], 5, Failed, Broken),
            (&[holder(0, 9, 0), holder(1, 0, 0)], 0, Passed, Broken),
            (&[holder(0, 9, 0)], 0, Passed, Held),
            (&[holder(0, 9, 0), holder(0, 0, 0)], 0, Passed, Held),
            (&[holder(0, 9, 0)], 1, Passed, Inconclusive),
            (&[holder(0, 0, 0)], 1, Passed, Inconclusive),
            (&[holder(0, 9, 1)], 0, Passed, Inconclusive),
            (&[holder(0, 9, 0)], 0, Failed, Inconclusive),
            (&[holder(0, 9, 0)], 0, Missing, Inconclusive),
            (&[holder(0, 0, 0)], 0, Passed, NotExercised),
            (&[], 0, Passed, NotExercised),
        ];
        for (holders, dropped, positive, expected) in table {
            let facts = facts(holders, *dropped, *positive);
            assert_eq!(facts.judge().verdict, *expected, "{facts:?}");
        }
    }

    #[test]
    fn counts_and_holders_are_told_and_it_is_all_modelled() {
        let mut other = holder(0, 4, 0);
        other.link = String::from("edge/other");
        let judged = facts(&[other, holder(2, 0, 0)], 0, Positive::Missing).judge();
        assert_eq!((judged.sent, judged.exposed, judged.method), (6, 2, Method::Modelled));
        assert_eq!(judged.reason, "2 canaries readable in the memory of edge/proxy.");
        assert_eq!(judged.control.crossed, None);
    }

    #[test]
    fn keys_follow_the_table() {
        use Positive::{Failed, Missing, Passed};
        use Verdict::{Broken, Held, Inconclusive, NotExercised};
        let table: &[(u64, u64, u64, Positive, Verdict)] = &[
            // there, signed, refused
            (0, 0, 0, Passed, NotExercised),
            (2, 1, 1, Passed, Broken),
            (2, 2, 0, Missing, Broken),
            (2, 0, 2, Passed, Held),
            (2, 0, 1, Passed, Inconclusive),
            (2, 0, 0, Passed, Inconclusive),
            (2, 0, 2, Missing, Inconclusive),
            (2, 0, 2, Failed, Inconclusive),
        ];
        for (there, signed, refused, positive, expected) in table {
            let signed = (0..*signed).map(|number| format!("key-{number}")).collect();
            let facts = KeyFacts { there: *there, signed, refused: *refused, positive: *positive };
            let judged = facts.judge();
            assert_eq!(judged.verdict, *expected, "{facts:?}");
            assert_eq!((judged.sent, judged.exposed), (*there, facts.signed.len() as u64));
        }
    }

    fn holders() -> impl Strategy<Value = Vec<Leg>> {
        let one = (0u64..3, 0u64..4, 0u64..2).prop_map(|(open, sealed, locked)| holder(open, sealed, locked));
        prop::collection::vec(one, 0..4)
    }

    proptest! {
        #[test]
        fn one_more_readable_canary_always_breaks(mut holders in holders(), dropped in 0u64..3) {
            holders.push(holder(1, 0, 0));
            prop_assert_eq!(facts(&holders, dropped, Positive::Passed).judge().verdict, Verdict::Broken);
        }

        #[test]
        fn held_needs_control_proof_and_a_whole_record(holders in holders(), dropped in 0u64..2) {
            let judged = facts(&holders, dropped, Positive::Passed).judge();
            if judged.verdict == Verdict::Held {
                prop_assert!(dropped == 0 && holders.iter().any(|holder| holder.carried_sealed > 0));
                for (dropped, positive) in
                    [(1, Positive::Passed), (0, Positive::Failed), (0, Positive::Missing)]
                {
                    let without = facts(&holders, dropped, positive).judge();
                    prop_assert_eq!(without.verdict, Verdict::Inconclusive);
                }
            }
        }
    }
}
