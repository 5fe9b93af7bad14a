//! Rows of reach: was anything served, and who said no?
//!
//! Answers of real sockets and answers of our own tables are never added up: where one attempt was
//! measured, the cell counts measured attempts only and the reason reports the modelled ones apart.

use testbed::{foothold::Answer, vocabulary::Method};

use super::{Judgement, count, held_if_controlled, names};
use crate::event::{Control, Evidence, Positive, Verdict};

/// How many attempts a cell carries as evidence; the served ones come first.
const EVIDENCE: usize = 16;

/// What was tried from one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachFacts {
    /// Every attempt.
    pub attempts: Vec<Attempted>,
    /// Was the same probe served where it can be?
    pub positive: Positive,
}

/// One attempt and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// What it was tried on, for people: `api-1/identity:5000 from management`.
    pub label: String,
    /// What came back, for people.
    pub answer: String,
    /// What the answer amounts to.
    pub outcome: Outcome,
    /// Whose answer it is.
    pub method: Method,
}

/// What an answer amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The attacker was served.
    Served,
    /// The other side, or its kernel, said no.
    Refused,
    /// Neither: silence, an error, bytes of no known protocol. It proves nothing.
    Unclear,
    /// A clear question to a port that speaks TLS: not put to whoever is behind it.
    Unput,
}

impl Outcome {
    /// Reads an answer. A refusal is one that somebody gave: the kernel's (no listener, no permission), a TLS alert, a close without a
    /// byte, 401 or 403, or our registry's "no route". Silence and other errors are not.
    pub fn of(answer: &Answer, served: bool) -> Self {
        match answer {
            _ if served => Self::Served,
            Answer::Refused
            | Answer::Denied(_)
            | Answer::NoRoute
            | Answer::Alert(_)
            | Answer::Http(401 | 403) => Self::Refused,
            Answer::Http(_) | Answer::Closed | Answer::Silence | Answer::Bytes(_) | Answer::Error(_) => {
                Self::Unclear
            }
        }
    }
}

impl Attempted {
    /// An attempt as a foothold answered it; `served` is the technique's observation.
    pub fn new(label: impl Into<String>, answer: &Answer, served: bool) -> Self {
        Self {
            label: label.into(),
            answer: answer.to_string(),
            outcome: Outcome::of(answer, served),
            method: answer.method(),
        }
    }

    /// The same for a question in clear text. A TLS alert says that this is no clear port; what it says to
    /// those who speak TLS is another question.
    pub fn in_clear(label: impl Into<String>, answer: &Answer, served: bool) -> Self {
        let attempt = Self::new(label, answer, served);
        match answer {
            Answer::Alert(_) if !served => Self { outcome: Outcome::Unput, ..attempt },
            _ => attempt,
        }
    }
}

impl ReachFacts {
    /// The verdict on asset `reach`.
    pub fn judge(&self) -> Judgement {
        let method = if self.put().any(|attempt| attempt.method == Method::Measured) {
            Method::Measured
        } else {
            Method::Modelled
        };
        // An empty list was asked of nobody; it stays a measured nothing rather than a modelled one.
        let method = if self.put().next().is_none() { Method::Measured } else { method };
        let (verdict, reason) = self.decide();
        Judgement {
            verdict,
            method,
            sent: self.put().filter(|attempt| attempt.method == method).count() as u64,
            exposed: self.number(Outcome::Served, None),
            reason,
            control: Control { positive: self.positive, crossed: None },
        }
    }

    /// Attempts as evidence, served first, at most 16.
    pub fn evidence(&self) -> Vec<Evidence> {
        let of = |wanted: bool| {
            self.attempts.iter().filter(move |attempt| (attempt.outcome == Outcome::Served) == wanted)
        };
        of(true)
            .chain(of(false))
            .take(EVIDENCE)
            .map(|attempt| Evidence {
                attempt: Some(attempt.label.clone()),
                answer: Some(attempt.answer.clone()),
                ..Evidence::default()
            })
            .collect()
    }

    fn decide(&self) -> (Verdict, String) {
        let unput = self.number(Outcome::Unput, None);
        if self.put().next().is_none() {
            let reason = match unput {
                0 => String::from("Nothing was tried from this position."),
                _ => format!(
                    "There is no clear port: {} TLS only.",
                    count(unput, "port speaks", "ports speak")
                ),
            };
            return (Verdict::NotExercised, reason);
        }
        let served = self.number(Outcome::Served, None);
        if served > 0 {
            let by = names(
                self.attempts
                    .iter()
                    .filter(|attempt| attempt.outcome == Outcome::Served)
                    .map(|attempt| attempt.label.as_str()),
            );
            return (
                Verdict::Broken,
                format!("{} served: {by}.", count(served, "attempt was", "attempts were")),
            );
        }
        let modelled = self.number(Outcome::Refused, Some(Method::Modelled));
        let refused = self.number(Outcome::Refused, Some(Method::Measured));
        let unclear = self.number(Outcome::Unclear, None);
        let mut parts = vec![format!("None served; {refused} refused by real sockets")];
        if modelled > 0 {
            parts.push(format!("{modelled} refused by our own model only"));
        }
        if unclear > 0 {
            parts.push(format!("{unclear} answered neither way"));
        }
        if unput > 0 {
            parts.push(format!("{unput} speak TLS only"));
        }
        let reason = format!("{}.", parts.join(", "));
        if unclear > 0 {
            // One port that said no does not speak for one that said nothing.
            return (Verdict::Inconclusive, reason);
        }
        if refused > 0 {
            return held_if_controlled(self.positive, reason);
        }
        (Verdict::NotExercised, format!("{reason} No real socket was asked."))
    }

    /// Attempts that put the question.
    fn put(&self) -> impl Iterator<Item = &Attempted> {
        self.attempts.iter().filter(|attempt| attempt.outcome != Outcome::Unput)
    }

    fn number(&self, outcome: Outcome, method: Option<Method>) -> u64 {
        let matches = |attempt: &&Attempted| {
            attempt.outcome == outcome && method.is_none_or(|method| attempt.method == method)
        };
        self.attempts.iter().filter(matches).count() as u64
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tried(answer: &Answer, served: bool) -> Attempted {
        Attempted::new("api-1/identity:clear on management", answer, served)
    }

    #[test]
    fn verdicts_follow_the_table() {
        use Positive::{Failed, Missing, Passed};
        use Verdict::{Broken, Held, Inconclusive, NotExercised};
        let refused = || tried(&Answer::Refused, false);
        let no_route = || tried(&Answer::NoRoute, false);
        let silent = || tried(&Answer::Silence, false);
        let served = || tried(&Answer::Http(200), true);
        let table: Vec<(Vec<Attempted>, Positive, Verdict, Method)> = vec![
            (vec![served()], Passed, Broken, Method::Measured),
            (vec![refused(), served(), no_route()], Missing, Broken, Method::Measured),
            (vec![refused()], Passed, Held, Method::Measured),
            (vec![refused(), no_route()], Passed, Held, Method::Measured),
            (vec![refused(), no_route(), silent()], Passed, Inconclusive, Method::Measured),
            (vec![refused()], Failed, Inconclusive, Method::Measured),
            (vec![refused()], Missing, Inconclusive, Method::Measured),
            (vec![silent()], Passed, Inconclusive, Method::Measured),
            (vec![silent(), no_route()], Passed, Inconclusive, Method::Measured),
            (vec![no_route(), no_route()], Passed, NotExercised, Method::Modelled),
            (vec![], Passed, NotExercised, Method::Measured),
        ];
        for (attempts, positive, verdict, method) in table {
            let judged = ReachFacts { attempts, positive }.judge();
            assert_eq!((judged.verdict, judged.method), (verdict, method), "{}", judged.reason);
        }
    }

    #[test]
    fn a_clear_question_to_a_tls_port_was_not_put() {
        let alert = Answer::Alert(String::from("decode_error"));
        let unput = || Attempted::in_clear("api-1/identity", &alert, false);
        let judged = ReachFacts { attempts: vec![unput(), unput()], positive: Positive::Passed }.judge();
        assert_eq!((judged.verdict, judged.sent), (Verdict::NotExercised, 0));
        assert_eq!(judged.reason, "There is no clear port: 2 ports speak TLS only.");
        let attempts = vec![unput(), tried(&Answer::Refused, false)];
        let judged = ReachFacts { attempts, positive: Positive::Passed }.judge();
        assert_eq!((judged.verdict, judged.sent), (Verdict::Held, 1));
        assert_eq!(judged.reason, "None served; 1 refused by real sockets, 1 speak TLS only.");
        let served = Attempted::in_clear("api-1/identity", &Answer::Http(200), true);
        assert_eq!(served.outcome, Outcome::Served);
    }

    #[test]
    fn modelled_attempts_are_reported_apart() {
        let attempts = vec![
            tried(&Answer::Refused, false),
            tried(&Answer::Alert(String::from("certificate_required")), false),
            tried(&Answer::NoRoute, false),
            tried(&Answer::Silence, false),
        ];
        let judged = ReachFacts { attempts, positive: Positive::Passed }.judge();
        assert_eq!((judged.sent, judged.exposed), (3, 0));
        assert_eq!(
            judged.reason,
            "None served; 2 refused by real sockets, 1 refused by our own model only, 1 answered neither way."
        );
    }

    #[test]
    fn only_an_answer_somebody_gave_is_a_refusal() {
        let denied = Answer::Denied(String::from("EACCES"));
        for answer in [Answer::Refused, denied, Answer::Http(401), Answer::Http(403)] {
            assert_eq!(Outcome::of(&answer, false), Outcome::Refused, "{answer}");
            assert_eq!(Outcome::of(&answer, true), Outcome::Served, "{answer}");
        }
        let unclear = [
            Answer::Silence,
            Answer::Closed,
            Answer::Http(404),
            Answer::Http(200),
            Answer::Bytes(String::from("x")),
        ];
        for answer in unclear {
            assert_eq!(Outcome::of(&answer, false), Outcome::Unclear, "{answer}");
        }
    }

    #[test]
    fn the_served_attempt_leads_the_evidence() {
        let mut attempts = vec![tried(&Answer::Refused, false); 40];
        attempts.push(tried(&Answer::Http(200), true));
        let evidence = ReachFacts { attempts, positive: Positive::Passed }.evidence();
        assert_eq!(evidence.len(), EVIDENCE);
        assert_eq!(evidence[0].answer.as_deref(), Some("HTTP 200"));
    }

    fn attempts() -> impl Strategy<Value = Vec<Attempted>> {
        let one = prop_oneof![
            Just(tried(&Answer::Refused, false)),
            Just(tried(&Answer::NoRoute, false)),
            Just(tried(&Answer::Silence, false)),
            Just(tried(&Answer::Http(201), true)),
        ];
        prop::collection::vec(one, 0..8)
    }

    proptest! {
        #[test]
        fn one_served_attempt_always_breaks(mut attempts in attempts(), at in 0usize..8) {
            attempts.insert(at.min(attempts.len()), tried(&Answer::Http(200), true));
            let judged = ReachFacts { attempts, positive: Positive::Passed }.judge();
            prop_assert_eq!(judged.verdict, Verdict::Broken);
        }

        #[test]
        fn held_rests_on_a_measured_refusal_and_the_control(attempts in attempts()) {
            let facts = ReachFacts { attempts, positive: Positive::Passed };
            if facts.judge().verdict == Verdict::Held {
                let measured = |attempt: &Attempted| {
                    attempt.outcome == Outcome::Refused && attempt.method == Method::Measured
                };
                prop_assert!(facts.attempts.iter().any(measured));
                let mut without = facts.clone();
                without.attempts.retain(|attempt| !measured(attempt));
                prop_assert_ne!(without.judge().verdict, Verdict::Held);
                let uncontrolled = ReachFacts { positive: Positive::Missing, ..facts };
                prop_assert_eq!(uncontrolled.judge().verdict, Verdict::Inconclusive);
            }
        }
    }
}
