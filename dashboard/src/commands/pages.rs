//! `completions` and `man`: what other programs need to help with this command line, made from it.

use std::{fs, io, path::Path};

use clap::CommandFactory;
use clap_mangen::Man as Page;

use crate::{
    cli::{Cli, completions::Completions, global::Global, man::Man},
    exit::{Exit, Failure},
    output,
};

pub(super) fn completions(options: &Completions) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "testbed", &mut script);
    output::result(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Expected)
}

pub(super) fn man(global: &Global, options: &Man) -> Result<Exit, Failure> {
    let Some(directory) = &options.out else {
        let page = page(root()).map_err(|error| Failure::runtime(error.to_string()))?;
        output::result(&String::from_utf8_lossy(&page))?;
        return Ok(Exit::Expected);
    };
    let failed = |path: &Path, error: &io::Error| {
        Failure::runtime(format!("cannot write `{}`: {error}", path.display()))
    };
    fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
    let root = root();
    let commands: Vec<_> = root.get_subcommands().cloned().collect();
    for command in std::iter::once(root).chain(commands) {
        let path = directory.join(format!("{}.1", command.get_display_name().unwrap_or("testbed")));
        page(command).and_then(|page| fs::write(&path, page)).map_err(|error| failed(&path, &error))?;
        if !global.quiet {
            output::progress(&path.display().to_string());
        }
    }
    Ok(Exit::Expected)
}

/// The command with its subcommands built, so that they know the options of every command and their full
/// names; `help` needs no page of its own.
fn root() -> clap::Command {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    root
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    Page::new(command).render(&mut page)?;
    Ok(page)
}
