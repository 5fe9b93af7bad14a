//! `testbed up ARCH --exec COMMAND`: what the command sees, what becomes of its exit code and of signals.
//!
//! Where the machine allows no mount namespace, the test of the names says so and passes.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

#[path = "support/programs.rs"]
mod programs;

const NO_NAMES: &str = "no private mount namespace here";

fn up(architecture: &str, options: &[&str], script: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
    command.arg("up").arg(architecture).args(options).args(["--exec", "sh", "-c", script]);
    command
}

fn lines(output: &Output) -> (Vec<String>, String) {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    (stdout.lines().map(str::to_owned).collect(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn the_command_sees_names_nobody_else_does_and_its_exit_code_counts() {
    let before = fs::read_to_string("/etc/hosts").unwrap();
    let script = "echo $OS_AUTH_URL; echo $OS_CACERT; cat /etc/hosts; exit 7";
    let output = up("proxy-in-front", &[], script).output().unwrap();
    let (said, progress) = lines(&output);
    if progress.contains(NO_NAMES) {
        return programs::skipped(&progress);
    }
    assert_eq!(output.status.code(), Some(7), "{progress}");
    assert!(said[0].starts_with("https://identity.cloud.invalid:"), "{said:?}");
    for name in ["identity", "compute"] {
        assert!(said.contains(&format!("127.0.0.1 {name}.cloud.invalid")), "{said:?}");
        assert!(progress.contains(&format!("{name} https://{name}.cloud.invalid:")), "{progress}");
    }
    assert!(said.iter().any(|line| line.starts_with("127.0.0.1") && line.contains("localhost")), "{said:?}");
    assert!(!Path::new(&said[1]).parent().unwrap().exists(), "what was written for the command is gone");
    assert_eq!(fs::read_to_string("/etc/hosts").unwrap(), before);
}

#[test]
fn without_a_namespace_it_says_so_and_goes_by_localhost() {
    let home = tempfile::tempdir().unwrap();
    let sh = programs::found("TESTBED_SH", "sh").unwrap();
    std::os::unix::fs::symlink(sh, home.path().join("sh")).unwrap();
    let lab = home.path().join("lab");
    let options = ["--quiet", "--out", lab.to_str().unwrap()];
    let output =
        up("proxy-in-front", &options, "echo $OS_AUTH_URL").env("PATH", home.path()).output().unwrap();
    let (said, progress) = lines(&output);
    assert!(said[0].starts_with("https://localhost:"), "{said:?} {progress}");
    assert!(progress.starts_with(NO_NAMES) && progress.lines().count() == 1, "{progress}");
    assert!(lab.join("openrc").exists() && !lab.join("hosts").exists(), "a directory one asked for stays");
}

#[test]
fn a_command_that_is_not_there_fails_as_in_a_shell() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_testbed"));
    let output =
        command.args(["--quiet", "up", "plaintext", "--exec", "no-such-command", "--quiet"]).output();
    assert_eq!(output.unwrap().status.code(), Some(127));
}

/// Starts one in a process group of its own, as a supervisor would, and waits until its command said `ready`.
fn ready(script: &str) -> (Child, impl Iterator<Item = String>) {
    let mut command = up("plaintext", &["--quiet"], script);
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(said.next().unwrap(), "ready");
    (child, said)
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

#[test]
fn signals_are_meant_for_the_command_which_may_take_its_time() {
    // Its standard input stays open as long as the child here lives.
    let waits = "exec 3<&0; cat <&3 & echo ready; wait; wait";
    let script = format!("trap 'echo hung up' HUP; trap 'echo asked; exit 9' INT; {waits}");
    let (mut child, mut said) = ready(&script);
    send(&child, Signal::HUP);
    assert_eq!(said.next().unwrap(), "hung up");
    send(&child, Signal::INT);
    assert_eq!(said.next().unwrap(), "asked");
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn a_command_that_a_signal_ended_is_said_as_a_shell_says_it() {
    let (mut child, _) = ready("echo ready; exec cat");
    // Dropping its input would end it, too; `wait` would drop it.
    let input = child.stdin.take();
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    drop(input);
}

#[test]
fn who_does_not_listen_is_killed_when_asked_again() {
    let (mut child, mut said) = ready("trap 'echo asked' TERM; exec 3<&0; cat <&3 & echo ready; wait; wait");
    let input = child.stdin.take();
    send(&child, Signal::TERM);
    assert_eq!(said.next().unwrap(), "asked");
    send(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 9));
    drop(input);
}
