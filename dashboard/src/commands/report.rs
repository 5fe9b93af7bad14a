//! `report`: files made from a recorded run, by the exporters that made them when it ended.
//!
//! One file goes to stdout or where `-o` says; several go to a directory. Nothing is written unless all of it
//! can be.

use std::{fs, path::Path};

use scenarios::{
    export::{Csv, Exporter, Hgrm, Hlog, Markdown, MatrixJson, Recorded, RunFile, Table, Text},
    run_dir,
};
use testbed::{architecture::suggest::help_for, vocabulary::Phase};

use crate::{
    cli::{
        global::Global,
        report::{Report, ReportFormat},
    },
    exit::{Exit, Failure},
    output, recorded,
};

pub(super) fn report(global: &Global, options: &Report) -> Result<Exit, Failure> {
    let recording = recorded::open(&options.run)?;
    for warning in &recording.warnings {
        output::progress(&format!("warning: {}", output::plain(warning)));
    }
    let run = Recorded::of(&recording.events);
    let files = choose(options, &run)?;
    let texts: Vec<(String, String)> = files
        .into_iter()
        .map(|file| Ok((file.name, recorded::render(&*file.exporter, &run)?)))
        .collect::<Result<_, Failure>>()?;
    let wanted = options.output.as_deref().filter(|output| *output != Path::new("-"));
    match (texts.as_slice(), wanted) {
        ([(_, text)], None) => output::result(text)?,
        (several, None) => return Err(too_many(several, options.format)),
        ([(_, text)], Some(output)) if !output.is_dir() => {
            write(output, text, options.force)?;
            told(global, output);
        }
        (several, Some(directory)) => {
            write_all(directory, several, options.force)?;
            told(global, directory);
        }
    }
    Ok(Exit::Expected)
}

/// The files an option line asks for; never none.
fn choose(options: &Report, run: &Recorded<'_>) -> Result<Vec<RunFile>, Failure> {
    refuse_what_does_not_apply(options)?;
    let one = |name: &str, exporter: Box<dyn Exporter>| Ok(vec![RunFile { name: name.to_owned(), exporter }]);
    match options.format {
        ReportFormat::Text => one("report.txt", Box::new(Text)),
        ReportFormat::Json => one("matrix.json", Box::new(MatrixJson)),
        ReportFormat::Markdown => one("report.md", Box::new(Markdown)),
        ReportFormat::Csv => {
            let tables = options.table.map_or(Table::ALL.to_vec(), |table| vec![table.into()]);
            let file = |table: Table| RunFile {
                name: table.file_name().to_owned(),
                exporter: Box::new(Csv { table }),
            };
            Ok(tables.into_iter().map(file).collect())
        }
        ReportFormat::Hlog => {
            let file = |architecture: String| RunFile {
                name: format!("{architecture}.hlog"),
                exporter: Box::new(Hlog { architecture }),
            };
            Ok(architectures(options, run)?.into_iter().map(file).collect())
        }
        ReportFormat::Hgrm => distributions(options, run),
    }
}

/// An option that would be ignored is a mistake about what the file holds.
fn refuse_what_does_not_apply(options: &Report) -> Result<(), Failure> {
    use ReportFormat::{Csv, Hgrm, Hlog};
    let given: [(&str, bool, &[ReportFormat]); 5] = [
        ("--arch", !options.architectures.is_empty(), &[Hgrm, Hlog]),
        ("--operation", options.operation.is_some(), &[Hgrm]),
        ("--phase", options.phase.is_some(), &[Hgrm]),
        ("--scenario", options.scenario.is_some(), &[Hgrm]),
        ("--table", options.table.is_some(), &[Csv]),
    ];
    for (name, given, formats) in given {
        if given && !formats.contains(&options.format) {
            let words: Vec<&str> = formats.iter().map(|format| format.word()).collect();
            let what = format!("{name} does not choose anything of {}", options.format.word());
            return Err(Failure::usage(what).help(format!("it is for {}", words.join(" and "))));
        }
    }
    Ok(())
}

/// The chosen architectures that did honest work, in matrix order.
fn architectures(options: &Report, run: &Recorded<'_>) -> Result<Vec<String>, Failure> {
    let of = &run.run().map_err(|error| Failure::usage(error.to_string()))?.architectures;
    let worked: Vec<&str> =
        of.iter().map(String::as_str).filter(|name| run.intervals(name).next().is_some()).collect();
    for asked in &options.architectures {
        known("architecture", asked, &worked)?;
    }
    if worked.is_empty() {
        return Err(Failure::usage("the run recorded no honest work: there is no latency to report"));
    }
    let asked =
        |name: &&str| options.architectures.is_empty() || options.architectures.iter().any(|it| it == name);
    Ok(worked.into_iter().filter(asked).map(str::to_owned).collect())
}

fn distributions(options: &Report, run: &Recorded<'_>) -> Result<Vec<RunFile>, Failure> {
    let scenarios = &run.run().map_err(|error| Failure::usage(error.to_string()))?.scenarios;
    if let Some(scenario) = &options.scenario {
        let ids: Vec<&str> = scenarios.iter().map(|scenario| scenario.id.as_str()).collect();
        known("scenario", scenario, &ids)?;
    }
    let mut files = Vec::new();
    for architecture in architectures(options, run)? {
        let operations = run.operations(&architecture);
        let chosen: Vec<Option<&str>> = match options.operation.as_deref() {
            None => operations.iter().map(|name| Some(*name)).chain([None]).collect(),
            Some("all") => vec![None],
            Some(one) => {
                let mut names: Vec<&str> = operations.into_iter().collect();
                names.push("all");
                known("operation", one, &names)?;
                vec![Some(one)]
            }
        };
        files.extend(chosen.into_iter().map(|operation| {
            let hgrm = Hgrm {
                phase: options.phase.map_or(Phase::Baseline, Phase::from),
                scenario: options.scenario.clone(),
                ..Hgrm::baseline(&architecture, operation)
            };
            RunFile { name: hgrm.file_name(), exporter: Box::new(hgrm) }
        }));
    }
    Ok(files)
}

fn known(what: &str, name: &str, known: &[&str]) -> Result<(), Failure> {
    if known.contains(&name) {
        return Ok(());
    }
    let help = help_for(name, known).unwrap_or_else(|| format!("it has {}", known.join(", ")));
    Err(Failure::usage(format!("the run has no {what} `{}`", name.escape_debug())).help(help))
}

fn too_many(files: &[(String, String)], format: ReportFormat) -> Failure {
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).take(6).collect();
    let more = if files.len() > names.len() { ", …" } else { "" };
    let choice = match format {
        ReportFormat::Csv => "--table",
        ReportFormat::Hgrm => "--arch and --operation",
        _ => "--arch",
    };
    Failure::usage(format!("this makes {} files: {}{more}", files.len(), names.join(", ")))
        .help(format!("`-o DIR` writes them all; or choose one with {choice}, which may go to stdout"))
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    run_dir::write_private(path, text.as_bytes(), force).map_err(|error| Failure::runtime(error.to_string()))
}

fn write_all(directory: &Path, files: &[(String, String)], force: bool) -> Result<(), Failure> {
    // Names come from the record, which may be anybody's.
    let alone = |name: &str| Path::new(name).file_name().is_some_and(|last| last == name);
    if let Some((name, _)) = files.iter().find(|(name, _)| !alone(name)) {
        let name = name.escape_debug();
        return Err(Failure::usage(format!("the run names a file `{name}`, which is no file's name")));
    }
    fs::create_dir_all(directory).map_err(|error| {
        Failure::runtime(format!("cannot make the directory `{}`: {error}", directory.display()))
    })?;
    let taken = files.iter().map(|(name, _)| directory.join(name)).find(|path| !force && path.exists());
    if let Some(path) = taken {
        return Err(Failure::runtime(format!("`{}` exists already", path.display()))
            .help("choose another directory, or --force to replace it"));
    }
    files.iter().try_for_each(|(name, text)| write(&directory.join(name), text, force))
}

fn told(global: &Global, path: &Path) {
    if !global.quiet {
        output::progress(&format!("written to {}", path.display()));
    }
}
