//! `testbed up` as a child process, and commands that source its openrc.
// Each test binary uses a part of it.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest wait for the cloud: one that is stuck must fail the test, not hang it.
const STUCK: Duration = Duration::from_mins(1);

/// A cloud that is up; killed when a test fails before it was asked to end.
pub(crate) struct Cloud {
    child: Child,
    /// What was printed: `identity`, `compute`, `ca`, `openrc`.
    pub(crate) said: BTreeMap<String, String>,
}

impl Cloud {
    /// Starts it and waits for the line that says that everything is there.
    pub(crate) fn up(architecture: &str, out: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_testbed"))
            .args(["--quiet", "up", architecture, "--out"])
            .arg(out)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (send, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        // Ends with the child's stdout, or with the receiver.
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut cloud = Self { child, said: BTreeMap::new() };
        while !cloud.said.contains_key("openrc") {
            let line = lines.recv_timeout(STUCK).unwrap_or_else(|_| panic!("{architecture} is not up"));
            let (word, value) = line.split_once(' ').unwrap();
            cloud.said.insert(word.to_owned(), value.to_owned());
        }
        cloud
    }

    /// `scheme://localhost:PORT` of a service.
    pub(crate) fn url(&self, service: &str) -> &str {
        &self.said[service]
    }

    /// Its certificate authorities, where it speaks TLS.
    pub(crate) fn ca(&self) -> Option<PathBuf> {
        self.said.get("ca").map(PathBuf::from)
    }

    /// Runs a program in a shell that sourced the openrc, after `then`.
    pub(crate) fn with_openrc(&self, then: &str, program: &Path, arguments: &[&str]) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-euc", &format!(". \"$1\"; {then}\nshift; exec \"$@\""), "sh", &self.said["openrc"]]);
        shell.arg(program).args(arguments);
        // A login of whoever runs the tests, which the openrc has to get rid of.
        shell.env("OS_TOKEN", "old").env("OS_CLOUD", "production").env("HOME", "/nonexistent");
        shell.output().unwrap()
    }

    /// Ends it as a supervisor would.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        // Already gone when it was asked to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
