//! A proxy as a process on a processor of its own: ours, HAProxy or nginx, set up alike.
//!
//! It ends with the value that holds it.

use std::{
    env,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    backend::Backend,
    clock,
    configs::{self, Scene},
    pki::{BACK, FRONT, Failed, Files},
    works::{Behind, Mode},
};

/// How long one may take until it answers.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Ours,
    Haproxy,
    Nginx,
}

impl Who {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::Haproxy, Self::Nginx];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "testbed",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    /// Its program, if it is here.
    pub(crate) fn program(self) -> Option<PathBuf> {
        if self == Self::Ours {
            // Another build of it, to compare the two.
            let named = env::var_os("PEERS_TESTBED").map(PathBuf::from);
            return Some(named.unwrap_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_testbed"))));
        }
        let on_path = env::var_os("PATH").unwrap_or_default();
        // Services lie where the PATH of a user need not lead.
        let folders =
            env::split_paths(&on_path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
        folders.map(|folder| folder.join(self.name())).find(|candidate| candidate.is_file())
    }

    /// What it says it is.
    pub(crate) fn version(self) -> Option<String> {
        let program = self.program()?;
        let flag = match self {
            Self::Ours => "--version",
            Self::Haproxy => "-vv",
            Self::Nginx => "-V",
        };
        let output = Command::new(program).arg(flag).output().ok()?;
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let words: Vec<&str> = said.split_whitespace().collect();
        let numbered =
            |pair: &&[&str]| pair[0] == "OpenSSL" && pair[1].starts_with(|c: char| c.is_ascii_digit());
        let library = words.windows(2).find(numbered).map(|pair| pair[1]);
        let first = said.lines().next()?.trim().to_owned();
        Some(library.map_or(first.clone(), |library| format!("{first}, OpenSSL {library}")))
    }

    /// Can it do this at all? nginx passes through with a module that may be missing.
    pub(crate) fn can(self, mode: Mode) -> bool {
        self.program().is_some()
            && !(self == Self::Nginx && mode == Mode::PassThrough && configs::stream_module().is_none())
    }
}

pub(crate) struct Contender {
    child: Child,
    pub(crate) port: u16,
}

impl Contender {
    /// Starts one on the proxy's processor and waits until it listens. `around` is what runs it, such as valgrind.
    pub(crate) fn start(
        who: Who,
        files: &Files,
        backend: &Backend,
        (mode, behind): (Mode, Behind),
        (threads, around): (usize, &[&str]),
    ) -> Result<Self, Failed> {
        let program = who.program().ok_or("not installed")?;
        // Free a moment ago; outside programs cannot be handed a socket.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let scene = Scene { files, backend, mode, behind, port };
        let mut command = match around {
            [] => Command::new(&program),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(&program);
                command
            }
        };
        match who {
            Who::Ours => ours(&mut command, &scene, threads),
            Who::Haproxy => {
                let file = files.write("haproxy.cfg", &configs::haproxy(&scene))?;
                command.args(["-db", "-q", "-f"]).arg(file);
            }
            Who::Nginx => {
                let file = files.write("nginx.conf", &configs::nginx(&scene))?;
                command.arg("-p").arg(files.path("")).arg("-e").arg("stderr").arg("-c").arg(file);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut start = || command.spawn();
        let child = if around.is_empty() { clock::pinned(clock::PROXY, start) } else { start() }?;
        let mut contender = Self { child, port };
        contender.ready(who)?;
        Ok(contender)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end and waits until it has.
    pub(crate) fn end(mut self) -> Result<(), Failed> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    fn ready(&mut self, who: Who) -> Result<(), Failed> {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended at once: {status}", who.name()).into());
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{} does not listen", who.name()).into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        // Only one that was not ended in order is still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn ours(command: &mut Command, scene: &Scene<'_>, threads: usize) {
    let file = |name: &str| scene.files.path(name);
    let place = match scene.behind {
        Behind::Tcp => format!("127.0.0.1:{}", scene.backend.clear),
        Behind::Tls => format!("127.0.0.1:{}", scene.backend.tls),
        Behind::Unix => format!("unix:{}", shown(&file("app.sock"))),
    };
    command.args(["--quiet", "proxy", "--listen", &format!("127.0.0.1:{}", scene.port)]);
    command.args(["--threads", &threads.to_string()]);
    match scene.mode {
        Mode::PassThrough => {
            command.args(["--mode", "pass-through", "--sni", &format!("{FRONT}={place}")]);
        }
        mode => {
            command.args(["--mode", mode.name(), "--backend", &place]);
            command.arg("--cert").arg(file("cert.pem")).arg("--key").arg(file("key.pem"));
        }
    }
    if scene.mode == Mode::ReEncrypt {
        command.arg("--ca").arg(file("ca.pem")).args(["--backend-name", BACK]);
    }
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
