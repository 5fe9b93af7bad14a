//! One line a step, from the event that ended it and the snapshot after it.

use scenarios::{
    event::{Event, Stamped, ValidityFlag},
    snapshot::Snapshot,
};

use crate::{
    model::{matrix, numbers::clock},
    output::plain,
};

/// The line for an event; `None` for events that make no line.
pub fn line(stamped: &Stamped, snapshot: &Snapshot, verbose: bool) -> Option<String> {
    let at = clock(stamped.at_ms);
    let line = match &stamped.event {
        Event::RunStarted(run) => format!(
            "testbed {}  seed {}  profile {}  {} architectures, {} scenarios, {} steps",
            run.version,
            run.seed,
            run.profile,
            run.architectures.len(),
            run.scenarios.len(),
            run.steps
        ),
        Event::ScenarioEnded { architecture, scenario } => {
            let steps = snapshot.run.as_ref().map_or(0, |run| run.steps);
            let width = steps.to_string().len();
            let said = matrix::state(snapshot, architecture, scenario).said();
            format!("[{:width$}/{steps}] {at}  {architecture:22} {scenario:30} {said}", snapshot.steps_done)
        }
        Event::Invalid { flag, place, reason } => {
            format!("{at}  {} invalid: {place}: {reason}", flag_word(*flag))
        }
        Event::Note { text } => format!("{at}  {text}"),
        Event::RunEnded { interrupted: true, .. } => {
            format!("{at}  interrupted; what was finished is written")
        }
        Event::Launched { architecture, launch_ms, .. } if verbose => {
            format!("{at}  {architecture} is up after {launch_ms:.0} ms")
        }
        Event::PhaseStarted { architecture, scenario, phase } if verbose => {
            format!("{at}  {architecture} {scenario}: {phase}")
        }
        _ => return None,
    };
    Some(plain(&line))
}

/// The word of a validity flag.
pub const fn flag_word(flag: ValidityFlag) -> &'static str {
    match flag {
        ValidityFlag::Exposure => "exposure",
        ValidityFlag::Performance => "performance",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_step_makes_one_line_and_its_phases_none() {
        let mut snapshot = Snapshot::default();
        let phase = Stamped {
            at_ms: 10,
            event: Event::PhaseStarted {
                architecture: "a".into(),
                scenario: "s".into(),
                phase: testbed::vocabulary::Phase::Attack,
            },
        };
        snapshot.apply(&phase);
        assert_eq!(line(&phase, &snapshot, false), None);
        assert_eq!(line(&phase, &snapshot, true).unwrap(), "00:00  a s: attack");
        let over = Stamped {
            at_ms: 61_000,
            event: Event::ScenarioEnded { architecture: "a".into(), scenario: "s".into() },
        };
        snapshot.apply(&over);
        let said = line(&over, &snapshot, false).unwrap();
        assert!(said.starts_with("[1/0] 01:01  a "), "{said}");
    }

    #[test]
    fn a_note_cannot_smuggle_an_escape_sequence() {
        let note = Stamped { at_ms: 0, event: Event::Note { text: "\u{1b}[31mred".into() } };
        assert_eq!(line(&note, &Snapshot::default(), false).unwrap(), "00:00  ?[31mred");
    }
}
