//! `up`: keeps one architecture up until a signal, then takes it down.
//!
//! A signal is how `up` is meant to end, so it ends with 0; a second one ends it at once.

use crate::{
    cli::{global::Global, up::Up},
    engine::{Shelf, UpRequest},
    exit::{Exit, Failure},
    output, signals,
};

pub(super) fn up(shelf: &impl Shelf, global: &Global, options: &Up) -> Result<Exit, Failure> {
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
    if !global.quiet {
        output::progress("up, until Ctrl-C or SIGTERM; in another shell: source the openrc above");
    }
    signals.wait();
    standing.down()?;
    Ok(Exit::Expected)
}
