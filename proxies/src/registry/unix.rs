//! Unix sockets of a run: files with a mode and an owner, and whose processes may connect.
//!
//! Mode and owner are set before the socket listens, so that nobody slips in between. The registry never
//! removes the file: the directory it lies in belongs to somebody else and goes as a whole.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::{
        fs::{PermissionsExt, lchown},
        net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use socket2::{Domain, SockAddr, Socket, Type};

use super::{Announcements, Entry, EntryId, Registry, RegistryError, lock};

/// Pending connections the kernel may queue, as for TCP.
const BACKLOG: i32 = 4096;

/// A Unix socket to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnixSocket {
    /// Its file; the directory exists, the file does not.
    pub path: PathBuf,
    /// Permission bits of the file.
    pub mode: u32,
    /// User the file belongs to; `None` leaves it to ours.
    pub owner: Option<u32>,
    /// Its group; `None` = the one that goes by the owner's number.
    pub group: Option<u32>,
    /// Users whose processes may connect, besides our own process.
    pub peers: Vec<u32>,
    /// Threads that accept on it.
    pub threads: usize,
}

/// A Unix socket that is held.
pub(crate) struct UnixHeld {
    pub(crate) path: PathBuf,
    pub(crate) peers: Arc<[u32]>,
    pub(crate) turned_away: Arc<AtomicU64>,
    listener: UnixListener,
    left: usize,
}

/// One thread's share of a Unix socket.
pub(crate) struct UnixTaken {
    pub(crate) listener: UnixListener,
    pub(crate) peers: Arc<[u32]>,
    pub(crate) turned_away: Arc<AtomicU64>,
}

impl Registry {
    /// Listens on a new Unix socket.
    pub fn hold_unix(&self, socket: &UnixSocket) -> Result<EntryId, RegistryError> {
        let listener = listening(socket).map_err(|source| explain(&socket.path, source))?;
        Ok(self.add(Entry::Unix(UnixHeld {
            path: socket.path.clone(),
            peers: socket.peers.clone().into(),
            turned_away: Arc::default(),
            listener,
            left: socket.threads.max(1),
        })))
    }

    /// Is this entry a Unix socket?
    pub fn is_unix(&self, entry: EntryId) -> bool {
        self.unix_path(entry).is_some()
    }

    /// Connections to a Unix socket that were closed because of who opened them.
    pub fn turned_away(&self, entry: EntryId) -> u64 {
        match lock(&self.inner.entries).get(entry.0 as usize) {
            Some(Entry::Unix(held)) => held.turned_away.load(Ordering::Relaxed),
            _ => 0,
        }
    }

    /// One thread's share. All threads accept from the same queue.
    pub(crate) fn take_unix(&self, entry: EntryId) -> Result<UnixTaken, RegistryError> {
        let mut entries = lock(&self.inner.entries);
        match entries.get_mut(entry.0 as usize) {
            Some(Entry::Unix(held)) if held.left > 0 => {
                let listener = held.listener.try_clone().map_err(|source| explain(&held.path, source))?;
                held.left -= 1;
                let (peers, turned_away) = (held.peers.clone(), held.turned_away.clone());
                Ok(UnixTaken { listener, peers, turned_away })
            }
            _ => Err(RegistryError::NothingToTake(entry)),
        }
    }

    /// The file of a Unix socket, for a program that is told where it is; nothing of ours dials a path.
    pub fn unix_path(&self, entry: EntryId) -> Option<PathBuf> {
        match lock(&self.inner.entries).get(entry.0 as usize) {
            Some(Entry::Unix(held)) => Some(held.path.clone()),
            Some(Entry::OutsideUnix { path }) => Some(path.clone()),
            _ => None,
        }
    }

    pub(crate) fn is_our_unix(&self, entry: EntryId) -> bool {
        matches!(lock(&self.inner.entries).get(entry.0 as usize), Some(Entry::Unix(_)))
    }

    pub(crate) fn unix_announcements(&self) -> &Announcements<Vec<u8>> {
        &self.inner.unix_announcements
    }
}

fn listening(wanted: &UnixSocket) -> io::Result<UnixListener> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(&wanted.path)?)?;
    if let Some(owner) = wanted.owner {
        lchown(&wanted.path, Some(owner), Some(wanted.group.unwrap_or(owner)))?;
    }
    fs::set_permissions(&wanted.path, Permissions::from_mode(wanted.mode))?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn explain(path: &Path, source: io::Error) -> RegistryError {
    RegistryError::Bind { address: path.display().to_string(), source }
}
