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
    for command in ["", "compare", "run", "list", "check", "up"] {
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

#[test]
fn nothing_is_coloured_in_a_pipe() {
    assert!(!stdout(&["--help"]).contains('\u{1b}'));
    assert!(!stdout(&["list", "keys"]).contains('\u{1b}'));
}
