//! Every example of every `--help`, run as it is written, in a directory that has the files it names.
//!
//! Examples that measure run at the `tiny` profile: the same command under `TESTBED_PROFILE=tiny`.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use assert_cmd::Command;
use clap::CommandFactory;
use dashboard::cli::Cli;

/// Longest any of them may take.
const PATIENCE: Duration = Duration::from_mins(3);

/// The recorded run that examples name.
const RECORDED: &str = "runs/20310504T100000Z-compare-42";

/// What is not run here, and why.
const ELSEWHERE: &[(&str, &str)] = &[
    ("testbed", "everything there is: scenarios/tests/compare.rs runs it"),
    ("testbed compare", "everything there is: scenarios/tests/compare.rs runs it"),
    (
        "testbed compare --profile tiny --format json",
        "everything there is: scenarios/tests/compare.rs runs it",
    ),
    ("testbed up separate-environments --out lab", "stays up until it is ended: tests/openstack.rs does it"),
    (
        "testbed up proxy-in-front --exec bash",
        "a shell without a terminal says nothing: tests/exec.rs runs others",
    ),
    ("testbed up ./mine.toml --out lab --force", "stays up until it is ended: tests/openstack.rs does it"),
    (
        "testbed proxy --mode terminate --listen 127.0.0.1:8443 --cert c.pem --key k.pem --backend 127.0.0.1:8080",
        "stays up until it is ended: tests/proxy_alone.rs does it",
    ),
    (
        "testbed proxy --mode pass-through --listen 127.0.0.1:8443 --sni a.invalid=127.0.0.1:9443",
        "stays up until it is ended: tests/proxy_alone.rs does it",
    ),
];

fn testbed(home: &Path) -> Command {
    let mut command = Command::cargo_bin("testbed").unwrap();
    command.current_dir(home).env_clear().env("TESTBED_PROFILE", "tiny").timeout(PATIENCE);
    command
}

/// A directory with every file an example names.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let shipped = testbed::architecture::source("proxy-in-front").unwrap();
    let renamed = |name: &str| shipped.replace("name = \"proxy-in-front\"", &format!("name = \"{name}\""));
    fs::create_dir(home.path().join("architectures")).unwrap();
    for (file, name) in [("mine.toml", "mine"), ("architectures/a.toml", "a"), ("architectures/b.toml", "b")]
    {
        fs::write(home.path().join(file), renamed(name)).unwrap();
    }
    testbed(home.path())
        .args(["run", "management-sniff", "-a", "plaintext", "--out", RECORDED])
        .assert()
        .success();
    home
}

/// Every example of every command.
fn examples() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut open = vec![Cli::command()];
    while let Some(command) = open.pop() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        all.extend(
            help.lines().filter(|line| line.starts_with("  testbed")).map(|line| line.trim().to_owned()),
        );
        // What is hidden is no command for people.
        open.extend(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned());
    }
    all
}

#[test]
fn every_example_works_as_it_is_written() {
    let home = home();
    let examples = examples();
    for (line, _) in ELSEWHERE {
        assert!(examples.contains(*line), "`{line}` is no example any more");
    }
    assert!(examples.len() >= 20, "{examples:?}");
    for line in examples.iter().filter(|line| ELSEWHERE.iter().all(|(known, _)| known != line)) {
        let assert = testbed(home.path()).args(line.split_whitespace().skip(1)).assert();
        let output = assert.get_output();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{line}\n{stderr}");
        let said = !output.stdout.is_empty() || line.contains("--out ") || line.contains(" -o ");
        assert!(said, "{line} printed nothing");
    }
}
