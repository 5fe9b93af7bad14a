//! The binary from outside: help, exit codes, streams.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;

fn testbed(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("testbed").unwrap();
    command.args(arguments).env_clear().env("COLUMNS", "100");
    command
}

fn stdout(arguments: &[&str]) -> String {
    String::from_utf8(testbed(arguments).assert().success().get_output().stdout.clone()).unwrap()
}

#[test]
fn help_of_every_command() {
    for command in ["", "compare", "run", "replay", "report", "list", "check", "up", "proxy"] {
        let arguments: Vec<&str> = [command, "-h"].into_iter().filter(|word| !word.is_empty()).collect();
        insta::assert_snapshot!(format!("help_{command}"), stdout(&arguments));
    }
}

#[test]
fn keys_and_themes_are_listed_from_the_tables_the_dashboard_uses() {
    insta::assert_snapshot!("list_keys", stdout(&["list", "keys"]));
    insta::assert_snapshot!("list_themes", stdout(&["list", "themes"]));
}

#[test]
fn everything_shipped_is_listed_with_a_line_for_people() {
    let listed = stdout(&["list"]);
    for expected in ["plaintext", "management-sniff", "sniff-and-replay", "T1040"] {
        assert!(listed.contains(expected), "{expected} in {listed}");
    }
    for line in stdout(&["list", "scenarios"]).lines() {
        assert!(line.split_once("  ").is_some_and(|(_, title)| !title.trim().is_empty()), "{line}");
    }
}

#[test]
fn every_file_is_checked_for_what_it_is_and_all_errors_come_at_once() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let shipped = testbed::architecture::source("plaintext").unwrap();
    let good = write("good.toml", shipped);
    let scenario = write("scenario.toml", scenarios::catalog::source("public-sniff").unwrap());
    let said = stdout(&["check", &good, &scenario]);
    assert!(said.contains("good.toml: architecture `plaintext`"), "{said}");
    assert!(said.contains("scenario.toml: scenario `public-sniff`"), "{said}");

    let wrong = shipped.replace("\"users\"", "\"user\"").replace("\"management\"", "\"managment\"");
    let wrong = write("wrong.toml", &wrong);
    let assert = testbed(&["check", &wrong, &good]).assert().code(2);
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    for expected in ["did you mean `users`?", "did you mean `management`?", "wrong.toml:"] {
        assert!(stderr.contains(expected), "{expected} in {stderr}");
    }
    assert!(String::from_utf8_lossy(&assert.get_output().stdout).contains("good.toml: architecture"));
}

#[test]
fn an_architecture_that_does_not_exist_is_never_up() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("lab");
    let assert = testbed(&["up", "plaintxt", "--out", out.to_str().unwrap()]).assert().code(2);
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains("did you mean `plaintext`?"), "{stderr}");
    assert!(!out.exists());
}

#[test]
fn a_directory_that_is_taken_or_forbidden_is_named() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("thesis"), "years").unwrap();
    let taken = home.path().to_str().unwrap();
    for (out, code) in [(taken, 2), ("/proc/lab", 1)] {
        let assert = testbed(&["up", "plaintext", "--out", out]).assert().code(code);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.starts_with("error: ") && stderr.contains(out), "{stderr}");
        assert!(assert.get_output().stdout.is_empty());
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_says_so_on_stderr() {
    let wrong: [&[&str]; 5] = [
        &["compare", "--seed", "many"],
        &["compare", "--profile", "huge"],
        &["run"],
        &["check"],
        &["--quiet", "--verbose"],
    ];
    for arguments in wrong {
        let assert = testbed(arguments).assert().code(2);
        assert!(assert.get_output().stdout.is_empty(), "{arguments:?}");
        assert!(!assert.get_output().stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_variable_sets_what_a_flag_would() {
    testbed(&["list", "themes"]).env("TESTBED_THEME", "mono").assert().success();
    let assert = testbed(&["list", "themes"]).env("TESTBED_THEME", "neon").assert().code(2);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("neon"));
    testbed(&["--theme", "dark", "list", "themes"]).env("TESTBED_THEME", "mono").assert().success();
}

/// The child that a run starts cannot be used by hand, whatever it is told.
#[test]
fn by_hand_the_neighbour_does_nothing_and_takes_no_word() {
    let assert = testbed(&["neighbour"]).write_stdin("{\"number\":1}").assert().code(2);
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains("by hand it does nothing"), "{stderr}");
    assert!(assert.get_output().stdout.is_empty());
    for word in ["127.0.0.1:5000", "/etc/passwd", "--path=/etc/passwd"] {
        testbed(&["neighbour", word]).assert().code(2);
    }
    assert!(!stdout(&["--help"]).contains("neighbour"), "it is nobody's to start");
}

/// This very program is the child of its own runs.
#[test]
fn a_run_starts_itself_as_a_neighbour() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("run");
    let words = ["run", "neighbour-key", "--arch", "separate-environments", "--profile", "tiny"];
    let written = ["--format", "json", "--out", out.to_str().unwrap()];
    let matrix = stdout(&[&words[..], &written[..]].concat());
    let matrix: serde_json::Value = serde_json::from_str(&matrix).unwrap();
    let cell = &matrix["cells"][0];
    println!("{cell}");
    // Without root there is nobody else to become, and the cell says so.
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    assert_eq!(cell["verdict"], if root { "held" } else { "not_exercised" });
}

#[test]
fn nothing_is_coloured_in_a_pipe() {
    assert!(!stdout(&["--help"]).contains('\u{1b}'));
    assert!(!stdout(&["list", "keys"]).contains('\u{1b}'));
}
