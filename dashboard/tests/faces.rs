//! `graph`, `schema`, `init`, `doctor`, `completions` and `man` from outside.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    path::Path,
    process::{Command as Program, Stdio},
};

use assert_cmd::Command;
use clap::CommandFactory;
use serde_json::Value;

fn testbed(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("testbed").unwrap();
    command.args(arguments).env_clear().env("COLUMNS", "100");
    command
}

fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(testbed(arguments).assert().success().get_output().stdout.clone()).unwrap()
}

fn stderr(command: &mut Command, code: i32) -> String {
    String::from_utf8(command.assert().code(code).get_output().stderr.clone()).unwrap()
}

fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(arguments)).unwrap()
}

#[test]
fn help_of_every_command() {
    for command in ["graph", "schema", "init", "doctor", "completions", "man"] {
        insta::assert_snapshot!(format!("help_{command}"), stdout(&[command, "-h"]));
    }
}

#[test]
fn a_graph_comes_in_every_form_and_ascii_wins_over_unicode() {
    let unicode = stdout(&["graph", "proxy-in-front"]);
    assert!(unicode.contains("══ TLS public ══> edge/tls-proxy"), "{unicode}");
    assert!(unicode.contains("-- clear --> api-1/identity"), "{unicode}");
    let ascii = stdout(&["graph", "proxy-in-front", "--format", "ascii"]);
    assert!(ascii.is_ascii() && ascii.contains("== TLS public ==> edge/tls-proxy"), "{ascii}");
    assert_eq!(stdout(&["graph", "proxy-in-front", "--ascii"]), ascii);
    assert!(stdout(&["graph", "proxy-in-front", "--format", "mermaid"]).starts_with("flowchart LR\n"));
    assert!(
        stdout(&["graph", "proxy-in-front", "--format", "dot"]).starts_with("digraph \"proxy-in-front\" {\n")
    );
    assert_eq!(json(&["graph", "proxy-in-front", "--format", "json"])["architecture"], "proxy-in-front");
    let wrong = stderr(&mut testbed(&["graph", "proxy-in-frnt"]), 2);
    assert!(wrong.contains("did you mean `proxy-in-front`?"), "{wrong}");
}

#[test]
fn every_schema_is_one_and_what_is_printed_is_valid() {
    for what in ["architecture", "scenario", "matrix", "events", "graph", "doctor"] {
        let schema = json(&["schema", what]);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{what}");
        jsonschema::draft202012::meta::validate(&schema).unwrap();
    }
    let valid = |what: &str, printed: &Value| {
        let schema = jsonschema::draft202012::new(&json(&["schema", what])).unwrap();
        let errors: Vec<String> = schema.iter_errors(printed).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{what}");
    };
    valid("graph", &json(&["graph", "plaintext", "--format", "json"]));
    valid("doctor", &json(&["doctor", "--format", "json"]));
}

#[test]
fn what_init_writes_is_right_runs_and_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let inside = |arguments: &[&str]| {
        let mut command = testbed(arguments);
        command.current_dir(home.path());
        command
    };
    let first = inside(&["init"]).assert().success();
    assert_eq!(String::from_utf8_lossy(&first.get_output().stdout), "./my-cloud.toml\n./my-sniff.toml\n");
    let next = String::from_utf8_lossy(&first.get_output().stderr).into_owned();

    // The next steps are run exactly as they are printed.
    let steps: Vec<&str> =
        next.lines().filter_map(|line| line.split_once("testbed ")).map(|(_, step)| step).collect();
    assert_eq!(steps.len(), 2, "{next}");
    for step in steps {
        let assert = inside(&step.split_whitespace().collect::<Vec<_>>()).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stdout).into_owned();
        assert!(said.contains("my-cloud") && said.contains("my-sniff"), "{step}: {said}");
    }

    fs::write(home.path().join("my-cloud.toml"), "# mine now\n").unwrap();
    let refused = stderr(&mut inside(&["init"]), 2);
    assert!(refused.contains("my-cloud.toml` exists already") && refused.contains("--force"), "{refused}");
    assert_eq!(fs::read_to_string(home.path().join("my-cloud.toml")).unwrap(), "# mine now\n");
    inside(&["init", "--force"]).assert().success();
    inside(&["check", "my-cloud.toml", "my-sniff.toml"]).assert().success();
}

#[test]
fn doctor_says_the_same_in_both_forms_and_needs_no_terminal() {
    let text = stdout(&["doctor"]);
    let json = json(&["doctor", "--format", "json"]);
    assert_eq!(json["usable"], true, "tests run here");
    for check in json["checks"].as_array().unwrap() {
        let (name, state) = (check["name"].as_str().unwrap(), check["state"].as_str().unwrap());
        let line = text.lines().find(|line| line[9.min(line.len())..].starts_with(name)).unwrap();
        assert!(line.starts_with(state), "{line}");
    }
    let terminal =
        json["checks"].as_array().unwrap().iter().find(|check| check["name"] == "terminal").unwrap();
    assert_eq!(terminal["state"], "note", "a pipe is no terminal, and that is no problem");
}

/// `sh -c 'ulimit -n …'` makes the machine a worse one.
#[test]
fn doctor_ends_with_1_where_nothing_could_run() {
    let binary = assert_cmd::cargo::cargo_bin("testbed");
    let limited = |limit: &str| {
        let script = format!("ulimit -n {limit} && exec \"$0\" doctor");
        let output = Program::new("sh").arg("-c").arg(script).arg(&binary).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = limited("100");
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("problem  descriptors") && text.contains("Something essential is missing."),
        "{text}"
    );
    let (code, text) = limited("500");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("note     descriptors"), "{text}");
}

#[test]
fn shells_get_completions_that_know_every_command() {
    let commands: Vec<String> = dashboard::cli::Cli::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = stdout(&["completions", shell]);
        for command in &commands {
            assert!(script.contains(command.as_str()), "{command} in {shell}");
        }
    }
    stderr(&mut testbed(&["completions", "csh"]), 2);
    let bash = Program::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut bash) = bash else {
        eprintln!("SKIPPED: no `bash` on this machine to read the script");
        return;
    };
    let script = stdout(&["completions", "bash"]);
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), script.as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let page = stdout(&["man"]);
    assert!(page.contains(".TH testbed 1") && page.contains("Exit codes"), "{page}");
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("share/man1");
    testbed(&["man", "--out", out.to_str().unwrap()]).assert().success();
    assert_eq!(fs::read_to_string(out.join("testbed.1")).unwrap(), page);
    for command in dashboard::cli::Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        let page = fs::read_to_string(out.join(format!("testbed-{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH testbed-{name} 1")), "{page}");
        assert!(page.contains("Examples:"), "{name}");
    }
    let refused = stderr(&mut testbed(&["man", "--out", "/proc/man1"]), 1);
    assert!(refused.contains("/proc/man1"), "{refused}");
    assert!(!Path::new("/proc/man1").exists());
}
