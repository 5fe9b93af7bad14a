//! Rows of private keys: was a key file read whole, and who said no?
//!
//! A file counts as read only if what came home is the private key of its certificate; whoever gathers the facts
//! has compared the public halves. Every answer here is a kernel's.

use testbed::vocabulary::Method;

use super::{Judgement, Outcome, count, held_if_controlled};
use crate::event::{Control, Evidence, Positive, Verdict};

/// What was tried on the key files of some hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFileFacts {
    /// Every key file that lies there.
    pub tried: Vec<TriedKey>,
    /// Did the same probe read every one of them with the rights of its owner?
    pub positive: Positive,
}

/// One key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriedKey {
    /// `host/identity.key`.
    pub label: String,
    /// What came back, for people.
    pub answer: String,
    /// Served: the whole key came home.
    pub outcome: Outcome,
}

impl KeyFileFacts {
    /// The verdict on asset `certificate-key`.
    pub fn judge(&self) -> Judgement {
        let (verdict, reason) = self.decide();
        Judgement {
            verdict,
            method: if self.tried.is_empty() { Method::Modelled } else { Method::Measured },
            sent: self.tried.len() as u64,
            exposed: self.number(Outcome::Served),
            reason,
            control: Control { positive: self.positive, crossed: None },
        }
    }

    /// Every file as evidence.
    pub fn evidence(&self) -> Vec<Evidence> {
        let files = self.tried.iter();
        files
            .map(|tried| Evidence {
                attempt: Some(tried.label.clone()),
                answer: Some(tried.answer.clone()),
                ..Evidence::default()
            })
            .collect()
    }

    fn decide(&self) -> (Verdict, String) {
        if self.tried.is_empty() {
            return (Verdict::NotExercised, "No private key lies on these hosts.".to_owned());
        }
        let files = |number| count(number, "key file", "key files");
        let (read, refused) = (self.number(Outcome::Served), self.number(Outcome::Refused));
        if read > 0 {
            let tried = self.tried.len();
            return (
                Verdict::Broken,
                format!("{} of {tried} read, and each is its certificate's.", files(read)),
            );
        }
        if refused < self.tried.len() as u64 {
            let other = files(self.tried.len() as u64 - refused);
            return (Verdict::Inconclusive, format!("{other} gave neither a key nor a refusal."));
        }
        held_if_controlled(self.positive, format!("The kernel refused {}.", files(refused)))
    }

    fn number(&self, outcome: Outcome) -> u64 {
        self.tried.iter().filter(|tried| tried.outcome == outcome).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_follow_the_table() {
        use Outcome::{Refused, Served, Unclear};
        use Positive::{Failed, Missing, Passed};
        let table: &[(&[Outcome], Positive, Verdict)] = &[
            (&[], Passed, Verdict::NotExercised),
            (&[Refused, Refused], Passed, Verdict::Held),
            (&[Refused], Failed, Verdict::Inconclusive),
            (&[Refused], Missing, Verdict::Inconclusive),
            (&[Refused, Unclear], Passed, Verdict::Inconclusive),
            (&[Refused, Served], Passed, Verdict::Broken),
            (&[Served], Missing, Verdict::Broken),
        ];
        for (outcomes, positive, verdict) in table {
            let tried = outcomes.iter().map(|outcome| TriedKey {
                label: "api-1/internal.key".to_owned(),
                answer: "permission denied (EACCES)".to_owned(),
                outcome: *outcome,
            });
            let facts = KeyFileFacts { tried: tried.collect(), positive: *positive };
            let judged = facts.judge();
            assert_eq!(judged.verdict, *verdict, "{}", judged.reason);
            assert_eq!((judged.sent, facts.evidence().len()), (outcomes.len() as u64, outcomes.len()));
        }
    }
}
