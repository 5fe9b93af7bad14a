//! A program that stands in a proxy's place, as a child of ours in a process group of its own.
//!
//! It is asked to end with SIGTERM and made to with SIGKILL, group and all, when its drain is over; it is reaped in
//! either case, and when this is dropped. Its words go into a file of its own directory and are read where something
//! went wrong.

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use proxies::registry::{EntryId, Registry, process_tree};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};
use tokio::time::Instant;

use super::{EngineError, Installed};

/// How long it may take to listen everywhere.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How often that is looked at, and later whether it is gone.
const LOOK: Duration = Duration::from_millis(5);
/// The file with everything it said.
const WORDS: &str = "words";
/// Bytes of its last words that are shown.
const LAST_WORDS: usize = 2_000;

/// A running program.
pub struct Running {
    label: String,
    installed: Installed,
    child: Child,
    registry: Registry,
    directory: PathBuf,
    drain: Duration,
    /// It was told to end.
    asked: bool,
    /// It was reaped.
    over: bool,
}

/// What a program is started with.
pub(crate) struct Start {
    /// `host/process`.
    pub(crate) label: String,
    /// Which program.
    pub(crate) installed: Installed,
    /// Where its configuration and files are, as its own user sees them.
    pub(crate) directory: PathBuf,
    /// User and group it runs as; `None` = ours.
    pub(crate) user: Option<u32>,
    /// How long its connections get when it is to end.
    pub(crate) drain: Duration,
}

impl Running {
    /// Has the program check its configuration and starts it. It does not listen yet.
    pub(crate) fn start(start: &Start, registry: &Registry) -> Result<Self, EngineError> {
        let Start { label, installed, directory, user, drain } = start;
        let engine = installed.engine;
        let failed = |source| EngineError::Start { process: label.clone(), engine, source };
        let mut check = installed.check(directory);
        let output = as_user(&mut check, *user).output().map_err(failed)?;
        if !output.status.success() {
            let [out, err] =
                [output.stdout, output.stderr].map(|words| String::from_utf8_lossy(&words).into_owned());
            let words = last(&format!("{out}{err}"));
            return Err(EngineError::Refused { process: label.clone(), engine, words });
        }
        let words = fs::File::create(directory.join(WORDS)).map_err(failed)?;
        let mut serve = installed.serve(directory);
        serve.stdout(words.try_clone().map_err(failed)?).stderr(words).stdin(Stdio::null()).process_group(0);
        let child = as_user(&mut serve, *user).spawn().map_err(failed)?;
        Ok(Self {
            label: label.clone(),
            installed: installed.clone(),
            child,
            registry: registry.clone(),
            directory: directory.clone(),
            drain: *drain,
            asked: false,
            over: false,
        })
    }

    /// Waits until it listens at all of `entries`, by the kernel's word.
    pub(crate) async fn ready(&mut self, entries: &[EntryId]) -> Result<(), EngineError> {
        let deadline = Instant::now() + READY_WITHIN;
        for entry in entries {
            while self.registry.confirm(*entry, self.pid()).is_err() {
                if self.ended() {
                    let status =
                        self.bury().map_or_else(|error| error.to_string(), |status| status.to_string());
                    return Err(self.not_ready(&format!("it ended with {status}")));
                }
                if Instant::now() > deadline {
                    return Err(self.not_ready(&format!("nothing within {READY_WITHIN:?}")));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// `host/process`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The program.
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its process and everything it started.
    pub fn tree(&self) -> Vec<u32> {
        process_tree(self.pid())
    }

    /// Asks it to end, without waiting.
    pub fn cancel(&mut self) {
        if let Some(pid) = self.process().filter(|_| !self.over && !self.asked && !self.ended()) {
            self.asked = true;
            // It may end by itself this instant, which is what was wanted.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Ends it and waits. One that had ended without being asked to is an error, with its last words.
    pub fn stop(mut self) -> io::Result<()> {
        self.finish()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.over {
            return Ok(());
        }
        if self.ended() && !self.asked {
            let status = self.bury()?;
            let (label, name, words) = (&self.label, self.installed.engine.name(), self.words());
            return Err(io::Error::other(format!("{label}: {name} ended by itself with {status}: {words}")));
        }
        self.cancel();
        let looks = self.drain.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            if self.ended() {
                break;
            }
            std::thread::sleep(LOOK);
        }
        self.bury().map(drop)
    }

    /// Is it a process no more, but for being reaped?
    fn ended(&self) -> bool {
        let Some(pid) = self.process() else { return true };
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(pid), look), Ok(None))
    }

    /// Kills what is left of its group and reaps it. Until that, its number is nobody else's.
    fn bury(&mut self) -> io::Result<ExitStatus> {
        self.over = true;
        self.registry.disown(self.pid());
        if let Some(pid) = self.process() {
            // A group of one that has ended cannot be killed, and need not be.
            let _ = kill_process_group(pid, Signal::KILL);
        }
        self.child.wait()
    }

    fn process(&self) -> Option<Pid> {
        i32::try_from(self.pid()).ok().and_then(Pid::from_raw)
    }

    fn not_ready(&self, what: &str) -> EngineError {
        let (process, engine) = (self.label.clone(), self.installed.engine);
        EngineError::NotReady { process, engine, words: format!("{what}. {}", self.words()) }
    }

    fn words(&self) -> String {
        last(&fs::read_to_string(self.directory.join(WORDS)).unwrap_or_default())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whoever wanted the outcome called `stop`.
        let _ = self.finish();
    }
}

fn as_user(command: &mut Command, user: Option<u32>) -> &mut Command {
    match user {
        Some(user) => command.uid(user).gid(user),
        None => command,
    }
}

fn last(words: &str) -> String {
    let words = words.trim();
    let from = words.char_indices().map(|(at, _)| at).find(|at| words.len() - at <= LAST_WORDS);
    words[from.unwrap_or(words.len())..].split_whitespace().collect::<Vec<_>>().join(" ")
}
