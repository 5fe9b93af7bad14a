//! One file per command, and the way from the command line to the exit code.

mod check;
mod compare;
mod list;
mod up;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    cli::{self, Cli, Command},
    exit::{Exit, Failure},
};

/// Runs the process: parse, do, report.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout; a reader that went away is no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Expected.into() };
        }
    };
    match run(cli) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            crate::output::progress(&failure.to_string());
            failure.exit.into()
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let engine = compare::engine();
    match cli.command {
        None => {
            let default = cli::compare::Compare::default();
            compare::compare(&engine, &cli.global, &default.common, &[])
        }
        Some(Command::Compare(options)) => {
            compare::compare(&engine, &cli.global, &options.common, &options.scenarios)
        }
        Some(Command::Run(options)) => {
            compare::compare(&engine, &cli.global, &options.common, &options.scenarios)
        }
        Some(Command::List(options)) => list::list(&engine, options.what),
        Some(Command::Check(options)) => check::check(&engine, &options.files),
        Some(Command::Up(options)) => up::up(&engine, &options),
    }
}
