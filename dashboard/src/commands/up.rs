//! `up`: keeps one architecture up until a signal, or as long as a command runs, then takes it down.
//!
//! A signal is how `up` is meant to end, so it ends with 0; a second one ends it at once. With a command, its
//! exit code counts, and standard output is the command's alone.

use std::{path::Path, process::ExitCode};

use crate::{
    cli::{global::Global, up::Up},
    engine::{Shelf, Standing, UpRequest},
    exec::{self, Stage},
    exit::{Exit, Failure},
    output, signals,
};

pub(super) fn up(shelf: &impl Shelf, global: &Global, options: &Up) -> Result<ExitCode, Failure> {
    match &options.out {
        Some(out) if options.exec.is_empty() => stand(shelf, global, options, out),
        Some(out) => run(shelf, global, options, out),
        None => {
            let failed = |error| Failure::runtime(format!("cannot make a temporary directory: {error}"));
            let out = tempfile::Builder::new().prefix("testbed-").tempdir().map_err(failed)?;
            let exit = run(shelf, global, options, out.path());
            out.close()
                .map_err(|error| Failure::runtime(format!("cannot remove what was written: {error}")))?;
            exit
        }
    }
}

fn stand(shelf: &impl Shelf, global: &Global, options: &Up, out: &Path) -> Result<ExitCode, Failure> {
    // Listening first: a signal during the launch must end it, too.
    let signals = signals::listen(signals::Scope::Ending)?;
    let standing = shelf.up(&request(options, out, false))?;
    for line in standing.endpoints() {
        output::result(&format!("{line}\n"))?;
    }
    if !global.quiet {
        output::progress("up, until Ctrl-C or SIGTERM; in another shell: source the openrc above");
    }
    signals.wait();
    standing.down()?;
    Ok(Exit::Expected.into())
}

fn run(shelf: &impl Shelf, global: &Global, options: &Up, out: &Path) -> Result<ExitCode, Failure> {
    let signals = signals::listen(signals::Scope::Command)?;
    let stage = Stage::find();
    if !stage.has_names() {
        output::progress(
            "no private mount namespace here (util-linux `unshare`): the command gets `localhost`",
        );
    }
    let standing = shelf.up(&request(options, out, stage.has_names()))?;
    if !global.quiet {
        standing.endpoints().iter().for_each(|line| output::progress(line));
    }
    let ended = command(&stage, standing.as_ref(), options, &signals);
    standing.down()?;
    ended
}

fn command(
    stage: &Stage,
    standing: &dyn Standing,
    options: &Up,
    signals: &signals::Signals,
) -> Result<ExitCode, Failure> {
    let command = stage.command(standing.hosts().as_deref(), &standing.openrc(), &options.exec);
    exec::run(command, signals).map(ExitCode::from)
}

fn request(options: &Up, out: &Path, named: bool) -> UpRequest {
    UpRequest { architecture: options.architecture.clone(), out: out.to_owned(), force: options.force, named }
}
