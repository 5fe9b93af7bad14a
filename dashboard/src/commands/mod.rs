//! One file per command, and the way from the command line to the exit code.

mod check;
mod compare;
mod doctor;
mod graph;
mod init;
mod list;
pub mod neighbour;
mod pages;
mod proxy;
mod replay;
mod report;
mod schema;
mod up;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser};

use crate::{
    cli::{Cli, Command, global::Global},
    exit::{Exit, Failure},
    shelf::Shipped,
};

/// Runs the process: parse, do, report.
pub fn main() -> ExitCode {
    let (global, command) = match parse(std::env::args_os().collect()) {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version go to stdout; a reader that went away is no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Expected.into() };
        }
    };
    match run(&global, command) {
        Ok(code) => code,
        Err(failure) => {
            crate::output::progress(&failure.to_string());
            failure.exit.into()
        }
    }
}

/// Without a command: `compare`, with the same variables and defaults as when it is written out.
fn parse(mut words: Vec<OsString>) -> Result<(Global, Command), clap::Error> {
    let cli = Cli::try_parse_from(&words)?;
    if let Some(command) = cli.command {
        return Ok((cli.global, command));
    }
    words.push("compare".into());
    let cli = Cli::try_parse_from(&words)?;
    let missing = || Cli::command().error(clap::error::ErrorKind::MissingSubcommand, "no command");
    cli.command.map(|command| (cli.global, command)).ok_or_else(missing)
}

fn run(global: &Global, command: Command) -> Result<ExitCode, Failure> {
    let engine = compare::engine();
    let exit = match command {
        Command::Compare(options) => compare::compare(&engine, global, &options.common, &options.scenarios),
        Command::Run(options) => compare::compare(&engine, global, &options.common, &options.scenarios),
        Command::List(options) => list::list(&Shipped, &options),
        Command::Replay(options) => replay::replay(global, &options),
        Command::Report(options) => report::report(global, &options),
        Command::Check(options) => check::check(&Shipped, &options.files),
        Command::Neighbour => neighbour::neighbour(),
        Command::Up(options) => return up::up(&Shipped, global, &options),
        Command::Graph(options) => graph::graph(global, &options),
        Command::Schema(options) => schema::schema(options.what),
        Command::Init(options) => init::init(global, &options),
        Command::Doctor(options) => doctor::doctor(&options),
        Command::Proxy(options) => proxy::proxy(global, &options),
        Command::Completions(options) => pages::completions(&options),
        Command::Man(options) => pages::man(global, &options),
    };
    exit.map(ExitCode::from)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn nothing_said_means_compare_with_its_defaults() {
        let (global, command) = parse(words("testbed --ascii")).unwrap();
        assert!(global.ascii);
        let Command::Compare(compare) = command else { panic!("{command:?}") };
        assert!(compare.scenarios.is_empty() && !compare.common.no_tui);
    }

    #[test]
    fn a_command_that_does_not_exist_is_no_compare() {
        assert!(parse(words("testbed comapre")).is_err());
    }
}
