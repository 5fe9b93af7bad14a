//! A real run, recorded once, shown again and rendered by the binary; and what it says of damaged records.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use assert_cmd::{Command, assert::Assert};
use tempfile::TempDir;

/// What a tiny run printed; its directory is replaced by the next test run.
static PRINTED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let chosen = ["run", "public-sniff", "direct-connect", "-a", "plaintext", "-a", "proxy-in-front"];
    let mut command = testbed(&chosen);
    command.args(["--profile", "tiny", "--seed", "42", "--format", "markdown", "--force", "--out"]);
    command.arg(OUT).assert().success().get_output().stdout.clone()
});

const OUT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/recorded-run");

fn testbed(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("testbed").unwrap();
    command.args(arguments).env_clear().env("COLUMNS", "100");
    command
}

fn directory() -> PathBuf {
    LazyLock::force(&PRINTED);
    PathBuf::from(OUT)
}

fn file(name: &str) -> Vec<u8> {
    fs::read(directory().join(name)).unwrap()
}

/// `testbed COMMAND RUN …`
fn on(command: &str, run: &Path, more: &[&str]) -> Assert {
    testbed(&[command]).arg(run).args(more).assert()
}

fn stdout(assert: Assert) -> Vec<u8> {
    assert.success().get_output().stdout.clone()
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// A record of its own: the run's events, changed.
fn changed(change: impl Fn(String) -> String) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("events.jsonl");
    fs::write(&path, change(String::from_utf8(file("events.jsonl")).unwrap())).unwrap();
    (home, path)
}

#[test]
fn a_replay_is_the_matrix_of_the_run_byte_for_byte() {
    assert!(stdout(on("replay", &directory(), &["--format", "json"])) == file("matrix.json"));
    assert!(
        stdout(on("replay", &directory().join("events.jsonl"), &["--format", "json"])) == file("matrix.json")
    );
    assert!(stdout(on("replay", &directory(), &["--format", "markdown"])) == file("report.md"));
    assert!(*PRINTED == file("report.md"), "`run --format markdown` prints the report");
    let text = stdout(on("replay", &directory(), &[]));
    assert!(text == stdout(on("report", &directory(), &[])));
    assert!(String::from_utf8(text).unwrap().contains("public-sniff"));
}

#[test]
fn every_format_of_a_report_is_what_the_run_wrote() {
    assert!(stdout(on("report", &directory(), &["-f", "json"])) == file("matrix.json"));
    assert!(stdout(on("report", &directory(), &["-f", "markdown"])) == file("report.md"));
    let hlog = stdout(on("report", &directory(), &["-f", "hlog", "-a", "plaintext"]));
    assert!(hlog == file("plaintext.hlog"));
    let hgrm = ["-f", "hgrm", "-a", "plaintext", "--operation", "login", "-o", "-"];
    assert!(stdout(on("report", &directory(), &hgrm)) == file("plaintext.login.hgrm"));
    let cells = stdout(on("report", &directory(), &["-f", "csv", "--table", "cells"]));
    let matrix: serde_json::Value = serde_json::from_slice(&file("matrix.json")).unwrap();
    let lines = String::from_utf8(cells).unwrap().lines().count();
    assert_eq!(lines, 1 + matrix["cells"].as_array().unwrap().len());
}

#[test]
fn several_files_go_to_a_directory_and_nothing_is_overwritten_unasked() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("curves");
    let out = out.to_str().unwrap();
    on("report", &directory(), &["-f", "hgrm", "-o", out]).success();
    let written = fs::read(Path::new(out).join("plaintext.login.hgrm")).unwrap();
    assert!(written == file("plaintext.login.hgrm"));
    assert!(Path::new(out).join("plaintext.all.hgrm").exists());
    let taken = on("report", &directory(), &["-f", "hgrm", "-o", out]).code(1);
    assert!(stderr(&taken).contains("exists already"), "{}", stderr(&taken));
    on("report", &directory(), &["-f", "hgrm", "-o", out, "--force"]).success();

    let single = home.path().join("matrix.json");
    on("report", &directory(), &["-f", "json", "-o", single.to_str().unwrap()]).success();
    assert!(fs::read(&single).unwrap() == file("matrix.json"));
    on("report", &directory(), &["-f", "json", "-o", single.to_str().unwrap()]).code(1);
}

#[test]
fn a_choice_that_chooses_nothing_is_refused_with_the_next_step() {
    let wrong: [(&[&str], &str); 6] = [
        (&["-f", "hgrm"], "`-o DIR` writes them all"),
        (&["-f", "csv"], "cells.csv, performance.csv"),
        (&["-f", "hgrm", "-a", "plaintxt"], "did you mean `plaintext`?"),
        (&["-f", "hgrm", "--operation", "logn"], "did you mean `login`?"),
        (&["-f", "hlog", "--phase", "attack"], "--phase does not choose anything of hlog"),
        (&["-f", "json", "--table", "cells"], "--table does not choose anything of json"),
    ];
    for (arguments, said) in wrong {
        let assert = on("report", &directory(), arguments).code(2);
        assert!(stderr(&assert).contains(said), "{arguments:?}: {}", stderr(&assert));
        assert!(assert.get_output().stdout.is_empty());
    }
}

#[test]
fn a_killed_run_is_shown_as_far_as_it_was_recorded_with_a_warning() {
    let (_home, cut) = changed(|text| text[..text.len() - 10].to_owned());
    let lines = String::from_utf8(file("events.jsonl")).unwrap().lines().count();
    let assert = on("replay", &cut, &[]).success();
    let warned = stderr(&assert);
    assert!(
        warned.contains(&format!("warning: {}:{lines}: the last line is cut off", cut.display())),
        "{warned}"
    );
    let printed = String::from_utf8(assert.get_output().stdout.clone()).unwrap();
    assert!(printed.contains("THE RECORD BREAKS OFF"), "{printed}");
}

#[test]
fn a_damaged_record_is_refused_by_file_and_line() {
    let (_home, damaged) =
        changed(|text| text.replacen("\"event\":\"launched\"", "\"event\":\"lunched\"", 1));
    let text = fs::read_to_string(&damaged).unwrap();
    let line = 1 + text.lines().position(|line| line.contains("lunched")).unwrap();
    for command in ["replay", "report"] {
        let assert = on(command, &damaged, &[]).code(2);
        let said = stderr(&assert);
        assert!(said.starts_with(&format!("error: {}:{line}:", damaged.display())), "{said}");
        assert!(assert.get_output().stdout.is_empty());
    }
}

#[test]
fn a_record_of_a_later_release_is_refused_clearly() {
    let (_home, later) = changed(|text| text.replacen("\"schema_version\":1", "\"schema_version\":2", 1));
    let assert = on("replay", &later, &[]).code(2);
    assert!(stderr(&assert).contains("version 2 of the events; this program reads version 1"));
}

#[test]
fn what_is_no_run_is_named() {
    let home = tempfile::tempdir().unwrap();
    for place in [home.path(), Path::new("no/such/run")] {
        let assert = on("replay", place, &[]).code(1);
        assert!(stderr(&assert).contains(&format!("there is no run at `{}`", place.display())));
    }
}

#[test]
fn every_requirement_is_listed_for_people_and_for_programs() {
    let text = String::from_utf8(stdout(testbed(&["list", "rows"]).assert())).unwrap();
    let json = stdout(testbed(&["list", "rows", "--format", "json"]).assert());
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), scenarios::rows::all().unwrap().len());
    for row in rows {
        let (id, claim) = (row["id"].as_str().unwrap(), row["claim"].as_str().unwrap());
        assert!(text.lines().any(|line| line == format!("{id:4} {claim}")), "{id}");
        let exercised = row["status"] != "not_exercised";
        assert_eq!(
            exercised,
            row["scenarios"].as_array().unwrap().len() + row["commands"].as_array().unwrap().len() > 0
        );
    }
}

/// A record may be anybody's, and what it names becomes names of files.
#[test]
fn a_forged_name_leads_to_no_file_outside_the_directory() {
    let (home, record) = changed(|events| events.replace("\"plaintext\"", "\"../plaintext\""));
    let out = home.path().join("out");
    let refused = on("report", &record, &["-f", "hlog", "-o", out.to_str().unwrap()]).failure().code(2);
    let said = stderr(&refused);
    assert!(said.contains("../plaintext.hlog") && said.contains("no file's name"), "{said}");
    assert!(!home.path().join("plaintext.hlog").exists() && !out.exists());
}
