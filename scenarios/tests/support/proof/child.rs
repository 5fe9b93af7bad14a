//! One test of this very binary as a process of its own: alone, in an empty directory, with an empty place for
//! temporary files.

use std::{
    env,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

/// Set for the child, so that it does the work its parent asked for.
const ROLE: &str = "TESTBED_PROOF_CHILD";

/// True in the process that [`Nest::alone`] started.
pub(crate) fn is_child() -> bool {
    env::var_os(ROLE).is_some()
}

/// Where the child works and puts what is temporary.
pub(crate) struct Nest {
    work: TempDir,
    temporary: TempDir,
}

impl Nest {
    pub(crate) fn new() -> Self {
        Self { work: tempfile::tempdir().unwrap(), temporary: tempfile::tempdir().unwrap() }
    }

    /// Runs `test` of this binary; `under` may name a program and arguments to run it with.
    pub(crate) fn alone(&self, test: &str, under: &[&str]) -> Output {
        let this = env::current_exe().unwrap();
        let mut words = under.iter().copied().chain([this.to_str().unwrap()]);
        Command::new(words.next().unwrap())
            .args(words)
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .current_dir(self.work.path())
            .env("TMPDIR", self.temporary.path())
            .env(ROLE, "1")
            .output()
            .unwrap()
    }

    /// Where the child puts what is temporary.
    #[allow(dead_code, reason = "not every test looks there while the child works")]
    pub(crate) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// Files and directories the child left behind.
    pub(crate) fn left(&self) -> Vec<String> {
        let names = |path: &Path| {
            let entries = std::fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        [names(self.work.path()), names(self.temporary.path())].concat()
    }
}
