//! The door between the faces and whatever runs a comparison: two small traits and their plain values.
//!
//! It names no host, port or URL: a request says which architectures and scenarios, never where.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
};

use scenarios::{event::Stamped, snapshot::Snapshot};

use crate::{cli::compare::Format, exit::Failure};

/// How much a run measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Fixed request counts, no floods: for tests
    Tiny,
    /// For people
    #[default]
    Default,
    /// For publication
    Long,
}

impl Profile {
    /// The word as in `RunStarted`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Default => "default",
            Self::Long => "long",
        }
    }
}

/// Which program stands in every proxy's place
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stand {
    /// Our own
    Builtin,
    /// `HAProxy`, as installed
    #[value(help = "HAProxy, as installed")]
    Haproxy,
    /// nginx, as installed
    Nginx,
}

/// What to compare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Names or files of architectures; empty = all shipped ones.
    pub architectures: Vec<String>,
    /// Scenario ids; empty = all.
    pub scenarios: Vec<String>,
    /// Seed of everything drawn; `None` = drawn and printed.
    pub seed: Option<u64>,
    /// How much is measured.
    pub profile: Profile,
    /// Where the run directory goes; `None` = `runs/<utc>-<scenario>-<seed>/`.
    pub out: Option<PathBuf>,
    /// May an existing directory be overwritten?
    pub force: bool,
    /// Where the key log goes, if it is wanted.
    pub keylog: Option<PathBuf>,
    /// Leave floods out.
    pub skip_floods: bool,
    /// Which program stands in every proxy's place; `None` = what the files say.
    pub engine: Option<Stand>,
}

/// Control that comes down while a run goes on. Every call returns at once.
pub trait Controls: Send + Sync {
    /// Holds the run before its next step, or lets it go on.
    fn pause(&self, paused: bool);
    /// Ends the current step; what it measured so far is marked.
    fn skip(&self);
    /// Ends all attack traffic of the current step.
    fn stop_attack(&self);
    /// Ends the run: traffic stops, what is finished is written, `RunEnded` follows.
    fn stop(&self);
}

/// A run that was started.
pub struct Session {
    /// Its facts in order. The sender hangs up when `RunEnded` was sent and every file is written;
    /// hanging up without `RunEnded` means that the run broke.
    pub events: Receiver<Stamped>,
    /// Its controls.
    pub controls: Arc<dyn Controls>,
}

/// Runs comparisons.
pub trait Engine {
    /// Starts a comparison on threads of its own and returns at once.
    fn start(&self, request: &Request) -> Result<Session, Failure>;
    /// The result of the run that was started last and is over: for people, or the content of `matrix.json`.
    fn result(&self, snapshot: &Snapshot, format: Format) -> Result<String, Failure>;
    /// Where that run wrote its files.
    fn directory(&self) -> Option<&Path>;
}

/// What `list` can name besides keys and themes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Shipped architectures.
    Architectures,
    /// Shipped scenarios.
    Scenarios,
    /// Techniques with their ATT&CK ids.
    Techniques,
}

/// A line of `list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name or id.
    pub name: String,
    /// One line.
    pub title: String,
}

/// What to keep up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpRequest {
    /// Name or file of the architecture.
    pub architecture: String,
    /// Where `openrc` and `ca.pem` go.
    pub out: PathBuf,
    /// May existing files be overwritten?
    pub force: bool,
    /// Will its clients see the file `hosts` as theirs, so that it goes by names?
    pub named: bool,
}

/// An architecture that is up. Dropping it takes it down.
pub trait Standing {
    /// Lines for people: `identity https://localhost:PORT`, files written.
    fn endpoints(&self) -> Vec<String>;
    /// The file a shell sources to log in.
    fn openrc(&self) -> PathBuf;
    /// What its clients must see as `/etc/hosts`, where it goes by names.
    fn hosts(&self) -> Option<PathBuf>;
    /// Takes it down; returns when every thread and socket is gone.
    fn down(self: Box<Self>) -> Result<(), Failure>;
}

/// Everything on the shelf that is no comparison.
pub trait Shelf {
    /// Names and titles.
    fn list(&self, topic: Topic) -> Result<Vec<Entry>, Failure>;
    /// Checks an architecture or scenario file; `Ok` says in one line what it is.
    fn check(&self, file: &Path) -> Result<String, Failure>;
    /// Launches an architecture and keeps it up.
    fn up(&self, request: &UpRequest) -> Result<Box<dyn Standing>, Failure>;
}
