//! The child: makes sure who its parent is, becomes somebody without rights, and opens what it is told to.
//!
//! It starts no task and no thread, and ends when the parent hangs up. Whatever it opened is closed as soon as
//! it was handed over.

use std::{
    fs::{self, File},
    io,
    net::SocketAddrV4,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    unistd::{Gid, Uid, setgroups, setresgid, setresuid},
};
use rustix::{net::sockopt::socket_peercred, process::getppid};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Asked, DEADLINE, Order, Outcome, Told, is_below, link};
use crate::transport::tcp::socket_from;

/// Why a process that was told to be a child is none.
#[derive(Debug, thiserror::Error)]
pub enum NotAChild {
    /// Its standard input is no socket at all.
    #[error("this is what a run starts by itself; by hand it does nothing")]
    ByHand,
    /// Somebody else than its parent is at the other end.
    #[error("whoever talks to this process did not start it")]
    NotTheParent,
    /// Its parent is some other program.
    #[error("this process was started by another program")]
    OtherProgram,
    /// The link to the parent broke.
    #[error("the parent cannot be heard: {0}")]
    Link(#[from] io::Error),
}

/// Obeys the parent until it hangs up.
pub fn obey_parent() -> Result<(), NotAChild> {
    let stdin = io::stdin();
    let link = stdin.as_fd();
    is_parent_ours(link)?;
    let mut person = None;
    while let Some((Asked { number, order }, _)) = link::receive(link)? {
        let (outcome, opened) = match carry_out(order, &mut person) {
            Ok(opened) => (Outcome::Done, opened),
            Err(Failure::Kernel(error)) => (outcome(&error), None),
            Err(Failure::NotObeyed(why)) => (Outcome::NotObeyed(why.to_owned()), None),
        };
        link::send(link, &Told { number, outcome }, opened.as_ref().map(AsFd::as_fd))?;
    }
    Ok(())
}

/// Before it becomes anybody: a user without rights could not look at its parent any more.
fn is_parent_ours(link: BorrowedFd<'_>) -> Result<(), NotAChild> {
    let other_end = socket_peercred(link).map_err(|_| NotAChild::ByHand)?.pid;
    if getppid() != Some(other_end) {
        return Err(NotAChild::NotTheParent);
    }
    let program = |of: &str| fs::metadata(format!("/proc/{of}/exe")).map(|file| (file.dev(), file.ino()));
    let parents = program(&other_end.as_raw_nonzero().to_string()).map_err(|_| NotAChild::OtherProgram)?;
    if parents != program("self")? {
        return Err(NotAChild::OtherProgram);
    }
    Ok(())
}

enum Failure {
    Kernel(io::Error),
    NotObeyed(&'static str),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Kernel(error)
    }
}

/// `person` is the directory everything must lie below, once it has become somebody.
fn carry_out(order: Order, person: &mut Option<PathBuf>) -> Result<Option<OwnedFd>, Failure> {
    let below = |path: &Path| match person.as_deref() {
        Some(directory) if is_below(directory, path) => Ok(()),
        _ => Err(Failure::NotObeyed("that path is not below the directory of the run")),
    };
    match order {
        Order::Become { user, directory } => {
            if person.is_some() || user == 0 {
                return Err(Failure::NotObeyed("one becomes somebody once, and nobody becomes root"));
            }
            become_user(user)?;
            *person = Some(directory);
            Ok(None)
        }
        _ if person.is_none() => Err(Failure::NotObeyed("nothing is opened with the rights of the parent")),
        Order::Dial { from, to } => {
            if !from.ip().is_loopback() || !to.ip().is_loopback() {
                return Err(Failure::NotObeyed("that address is not a loopback one"));
            }
            Ok(Some(dial(from, to)?))
        }
        Order::Connect { path } => {
            below(&path)?;
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
            socket.connect_timeout(&SockAddr::unix(path)?, DEADLINE)?;
            Ok(Some(socket.into()))
        }
        Order::Open { path } => {
            below(&path)?;
            Ok(Some(File::open(path)?.into()))
        }
    }
}

/// For every thread of this process, and for good: no group but its own, no capability, no way back.
fn become_user(user: u32) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    setgroups(&[])?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    Ok(())
}

fn dial(from: SocketAddrV4, to: SocketAddrV4) -> io::Result<OwnedFd> {
    let socket = socket_from(*from.ip())?;
    socket.connect_timeout(&to.into(), DEADLINE)?;
    Ok(socket.into())
}

fn outcome(error: &io::Error) -> Outcome {
    match (error.raw_os_error(), error.kind()) {
        (Some(errno), _) => Outcome::Errno(errno),
        (None, io::ErrorKind::TimedOut) => Outcome::Errno(Errno::ETIMEDOUT as i32),
        (None, _) => Outcome::NotObeyed(error.to_string()),
    }
}
