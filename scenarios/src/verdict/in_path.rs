//! Rows of an attacker in the path: did the victim talk to the impostor, or refuse it by itself?
//!
//! `held` needs connections that reached the impostor, and the victim's own captured refusal of every one
//! of them on every link that carries the asset. Where no connection arrived on such a link, nothing was
//! asked of it, and the row is `inconclusive`.

use testbed::vocabulary::Method;

use super::{Judgement, count, held_if_controlled, names};
use crate::event::{Control, Positive, Verdict};

/// What is known of one asset while links were redirected to an impostor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InPathFacts {
    /// Every redirected link.
    pub links: Vec<RedirectedLink>,
    /// Does the asset travel towards the victim, so that only an answer of the far side can give it away?
    pub told: bool,
    /// Outcome of the positive control for this asset.
    pub positive: Positive,
}

/// One redirected link, one asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectedLink {
    /// `host/process>host/process`.
    pub link: String,
    /// Canaries of the asset proved to cross this link before the attack (clear, or opened with the key log).
    pub carried: u64,
    /// Connections of before the attack that the key log does not open: what they carried nobody knows.
    pub unopened: u64,
    /// Victims' connections that reached the impostor.
    pub arrivals: u64,
    /// Of these, refused by the victim with captured proof: its alert, or its close before application data.
    pub refusals: u64,
    /// Of these, TLS handshakes that completed.
    pub accepted: u64,
    /// Of the arrivals, those with protected records that the run's key log does not open.
    pub locked: u64,
    /// What became of the impostor's own connections to the far side.
    pub onward: Beyond,
    /// Canaries of the asset in loot, or readable by the impostor.
    pub lost: u64,
}

impl RedirectedLink {
    fn carries(&self) -> bool {
        self.carried + self.lost > 0
    }

    /// Nothing says that the asset does not travel here.
    fn may_carry(&self) -> bool {
        self.carries() || self.unopened > 0
    }

    /// The far side refused whatever the impostor opened for those it fooled: they were told nothing.
    fn is_dead_end(&self) -> bool {
        let Beyond { fooled, opened, cut, refused } = self.onward;
        self.locked == 0 && refused > 0 && refused + cut == opened && opened >= fooled
    }
}

/// The impostor's own connections to one far side, for the victims of every link that leads there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// Victims who took the impostor for this far side.
    pub fooled: u64,
    /// Connections the impostor opened there.
    pub opened: u64,
    /// Of these, cut by the end of the attack before anything was said to them.
    pub cut: u64,
    /// Of these, refused for their certificate, or the lack of one, with captured proof.
    pub refused: u64,
}

impl InPathFacts {
    /// The verdict on this asset. Where canaries were lost `sent` counts them: what a refused victim would have
    /// said nobody knows. Otherwise it counts connections that were put to the question.
    pub fn judge(&self) -> Judgement {
        let lost = self.sum(|link| link.lost);
        let (verdict, reason) = self.decide(lost);
        Judgement {
            verdict,
            method: Method::Measured,
            sent: if lost > 0 {
                lost
            } else {
                self.sum(|link| if link.may_carry() { link.arrivals } else { 0 })
            },
            exposed: lost,
            reason,
            control: Control { positive: self.positive, crossed: None },
        }
    }

    fn decide(&self, lost: u64) -> (Verdict, String) {
        if lost > 0 {
            let lost = count(lost, "canary", "canaries");
            let on = self.links(|link| link.lost > 0);
            return (Verdict::Broken, format!("The impostor got {lost} on {on}."));
        }
        let arrivals = self.sum(|link| link.arrivals);
        if arrivals == 0 {
            return (Verdict::NotExercised, String::from("No victim's connection reached the impostor."));
        }
        if !self.links.iter().any(RedirectedLink::may_carry) {
            return (
                Verdict::NotExercised,
                String::from("The asset does not travel on the redirected links."),
            );
        }
        let asked = self.sum(|link| if link.may_carry() { link.arrivals } else { 0 });
        if asked == 0 {
            let reason = format!(
                "No connection that carries the asset reached the impostor ({} silent).",
                self.links(RedirectedLink::may_carry)
            );
            return (Verdict::NotExercised, reason);
        }
        if let Some(reason) = self.unproved() {
            return (Verdict::Inconclusive, reason);
        }
        let silent = |link: &RedirectedLink| link.may_carry() && link.arrivals == 0;
        if self.links.iter().any(silent) {
            let reason = format!("Nothing was asked of {}: no connection arrived there.", self.links(silent));
            return (Verdict::Inconclusive, reason);
        }
        if !self.links.iter().any(RedirectedLink::carries) {
            let reason = format!(
                "Connections on {} could not be opened with the run's key log: whether the asset travels there is unknown.",
                self.links(RedirectedLink::may_carry)
            );
            return (Verdict::Inconclusive, reason);
        }
        let fooled = self.sum(|link| if self.is_shut(link) { link.accepted } else { 0 });
        let reason = if fooled > 0 {
            let fooled = count(fooled, "redirected connection was", "redirected connections were");
            format!(
                "{fooled} accepted, but the far side refused the impostor each time, with captured proof."
            )
        } else {
            let asked = count(asked, "redirected connection was", "redirected connections were");
            format!("{asked} refused by the victims themselves, with captured proof.")
        };
        held_if_controlled(self.positive, reason)
    }

    /// Arrivals on links that carry the asset and that nobody can be shown to have refused.
    fn unproved(&self) -> Option<String> {
        let relevant = || self.links.iter().filter(|link| link.may_carry());
        let open = |link: &RedirectedLink| link.may_carry() && link.accepted > 0 && !self.is_shut(link);
        let accepted: u64 = relevant().filter(|link| open(link)).map(|link| link.accepted).sum();
        if accepted > 0 {
            let on = self.links(open);
            let accepted = count(accepted, "handshake", "handshakes");
            return Some(format!(
                "{accepted} with the impostor completed on {on}, yet no canary was found in its hands."
            ));
        }
        let missing: u64 = relevant().map(|link| link.arrivals.saturating_sub(self.answered(link))).sum();
        (missing > 0).then(|| {
            let on = self.links(|link| link.may_carry() && self.answered(link) < link.arrivals);
            let missing = count(missing, "connection", "connections");
            format!("{missing} reached the impostor on {on} without a captured refusal.")
        })
    }

    /// Nothing of this asset can have come through: it is only told, and the far side told the impostor nothing.
    fn is_shut(&self, link: &RedirectedLink) -> bool {
        self.told && link.may_carry() && link.is_dead_end()
    }

    /// Arrivals that came to nothing by a captured refusal, of the victim or of the far side.
    fn answered(&self, link: &RedirectedLink) -> u64 {
        link.refusals + if self.is_shut(link) { link.accepted } else { 0 }
    }

    fn sum(&self, what: impl Fn(&RedirectedLink) -> u64) -> u64 {
        self.links.iter().map(what).sum()
    }

    fn links(&self, which: impl Fn(&RedirectedLink) -> bool) -> String {
        names(self.links.iter().filter(|link| which(link)).map(|link| link.link.as_str()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(carried: u64, arrivals: u64, refusals: u64, accepted: u64, lost: u64) -> RedirectedLink {
        let link = String::from("a/x>b/y");
        let onward = Beyond::default();
        RedirectedLink { link, carried, unopened: 0, arrivals, refusals, accepted, locked: 0, onward, lost }
    }

    /// Four arrivals, three of them fooled.
    fn fooled(opened: u64, cut: u64, refused: u64) -> RedirectedLink {
        RedirectedLink { onward: Beyond { fooled: 3, opened, cut, refused }, ..link(9, 4, 1, 3, 0) }
    }

    fn judged(links: Vec<RedirectedLink>, told: bool, positive: Positive) -> Judgement {
        InPathFacts { links, told, positive }.judge()
    }

    #[test]
    fn verdicts_follow_the_table() {
        use Positive::{Failed, Missing, Passed};
        use Verdict::{Broken, Held, Inconclusive, NotExercised};
        let refused = || link(9, 4, 4, 0, 0);
        let closed = |link: RedirectedLink| RedirectedLink { unopened: 3, ..link };
        let table: Vec<(&str, Vec<RedirectedLink>, Positive, Verdict)> = vec![
            ("lost in clear", vec![link(9, 4, 0, 0, 4)], Passed, Broken),
            ("lost after a handshake", vec![link(9, 4, 0, 4, 2)], Missing, Broken),
            ("lost where nobody knew it travels", vec![link(0, 4, 4, 0, 1)], Failed, Broken),
            ("all refused", vec![refused()], Passed, Held),
            ("all refused, control failed", vec![refused()], Failed, Inconclusive),
            ("all refused, control missing", vec![refused()], Missing, Inconclusive),
            ("one refusal not captured", vec![link(9, 4, 3, 0, 0)], Passed, Inconclusive),
            ("a handshake completed", vec![link(9, 4, 4, 1, 0)], Passed, Inconclusive),
            ("one leg refused, one unproved", vec![refused(), link(9, 1, 0, 0, 0)], Passed, Inconclusive),
            ("the unproved leg has no asset", vec![refused(), link(0, 3, 0, 3, 0)], Passed, Held),
            ("no arrivals", vec![link(9, 0, 0, 0, 0)], Passed, NotExercised),
            ("arrivals elsewhere only", vec![link(9, 0, 0, 0, 0), link(0, 3, 3, 0, 0)], Passed, NotExercised),
            ("asset does not travel", vec![link(0, 4, 4, 0, 0)], Passed, NotExercised),
            ("nobody knows whether it travels", vec![closed(link(0, 4, 4, 0, 0))], Passed, Inconclusive),
            ("closed and refused beside refused", vec![refused(), closed(link(0, 4, 4, 0, 0))], Passed, Held),
            ("closed and fooled", vec![refused(), closed(link(0, 4, 0, 4, 0))], Passed, Inconclusive),
            ("closed and silent", vec![refused(), closed(link(0, 0, 0, 0, 0))], Passed, Inconclusive),
            ("nothing redirected", vec![], Passed, NotExercised),
        ];
        for (story, links, positive, expected) in table {
            assert_eq!(judged(links, true, positive).verdict, expected, "{story}");
        }
    }

    /// What a far side refuses to tell the impostor it cannot tell a fooled victim; whatever is not proved of that
    /// leaves the row open.
    #[test]
    fn a_far_side_that_refuses_the_impostor_keeps_what_it_would_have_told() {
        use Verdict::{Broken, Held, Inconclusive};
        let told = true;
        let table = [
            ("each was refused", fooled(3, 0, 3), told, Held),
            ("one was cut by the end of the attack", fooled(4, 1, 3), told, Held),
            ("all were cut", fooled(3, 3, 0), told, Inconclusive),
            ("one was let in", fooled(3, 0, 2), told, Inconclusive),
            ("fewer were asked for than were fooled", fooled(2, 0, 2), told, Inconclusive),
            ("the far side was never asked", fooled(0, 0, 0), told, Inconclusive),
            ("what the victim says is another matter", fooled(3, 0, 3), false, Inconclusive),
            (
                "its records could not be opened",
                RedirectedLink { locked: 1, ..fooled(3, 0, 3) },
                told,
                Inconclusive,
            ),
            ("lost nevertheless", RedirectedLink { lost: 1, ..fooled(3, 0, 3) }, told, Broken),
        ];
        for (story, link, told, expected) in table {
            assert_eq!(judged(vec![link], told, Positive::Passed).verdict, expected, "{story}");
        }
    }

    #[test]
    fn counts_are_canaries_and_else_connections() {
        let judged = |link| judged(vec![link], false, Positive::Passed);
        let lost = judged(link(9, 4, 0, 4, 5));
        assert_eq!((lost.sent, lost.exposed), (5, 5));
        let refused = judged(link(9, 4, 4, 0, 0));
        assert_eq!((refused.sent, refused.exposed), (4, 0));
        assert_eq!(refused.control.crossed, None);
    }

    #[test]
    fn a_link_that_was_never_asked_leaves_the_row_open_and_is_named() {
        let mut silent = link(9, 0, 0, 0, 0);
        silent.link = String::from("edge/p>api-2/q");
        let facts =
            InPathFacts { links: vec![link(9, 2, 2, 0, 0), silent], told: false, positive: Positive::Passed };
        let judged = facts.judge();
        assert_eq!(judged.verdict, Verdict::Inconclusive);
        assert!(judged.reason.contains("Nothing was asked of edge/p>api-2/q"), "{}", judged.reason);
    }

    fn links() -> impl Strategy<Value = Vec<RedirectedLink>> {
        let one = (0u64..3, 0u64..4, 0u64..4, 0u64..2, 0u64..2);
        let beyond = (0u64..3, 0u64..3, 0u64..2, 0u64..3);
        let both =
            (one, beyond).prop_map(|((c, a, r, h, l), (fooled, opened, cut, refused))| RedirectedLink {
                onward: Beyond { fooled, opened, cut, refused },
                ..link(c, a, r.min(a), h.min(a - r.min(a)), l)
            });
        prop::collection::vec(both, 0..4)
    }

    proptest! {
        #[test]
        fn more_loot_always_breaks(mut links in links(), more in 1u64..5) {
            links.push(link(1, 1, 1, 0, 0));
            links[0].lost += more;
            prop_assert_eq!(judged(links, true, Positive::Passed).verdict, Verdict::Broken);
        }

        #[test]
        fn without_the_control_nothing_is_held(links in links(), failed in any::<bool>()) {
            let positive = if failed { Positive::Failed } else { Positive::Missing };
            prop_assert_ne!(judged(links, true, positive).verdict, Verdict::Held);
        }

        #[test]
        fn held_survives_no_lost_proof(links in links()) {
            let facts = InPathFacts { links, told: true, positive: Positive::Passed };
            if facts.judge().verdict == Verdict::Held {
                prop_assert!(facts.links.iter().any(|link| link.carries() && link.arrivals > 0));
                for at in 0..facts.links.len() {
                    let mut weaker = facts.clone();
                    if weaker.links[at].carries() && weaker.links[at].refusals > 0 {
                        weaker.links[at].refusals -= 1;
                        prop_assert_eq!(weaker.judge().verdict, Verdict::Inconclusive);
                    }
                }
            }
        }
    }
}
