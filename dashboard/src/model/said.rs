//! Any event as one line: what a replay says of the event it stopped at.

use scenarios::event::{Event, LinkState};

use super::mask::mask;
use crate::{headless::progress::flag_word, output::plain};

/// The line; secrets are masked unless `reveal` is set.
pub fn said(event: &Event, reveal: bool) -> String {
    let line = match event {
        Event::RunStarted(run) => format!("run started, {} steps to go", run.steps),
        Event::Host(host) => format!("machine: {} {}, {} processors", host.os, host.machine, host.cpus),
        Event::Config { name, .. } => format!("setting {name}"),
        Event::Topology(it) => format!("architecture {}", it.architecture),
        Event::Launched { architecture, scenario, .. } => format!("{architecture} is up for {scenario}"),
        Event::PhaseStarted { architecture, scenario, phase } => {
            format!("{phase} of {scenario} on {architecture} begins")
        }
        Event::Interval(it) => {
            format!("work: {} {} completed, {} failed", it.completed, it.operation, it.errors)
        }
        Event::Link(it) => {
            let state = match it.state {
                LinkState::Idle => "idle",
                LinkState::Encrypted => "TLS",
                LinkState::Clear => "CLEAR",
            };
            format!("link {}: {state}, {} connections", it.link, it.flows)
        }
        Event::Exposed(it) => format!("READ {} {} on {}", it.asset, mask(&it.canary, reveal), it.link),
        Event::Attempt(it) => {
            format!("{} {}: {}", if it.served { "SERVED" } else { "refused" }, it.target, it.answer)
        }
        Event::Impact(it) => format!("IMPACT {}", it.what),
        Event::Flood(it) => {
            format!("flood of {}: {} {} started, {} failed", it.kind, it.arm, it.started, it.failed)
        }
        Event::AttackStopped { architecture, scenario, .. } => {
            format!("attack traffic of {scenario} on {architecture} ended")
        }
        Event::Cell(it) => {
            format!("judged: {} on {}, {}: {}", it.scenario, it.architecture, it.asset, it.verdict.word())
        }
        Event::Performance(it) => {
            format!("figures: {} of {} on {}, {}", it.phase, it.scenario, it.architecture, it.operation)
        }
        Event::ScenarioEnded { architecture, scenario } => format!("{scenario} on {architecture} is over"),
        Event::Invalid { flag, place, reason } => format!("{} invalid: {place}: {reason}", flag_word(*flag)),
        Event::Note { text } => text.clone(),
        Event::RunEnded { exit_code, .. } => format!("run ended with exit code {exit_code}"),
    };
    plain(&line)
}

#[cfg(test)]
mod tests {
    use scenarios::event::Exposed;
    use testbed::vocabulary::{Asset, Encoding};

    use super::*;

    #[test]
    fn a_secret_stays_masked_and_an_escape_sequence_harmless() {
        let exposed = Event::Exposed(Exposed {
            architecture: "a".into(),
            scenario: "s".into(),
            asset: Asset::Token,
            link: "x>y\u{1b}[2J".into(),
            segment: "m".into(),
            encoding: Encoding::Raw,
            canary: "gAAAAABqTESTq8Yt0000000000".into(),
        });
        assert_eq!(said(&exposed, false), "READ token gAAAAA**** on x>y?[2J");
    }
}
