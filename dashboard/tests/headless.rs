//! The headless front over the scripted comparison: progress lines.
#![allow(clippy::unwrap_used)]

#[path = "support/script.rs"]
mod script;

use dashboard::headless::progress;
use scenarios::snapshot::Snapshot;

#[test]
fn one_line_a_step_and_the_run_around_them() {
    let mut snapshot = Snapshot::default();
    let mut lines = Vec::new();
    for event in script::finished() {
        snapshot.apply(&event);
        lines.extend(progress::line(&event, &snapshot, false));
    }
    assert_eq!(lines.len(), 1 + 8 * 16, "the run's line and one a step");
    insta::assert_snapshot!("progress", lines.join("\n"));
}
