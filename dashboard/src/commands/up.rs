//! `up`: keeps one architecture up until a signal, then takes it down.

use crate::{
    cli::up::Up,
    engine::{Shelf, UpRequest},
    exit::{Exit, Failure},
    output, signals,
};

pub(super) fn up(shelf: &impl Shelf, options: &Up) -> Result<Exit, Failure> {
    // Listening first: a signal during the launch must end it, too.
    let signals = signals::listen(signals::Scope::Ending)?;
    let standing = shelf.up(&UpRequest {
        architecture: options.architecture.clone(),
        out: options.out.clone(),
        force: options.force,
    })?;
    for line in standing.endpoints() {
        output::result(&format!("{line}\n"))?;
    }
    signals.wait();
    standing.down()?;
    Ok(Exit::Expected)
}
