//! Where a command runs: with names of its own, or as everyone else on this machine.
//!
//! Names need a private `/etc/hosts`. Mounting is `unsafe` to do between fork and exec, so that is left to
//! util-linux and a shell; each is replaced by the next, and the process that was started is the command.

use std::{
    ffi::OsString,
    path::Path,
    process::{Command, Stdio},
};

use rustix::process::geteuid;

/// Ways into a mount namespace of one's own. The first one needs root and leaves the command who it was.
const AS_ROOT: &[&str] = &["--mount", "--propagation", "private"];
const AS_ANYONE: &[&str] = &["--user", "--map-root-user", "--mount", "--propagation", "private"];

/// Tried beforehand, with a file that is there.
const TRIAL: &str = "mount --bind /etc/hosts /etc/hosts";
/// `HOSTS OPENRC COMMAND…`
const WITH_NAMES: &str = r#"mount --bind "$1" /etc/hosts || exit; . "$2" || exit; shift 2; exec "$@""#;
/// `OPENRC COMMAND…`
const AS_LOCALHOST: &str = r#". "$1" || exit; shift; exec "$@""#;

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// In a mount namespace, entered with these words of `unshare`.
    Names(&'static [&'static str]),
    /// Here.
    Localhost,
}

impl Stage {
    /// The best this machine allows.
    pub fn find() -> Self {
        let ways: &[&'static [&'static str]] =
            if geteuid().is_root() { &[AS_ROOT, AS_ANYONE] } else { &[AS_ANYONE] };
        ways.iter().find(|way| works(way)).map_or(Self::Localhost, |way| Self::Names(way))
    }

    /// Will a command see the names?
    pub fn has_names(self) -> bool {
        matches!(self, Self::Names(_))
    }

    /// The command with its login, and with `hosts` as its own, if there is a file.
    pub fn command(self, hosts: Option<&Path>, openrc: &Path, words: &[OsString]) -> Command {
        let mut command = if let (Self::Names(way), Some(hosts)) = (self, hosts) {
            let mut command = unshare(way, WITH_NAMES);
            command.arg(hosts);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", AS_LOCALHOST, "sh"]);
            command
        };
        command.arg(openrc).args(words);
        command
    }
}

fn works(way: &[&str]) -> bool {
    let mut trial = unshare(way, TRIAL);
    trial.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    trial.status().is_ok_and(|status| status.success())
}

fn unshare(way: &[&str], script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(way).args(["sh", "-c", script, "sh"]);
    command
}
