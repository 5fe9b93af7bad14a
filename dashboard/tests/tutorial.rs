//! The tutorial beside the architecture files, followed to the letter: what it says to append is appended, what it
//! says to run is run, and every line it shows must come out, in that order.
//!
//! `…` alone on a line stands for any number of lines; within a line, for anything.
#![allow(clippy::unwrap_used)]
// Running the program is the point.
#![allow(clippy::disallowed_methods)]

use std::{fs::OpenOptions, io::Write, path::Path, process::Command};

const TUTORIAL: &str = include_str!("../../testbed/architectures/TUTORIAL.md");

/// One fenced block.
struct Block<'a> {
    info: &'a str,
    text: String,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(Block { info, text: body.join("\n") + "\n" });
    }
    blocks
}

/// Commands of a console block, each with the lines shown after it.
fn commands(text: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, shown))) => shown.push(line.to_owned()),
            (None, None) => panic!("a console block begins with a command: {line}"),
        }
    }
    commands
}

/// Does a line of output look like a line of the tutorial? Runs of blanks count as one.
fn alike(shown: &str, line: &str) -> bool {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (shown, line) = (squeezed(shown), squeezed(line));
    let mut rest = line.as_str();
    let mut parts = shown.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || shown.ends_with('…')
}

fn check(command: &str, shown: &[String], output: &str) {
    let mut lines = output.lines();
    for wanted in shown.iter().filter(|line| line.trim() != "…" && !line.trim().is_empty()) {
        assert!(lines.any(|line| alike(wanted, line)), "`{command}` did not print `{wanted}`, but\n{output}");
    }
}

/// Runs a command line as a reader would, with `testbed` in the search path; both streams together.
fn run(command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_testbed")).parent().unwrap().to_str().unwrap();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap());
    let ran = Command::new("bash")
        .args(["-c", &format!("exec 2>&1; {command}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[test]
fn the_tutorial_works_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut ran = 0;
    for block in blocks(TUTORIAL) {
        if let Some(file) = block.info.strip_prefix("toml ") {
            let path = folder.path().join(file);
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(block.text.as_bytes()).unwrap();
        } else if block.info == "console" {
            for (command, shown) in commands(&block.text) {
                check(&command, &shown, &run(&command, folder.path()));
                ran += 1;
            }
        }
    }
    assert!(ran >= 5, "{ran} commands");
}

#[test]
fn a_line_is_like_another_up_to_blanks_and_dots() {
    assert!(alike("password  held …", "   password    held 0/9"));
    assert!(alike("error: … `trust`", "error: unknown field `trust`"));
    assert!(!alike("held", "held 0/9"));
    assert!(!alike("token broken …", "token held 0/9"));
}
