//! From what another user of an API host was answered to facts: beside each answer stands what the owner of the
//! same socket or file was answered by the same probe.

use attacker::loot::{Attempt, Loot, SecretKind};
use testbed::{foothold::Answer, ledger::Ledger};

use crate::{
    event::Positive,
    verdict::{Attempted, KeyFileFacts, Outcome, ReachFacts, TriedKey},
};

/// Attempts at services; `elsewhere` is the outcome of the scenario's own controls.
pub(super) fn reach(loot: &Loot, owners: Option<&Loot>, elsewhere: Positive) -> ReachFacts {
    let label = |attempt: &Attempt| format!("{} ({})", attempt.label, attempt.attempt);
    let attempts: Vec<Attempted> = loot
        .attempts()
        .map(|attempt| {
            let tried = Attempted::new(label(attempt), &attempt.answer, attempt.served);
            // Who closes on one user and serves another refuses that one.
            let chosen = attempt.answer == Answer::Closed && owned(owners, attempt) == Positive::Passed;
            Attempted { outcome: if chosen { Outcome::Refused } else { tried.outcome }, ..tried }
        })
        .collect();
    let refused = loot.attempts().zip(&attempts).filter(|(_, tried)| tried.outcome == Outcome::Refused);
    let positives = refused.map(|(attempt, _)| owned(owners, attempt)).chain([elsewhere]);
    let positive = positives.fold(Positive::Passed, both);
    ReachFacts { attempts, positive }
}

/// Was the owner served where somebody else was refused? A port that speaks TLS refuses clear words from anybody:
/// that says nothing about who asks, and the controls elsewhere must do.
fn owned(owners: Option<&Loot>, refused: &Attempt) -> Positive {
    let Some(owners) = owners else { return Positive::Missing };
    let same = owners.attempts().find(|attempt| attempt.target == refused.target);
    match same {
        Some(owner) if owner.served => Positive::Passed,
        Some(owner) if matches!(owner.answer, Answer::Alert(_)) && owner.answer == refused.answer => {
            Positive::Passed
        }
        Some(_) => Positive::Failed,
        None => Positive::Missing,
    }
}

/// Attempts at key files.
pub(super) fn keys(ledger: &Ledger, loot: &Loot, owners: Option<&Loot>) -> KeyFileFacts {
    let tried: Vec<TriedKey> = loot
        .attempts()
        .map(|attempt| {
            let whole = came_home(ledger, loot, attempt);
            TriedKey {
                label: attempt.label.clone(),
                answer: attempt.answer.to_string(),
                outcome: Outcome::of(&attempt.answer, whole),
            }
        })
        .collect();
    let positive = match owners {
        None => Positive::Missing,
        Some(owners) => {
            let read = |attempt: &Attempt| came_home(ledger, owners, attempt);
            let all = loot.attempts().all(read);
            if all { Positive::Passed } else { Positive::Failed }
        }
    };
    KeyFileFacts { tried, positive }
}

/// Is the key of the file that was tried among the loot, byte for byte a private key of its certificate?
fn came_home(ledger: &Ledger, loot: &Loot, tried: &Attempt) -> bool {
    let Some((_, file)) = ledger.files.targets().find(|(id, _)| *id == tried.target) else { return false };
    let keys = loot.secrets().filter(|secret| secret.kind == SecretKind::PrivateKey);
    keys.into_iter().any(|key| file.is_whole(&key.value))
}

/// One that failed fails both; one that is missing leaves both open.
fn both(one: Positive, other: Positive) -> Positive {
    match (one, other) {
        (Positive::Failed, _) | (_, Positive::Failed) => Positive::Failed,
        (Positive::Missing, _) | (_, Positive::Missing) => Positive::Missing,
        (Positive::Passed, Positive::Passed) => Positive::Passed,
    }
}
