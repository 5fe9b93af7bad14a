//! The programs as they are installed here: where, in which version, with which modules. Asked of the program
//! itself; nothing is remembered.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{EngineError, Unable, haproxy, nginx, sheet::Sheet};
use crate::architecture::Engine;

/// Where servers are kept that not everybody has on the path.
const ALSO: [&str; 3] = ["/usr/sbin", "/usr/local/sbin", "/sbin"];

/// An installed program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Which.
    pub engine: Engine,
    /// The first line it says about its version.
    pub version: String,
    path: PathBuf,
    stream: nginx::Stream,
}

/// The program of an engine, as found on this machine.
pub fn installed(engine: Engine) -> Result<Installed, EngineError> {
    let folders: Vec<PathBuf> = env::var_os("PATH").iter().flat_map(env::split_paths).collect();
    let folders = folders.iter().map(PathBuf::as_path).chain(ALSO.map(Path::new));
    let mut places = folders.map(|folder| folder.join(engine.word()));
    let path =
        places.find(|place| engine.is_foreign() && place.is_file()).ok_or(EngineError::Missing(engine))?;
    // nginx tells its modules where others tell their version.
    let words = said(Command::new(&path).arg(if engine == Engine::Nginx { "-V" } else { "-v" }));
    let version = words.lines().next().unwrap_or_default().trim().to_owned();
    Ok(Installed { engine, version, stream: stream(&words), path })
}

impl Installed {
    /// The file its configuration is written to, in a directory of its own.
    pub const FILE: &str = "engine.cfg";

    /// A sheet as this program reads it.
    pub fn configuration(&self, sheet: &Sheet) -> Result<String, Unable> {
        match self.engine {
            Engine::Haproxy => haproxy::configuration(sheet),
            Engine::Nginx => nginx::configuration(sheet, &self.stream),
            Engine::Builtin => Err(Unable("the built-in proxy reads no configuration".to_owned())),
        }
    }

    /// Checks its configuration in `directory`.
    pub(super) fn check(&self, directory: &Path) -> Command {
        match self.engine {
            Engine::Nginx => self.nginx(directory, &["-t"]),
            Engine::Haproxy | Engine::Builtin => self.command(directory, &["-c", "-f", Self::FILE]),
        }
    }

    /// Serves it in the foreground.
    pub(super) fn serve(&self, directory: &Path) -> Command {
        match self.engine {
            Engine::Nginx => self.nginx(directory, &[]),
            Engine::Haproxy | Engine::Builtin => self.command(directory, &["-db", "-f", Self::FILE]),
        }
    }

    fn nginx(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command(directory, &["-c", Self::FILE, "-e", "stderr", "-p"]);
        command.arg(directory).args(arguments);
        command
    }

    /// Nothing of our surroundings reaches it: variables can hand it sockets, or other configuration.
    fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
        command
    }
}

/// Everything a command says before it ends.
pub(super) fn said(command: &mut Command) -> String {
    let spoken = command.stdin(Stdio::null()).output();
    spoken.map_or_else(
        |error| error.to_string(),
        |output| {
            let [out, err] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
            format!("{out}{err}").trim().to_owned()
        },
    )
}

fn stream(words: &str) -> nginx::Stream {
    let option = |name: &str| words.split_whitespace().find_map(|word| word.strip_prefix(name));
    if words.split_whitespace().any(|word| word == "--with-stream") {
        return nginx::Stream::Within;
    }
    let module = option("--modules-path=").map(|folder| Path::new(folder).join("ngx_stream_module.so"));
    module.filter(|path| path.is_file()).map_or(nginx::Stream::Missing, nginx::Stream::Module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_proxy_is_no_program_and_stream_is_where_nginx_says() {
        assert!(matches!(installed(Engine::Builtin), Err(EngineError::Missing(_))));
        assert_eq!(stream("configure arguments: --with-stream --with-threads"), nginx::Stream::Within);
        assert_eq!(stream("--with-stream=dynamic --modules-path=/nowhere"), nginx::Stream::Missing);
        assert_eq!(stream("HAProxy version 2.6"), nginx::Stream::Missing);
    }
}
