//! The matrix as plain text: scenarios down, architectures across, then what the words rest on.

use std::fmt::Write;

use scenarios::{
    event::{ValidityFlag, Verdict},
    snapshot::Snapshot,
};

use super::progress::flag_word;
use crate::{
    model::{
        cost,
        matrix::{self, Judged, State, Tally, tally_words},
        numbers::millis,
    },
    output::plain,
};

/// Space between columns.
const GAP: usize = 2;

/// The matrix of a run; empty before the run began.
pub fn text(snapshot: &Snapshot, coloured: bool) -> String {
    let Some(run) = &snapshot.run else { return String::new() };
    let first =
        run.scenarios.iter().map(|scenario| scenario.id.len()).max().unwrap_or(0).max("scenario".len());
    let mut out = String::new();
    let columns: Vec<_> = run
        .architectures
        .iter()
        .map(|architecture| {
            let states: Vec<_> = run
                .scenarios
                .iter()
                .map(|scenario| matrix::state(snapshot, architecture, &scenario.id))
                .collect();
            let widest = states.iter().map(|state| state.said().chars().count()).max().unwrap_or(0);
            (architecture, states, widest.max(architecture.len()))
        })
        .collect();
    let _ = write!(out, "{:first$}", "scenario");
    for (architecture, _, width) in &columns {
        let _ = write!(out, "{:GAP$}{architecture:width$}", "");
    }
    end_line(&mut out);
    for (row, scenario) in run.scenarios.iter().enumerate() {
        let _ = write!(out, "{:first$}", scenario.id);
        for (_, states, width) in &columns {
            let said = states[row].said();
            let padding = width - said.chars().count().min(*width);
            let _ = write!(out, "{:GAP$}{}{:padding$}", "", painted(&states[row], &said, coloured), "");
        }
        end_line(&mut out);
    }
    let marks = legend(&columns.iter().flat_map(|(_, states, _)| states).collect::<Vec<_>>());
    if !marks.is_empty() {
        let _ = writeln!(out, "{marks}");
    }
    costs(&mut out, snapshot);
    rests_on(&mut out, snapshot);
    out
}

/// What the marks in these cells mean; empty where there are none.
fn legend(states: &[&State]) -> String {
    let judged = |mark: fn(&Judged) -> bool| {
        states.iter().any(|state| matches!(state, State::Judged(judged) if mark(judged)))
    };
    let flooded = states.iter().any(|state| matches!(state, State::Flooded(_)));
    let meanings = [
        (judged(|judged| judged.modelled), "~ modelled, not measured"),
        (judged(|judged| judged.deviates), "! not as expected"),
        (flooded, "goodput under flood: victim/decoy, % of baseline"),
    ];
    let shown = meanings.iter().filter(|(shown, _)| *shown).map(|(_, meaning)| *meaning);
    shown.collect::<Vec<_>>().join("   ")
}

fn end_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// Baseline figures per architecture: the cost of each, from the first scenario that has them.
fn costs(out: &mut String, snapshot: &Snapshot) {
    let Some(run) = &snapshot.run else { return };
    let rows: Vec<_> = run.architectures.iter().filter_map(|name| cost::baseline(snapshot, name)).collect();
    if rows.is_empty() {
        return;
    }
    if !snapshot.valid(ValidityFlag::Performance) {
        let _ = write!(out, "\nperformance is invalid: these figures may not be ranked");
    }
    let width =
        rows.iter().map(|row| row.architecture.len()).max().unwrap_or(0).max("cost at baseline".len());
    let _ = writeln!(
        out,
        "\n{:width$}  {:>8}  {:>8}  {:>8}  {:>8}  {:>8}",
        "cost at baseline", "rps", "p50 ms", "p99 ms", "cpu us/r", "errors"
    );
    for row in rows {
        let _ = writeln!(
            out,
            "{:width$}  {:>8.0}  {:>8}  {:>8}  {:>8}  {:>8}",
            row.architecture,
            cost::rps(row),
            millis(row.p50_ms),
            millis(row.p99_ms),
            cost::cpu(row),
            row.errors
        );
    }
}

fn rests_on(out: &mut String, snapshot: &Snapshot) {
    let tally = Tally::of(snapshot);
    let _ = writeln!(out, "\nmeasured: {}", tally_words(tally.measured));
    let _ = writeln!(out, "modelled: {}", tally_words(tally.modelled));
    for flag in [ValidityFlag::Exposure, ValidityFlag::Performance] {
        let word = flag_word(flag);
        if snapshot.valid(flag) {
            let _ = writeln!(out, "{word} valid");
        }
        for (_, place, reason) in snapshot.invalid.iter().filter(|(cleared, _, _)| *cleared == flag) {
            let _ = writeln!(out, "{word} INVALID: {}", plain(&format!("{place}: {reason}")));
        }
    }
    if snapshot.interrupted || snapshot.ended.is_none() {
        let _ = writeln!(out, "INCOMPLETE: the run did not come to its end");
    }
    if let Some(run) = &snapshot.run {
        let _ = writeln!(out, "seed {}, profile {}", run.seed, run.profile);
    }
}

fn painted(state: &State, said: &str, coloured: bool) -> String {
    let code = match state {
        State::Judged(judged) => match judged.verdict {
            Verdict::Broken => "1;31",
            Verdict::Held => "32",
            Verdict::Inconclusive => "33",
            Verdict::NotExercised => "2",
        },
        _ => "0",
    };
    if coloured { format!("\u{1b}[{code}m{said}\u{1b}[0m") } else { said.to_owned() }
}
