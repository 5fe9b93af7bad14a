//! Looks at the machine and the terminal. Whatever cannot be found out is a fact, too: nothing here fails.
//!
//! One child process is started, to see whether a namespace can be made; it is awaited.

use std::{
    ffi::OsStr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    thread,
};

use rustix::process::{Resource, geteuid, getrlimit};
use scenarios::runner;
use testbed::machine;

use super::{Facts, Program, Terminal};
use crate::face::Terminals;

const PROGRAMS: [Program; 7] = [
    Program { name: "tshark", purpose: "to read captures, and to have them checked by the tests" },
    Program { name: "openstack", purpose: "to use what `up` keeps up" },
    Program { name: "curl", purpose: "to call what `up` keeps up" },
    Program { name: "openssl", purpose: "to look at certificates of what `up` keeps up" },
    Program { name: "strace", purpose: "to have tests prove that no packet leaves this machine" },
    Program { name: "haproxy", purpose: "to compare with a load balancer of the trade" },
    Program { name: "dot", purpose: "(Graphviz) to draw what `graph --format dot` prints" },
];

/// Looks.
pub fn facts() -> Facts {
    let limit = getrlimit(Resource::Nofile);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let drawn = machine::drawn_ports();
    Facts {
        descriptors: limit.current,
        descriptors_most: limit.maximum,
        flood_needs: runner::FLOOD_DESCRIPTORS,
        loopback: machine::loopback(),
        ephemeral: machine::ephemeral_ports().map(|range| (range.start, range.end - 1)),
        drawn: (u32::from(drawn.start), u32::from(drawn.end) - 1),
        namespaces: namespaces(),
        root: geteuid().is_root(),
        processors: thread::available_parallelism().map_or(1, usize::from),
        terminal: terminal(),
        programs: PROGRAMS.map(|program| (program, find(program.name, &path))).to_vec(),
    }
}

fn terminal() -> Terminal {
    let Terminals { stdin, stdout } = Terminals::read();
    let read = |name| std::env::var(name).unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(read).into_iter().find(|value| !value.is_empty());
    Terminal {
        there: stdin && stdout,
        size: crossterm::terminal::size().ok().filter(|(columns, rows)| *columns > 0 && *rows > 0),
        kind: read("TERM"),
        colours: read("COLORTERM"),
        locale: locale.unwrap_or_default(),
    }
}

/// Asks a child process to make one: this process has threads, and could not leave it again.
fn namespaces() -> Result<(), String> {
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "true"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot try, `unshare` does not start: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(crate::output::plain(said.lines().next().unwrap_or("refused without a word")))
}

/// Where a program is, as a shell would find it.
fn find(name: &str, path: &OsStr) -> Option<String> {
    let runs = |file: &Path| {
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    let mut files = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    let found = files.find_map(|folder| Some(folder.join(name)).filter(|file| runs(file)))?;
    Some(crate::output::plain(&found.display().to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_program_is_an_executable_file_on_the_path() {
        let home = tempfile::tempdir().unwrap();
        let folders = ["empty", "data", "bin"].map(|name| home.path().join(name));
        for folder in &folders {
            fs::create_dir(folder).unwrap();
        }
        fs::write(folders[1].join("tshark"), "no program").unwrap();
        let path = std::env::join_paths(&folders).unwrap();
        assert_eq!(find("tshark", &path), None);
        let program = folders[2].join("tshark");
        fs::write(&program, "").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find("tshark", &path), Some(program.display().to_string()));
    }

    #[test]
    fn this_machine_is_looked_at() {
        let facts = facts();
        assert_eq!(facts.programs.len(), PROGRAMS.len());
        assert!(facts.processors > 0 && facts.drawn.0 < facts.drawn.1);
        assert!(facts.loopback.is_ok(), "{:?}", facts.loopback);
    }
}
