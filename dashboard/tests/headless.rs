//! The headless front over the scripted comparison: progress lines and the matrix as text.
#![allow(clippy::unwrap_used)]

#[path = "support/script.rs"]
mod script;

use dashboard::headless::{matrix, progress};
use scenarios::snapshot::Snapshot;

#[test]
fn one_line_a_step_and_the_run_around_them() {
    let mut snapshot = Snapshot::default();
    let mut lines = Vec::new();
    for event in script::finished() {
        snapshot.apply(&event);
        lines.extend(progress::line(&event, &snapshot, false));
    }
    assert_eq!(lines.len(), 1 + 33, "the run's line and one a step");
    insta::assert_snapshot!("progress", lines.join("\n"));
}

#[test]
fn the_matrix_of_a_run_as_text() {
    insta::assert_snapshot!("matrix", matrix::text(&Snapshot::of(&script::finished()), false));
    insta::assert_snapshot!("matrix_invalid", matrix::text(&Snapshot::of(&script::invalid()), false));
}

#[test]
fn what_did_not_run_is_said_and_an_interrupted_run_calls_itself_incomplete() {
    let text = matrix::text(&Snapshot::of(&script::interrupted()), false);
    assert!(text.contains("not run"), "{text}");
    assert!(text.contains("INCOMPLETE"), "{text}");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let snapshot = Snapshot::of(&script::finished());
    let coloured = matrix::text(&snapshot, true);
    let mut bare = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        bare.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    bare.push_str(rest);
    assert_eq!(bare, matrix::text(&snapshot, false));
    assert_ne!(coloured, bare);
}
