//! A made-up world for techniques: targets, a segment, a TLS of a few lines, all in memory.
//!
//! The TLS is one in shape only: a hello, a name for a certificate, a yes or an alert, then plaintext.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod flows;
pub(crate) mod street;
pub(crate) mod tls;

use attacker::{
    loot::{Loot, LootSink},
    technique::by_name,
};
use testbed::{
    foothold::{Foothold, Target, TargetId},
    vocabulary::Vantage,
};
use tokio_util::sync::CancellationToken;

/// A foothold without a capability, and its stop.
pub(crate) fn foothold() -> (Foothold, CancellationToken) {
    let stop = CancellationToken::new();
    (Foothold::new(Vantage::EscapedHost, stop.clone()), stop)
}

pub(crate) fn target(id: u32, name: &str) -> Target {
    Target { id: TargetId::for_test(id), label: format!("host/{name}"), server_name: format!("{name}.test") }
}

/// Runs a technique of the table.
pub(crate) async fn run(technique: &str, foothold: Foothold) -> Loot {
    (by_name(technique).unwrap().prepare)(LootSink::closed()).run(foothold).await
}

/// Secrets of one kind, as text.
pub(crate) fn secrets(loot: &Loot, kind: &str) -> Vec<String> {
    let wanted = loot.secrets().filter(|secret| secret.kind.to_string() == kind);
    wanted.map(|secret| String::from_utf8_lossy(&secret.value).into_owned()).collect()
}

/// Attempts as `what -> answer (served)`.
pub(crate) fn attempts(loot: &Loot) -> Vec<String> {
    let line = |it: &attacker::loot::Attempt| {
        let served = if it.served { " served" } else { "" };
        format!("{} {} -> {}{served}", it.label, it.attempt, it.answer)
    };
    loot.attempts().map(line).collect()
}
