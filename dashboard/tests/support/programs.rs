//! Outside programs: by variable, else on PATH; what is absent is said past the test harness.

use std::{
    env,
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A program, or a line that says what was not tried without it.
pub(crate) fn found(variable: &str, name: &str) -> Option<PathBuf> {
    let on_path = || {
        env::split_paths(&env::var_os("PATH").unwrap_or_default())
            .map(|folder| folder.join(name))
            .find(|candidate| candidate.is_file())
    };
    let found = named(variable).or_else(on_path);
    if found.is_none() {
        skipped(&format!("no `{name}` on PATH and no {variable}: it was not tried"));
    }
    found
}

/// A program that only a variable names.
pub(crate) fn named(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env::var_os(variable)?);
    assert!(Path::new(&path).is_file(), "{variable} names no file");
    Some(path)
}

/// Says that something was not tried.
pub(crate) fn skipped(why: &str) {
    io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}
