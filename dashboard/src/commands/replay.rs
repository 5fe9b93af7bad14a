//! `replay`: a recorded run, in the dashboard or as its matrix.
//!
//! It judges nothing again, so showing a run that deviated is a success. Damage is told on stderr, whatever the
//! face.

use scenarios::export::Recorded;

use crate::{
    cli::{compare::Format, global::Global, replay::Replay},
    colour::{self, Environment},
    exit::{Exit, Failure},
    face::{self, Face, Terminals},
    output, recorded, signals, tui,
};

pub(super) fn replay(global: &Global, options: &Replay) -> Result<Exit, Failure> {
    let recording = recorded::open(&options.run)?;
    for warning in &recording.warnings {
        output::progress(&format!("warning: {}", output::plain(warning)));
    }
    let environment = Environment::read();
    let terminals = Terminals::read();
    let plain_asked = options.no_tui || options.format != Format::Text;
    match face::choose(terminals, &environment, plain_asked) {
        Face::Headless => {
            output::result(&recorded::matrix(&Recorded::of(&recording.events), options.format)?)?;
        }
        Face::Dashboard => {
            let coloured = colour::wanted(global.color, &environment, terminals.stdout);
            let ended = tui::replay(recording, tui::Options::of(global, coloured))?;
            if let Some(screen) = &ended.last_screen {
                output::result(screen)?;
            }
            if let Some(signal) = ended.signal {
                signals::die(signal)?;
            }
        }
    }
    Ok(Exit::Expected)
}
