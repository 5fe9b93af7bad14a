//! `compare` and `run`: start the engine, show it with the right face, print the result.
//!
//! This file is the one place where the faces meet what runs a comparison: [`engine`].

use crate::{
    cli::{
        compare::{Common, Format},
        global::Global,
    },
    colour::{self, Environment},
    engine::Engine,
    exit::{Exit, Failure},
    face::{self, Face, Terminals},
    headless,
    model::numbers,
    output,
    runs::Runs,
    tui,
};

/// What runs comparisons for this binary.
pub(super) fn engine() -> impl Engine {
    Runs::default()
}

/// Runs a comparison to its end and prints its matrix.
pub(super) fn compare(
    engine: &impl Engine,
    global: &Global,
    common: &Common,
    scenarios: &[String],
) -> Result<Exit, Failure> {
    let environment = Environment::read();
    let terminals = Terminals::read();
    let coloured = colour::wanted(global.color, &environment, terminals.stdout);
    let plain_asked = common.no_tui || common.format != Format::Text;
    let session = engine.start(&common.request(scenarios))?;
    let ended = match face::choose(terminals, &environment, plain_asked) {
        Face::Dashboard => tui::run(session, tui::Options::of(global, coloured))?,
        Face::Headless => headless::run(&session, global)?,
    };
    if let Some(screen) = &ended.last_screen {
        output::result(screen)?;
    } else if ended.snapshot.run.is_some() {
        let mut result = engine.result(&ended.snapshot, common.format)?;
        if !result.ends_with('\n') {
            result.push('\n');
        }
        output::result(&result)?;
    }
    if let Some(directory) = engine.directory().filter(|_| !global.quiet) {
        output::progress(&format!("written to {}", directory.display()));
    }
    if global.verbose > 0 && ended.cost.frames > 0 {
        let spent = numbers::millis(Some(ended.cost.drawing.as_secs_f64() * 1e3));
        output::progress(&format!("dashboard: {} frames drawn in {spent} ms", ended.cost.frames));
    }
    ended.settle()
}
