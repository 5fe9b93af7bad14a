//! Another user of the same machine: a child process under a user id of its own, which tries what that user may
//! try. What it gets is the kernel's answer, not a model's.
//!
//! ```text
//!   parent                               child (same program, started by us)
//!   Neighbour::start ── socketpair ──▶ is it my parent, and my own program? then: become uid, drop all else
//!   connect(entry)   ── order ───────▶ socket(), connect()   ◀── errno, or the connected socket itself
//!   open(path)       ── order ───────▶ open()                ◀── errno, or the open file itself
//! ```
//!
//! The child only opens; what it opened is handed over, so that the parent sees both ends of the very socket
//! the kernel gave that user, announces it, and speaks over it. Permission to connect and to read is decided
//! when it is opened, by the child's credentials, and the far side of a Unix socket sees those.
//!
//! It cannot be aimed: a child obeys nobody but a parent that is its own program, a parent names registry
//! entries and files below its own directory, and an order outside the loopback range or that directory is not
//! carried out. One child serves one order at a time; it ends when its [`Neighbour`] is dropped, or with its
//! parent.

mod child;
mod link;
mod parent;

use std::{
    ffi::OsString,
    net::SocketAddrV4,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::{
    child::{NotAChild, obey_parent},
    parent::Neighbour,
};

/// How the child is started: a program that calls [`obey_parent`] and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// Our own program.
    pub program: PathBuf,
    /// What makes it the child.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: Vec<(OsString, OsString)>,
}

/// How long the child gives a connection; the parent gives it twice as long to answer at all.
const DEADLINE: Duration = Duration::from_secs(2);

/// What the parent asks, numbered so that a late answer is not taken for the next one's.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    number: u64,
    order: Order,
}

/// What a child can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Order {
    /// Become this user (and the group of the same number) for good; it comes first, and once.
    Become { user: u32, directory: PathBuf },
    /// Connect to a listener of the run.
    Dial { from: SocketAddrV4, to: SocketAddrV4 },
    /// Connect to a Unix socket below the directory.
    Connect { path: PathBuf },
    /// Open a file below the directory for reading.
    Open { path: PathBuf },
}

/// What became of it; whatever was opened travels beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Outcome {
    /// Done.
    Done,
    /// The kernel said no.
    Errno(i32),
    /// Not one of the orders a child carries out.
    NotObeyed(String),
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Told {
    number: u64,
    outcome: Outcome,
}

/// Is this a path below `directory`, without a way out of it?
fn is_below(directory: &Path, path: &Path) -> bool {
    let steps = path.strip_prefix(directory);
    steps.is_ok_and(|steps| {
        let mut steps = steps.components().peekable();
        steps.peek().is_some() && steps.all(|step| matches!(step, std::path::Component::Normal(_)))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
