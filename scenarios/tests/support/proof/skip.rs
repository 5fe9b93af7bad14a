//! Foreign programs: whether they are there, and saying so loudly where they are not.

use std::{
    io::Write,
    process::{Command, Stdio},
};

/// True if every program answers `--version`. Else a line on stderr says what was skipped, past the harness,
/// which hides what a passing test prints.
pub(crate) fn installed(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !answers(program)).collect();
    for program in &missing {
        let line = format!("\nSKIPPED: {program} not installed\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    missing.is_empty()
}

fn answers(program: &str) -> bool {
    let probe = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}
