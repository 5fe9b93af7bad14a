//! Every address:port of a run, who holds it, and who announced a connection to it.
//!
//! ```text
//!   hold()     → a listener of ours (one socket per node thread, SO_REUSEPORT when more than one)
//!   reserve()  → bound, not listening: the kernel itself answers ECONNREFUSED
//!   keep()     → an address a child process of this run is to listen on; confirm() once the kernel says it does
//!   foreign()  → a listener of a child process this run started
//!   outside()  → a program somebody else started: for [`crate::alone`] only
//!   hold_unix()→ a Unix socket of ours: a file with a mode, an owner and users who may connect  (unix)
//! ```
//!
//! Dialing takes an [`EntryId`]; there is no way to dial an address. After connecting both ends are checked,
//! and the dialer's 4-tuple is announced in the same breath, so that an acceptor can tell the run's own
//! connections from a stranger's. A stranger is closed and becomes a [`Violation`].
//!
//! A child announces nothing. Which connections are its own ([`Registry::adopt`]) is read from the kernel's tables.
//!
//! The registry owns the sockets: dropping the last handle closes them all.

mod announce;
mod foreign;
mod sockets;
mod unix;

use std::{
    collections::{HashMap, HashSet},
    io,
    net::TcpListener,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rand::RngExt;
use serde::{Deserialize, Serialize};
use socket2::Socket;

pub use self::foreign::process_tree;
use self::unix::UnixHeld;
pub use self::unix::UnixSocket;
pub(crate) use self::{announce::Announcements, foreign::Whose, unix::UnixTaken};
use crate::transport::{
    Party, Wire,
    loopback::{Loopback, LoopbackIp},
};

/// Ports drawn for listeners: outside every ephemeral range in use, above the privileged ones, and the widest
/// stretch in which Wireshark 4.0 has no protocol registered (`tshark -G decodes`): it would read our bytes as
/// that protocol, where it recognises HTTP and TLS on a port it does not know.
const DRAWN_PORTS: Range<u16> = 22_223..24_800;
/// Redraws before giving up on finding a free address.
const DRAWS: usize = 64;

/// Violations remembered: one already fails a run, and a stranger who keeps knocking must not fill memory.
const REMEMBERED: usize = 1_000;

/// A handle on one address:port of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EntryId(u32);

/// A handle on an address connections come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceId(u32);

/// Whose connections a held listener takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Only connections announced within this run.
    Announced,
    /// Outside clients too: listeners opened for them on purpose.
    Anyone,
    /// Only connections of the one child that dials under this party.
    Child(Party),
}

/// A process this run started that is not our own program, with everything it starts in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The process.
    pub pid: u32,
    /// Under whose name it dials.
    pub party: Party,
    /// From which addresses.
    pub sources: Vec<LoopbackIp>,
}

/// Something that must never happen in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Someone outside the run connected to a listener of ours.
    Stranger {
        /// Where it came from, for people.
        from: String,
        /// Where it knocked.
        to: Loopback,
    },
    /// A socket's ends were not what the registry says.
    WrongEnds {
        /// What was found, for people.
        found: String,
        /// Which entry was dialled.
        entry: EntryId,
    },
}

/// Why an address could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The port the file insists on is taken.
    #[error(
        "{address} is in use by another program (a wildcard listener holds every loopback address on its port)"
    )]
    InUse {
        /// Address and port, for people.
        address: String,
    },
    /// Nothing free was found.
    #[error("no free port on {ip} after {tries} draws")]
    Exhausted {
        /// The address.
        ip: LoopbackIp,
        /// How many were tried.
        tries: usize,
    },
    /// The kernel refused for another reason.
    #[error("cannot bind {address}: {source}")]
    Bind {
        /// Address and port, for people.
        address: String,
        /// The kernel's answer.
        source: io::Error,
    },
    /// The child does not listen where it was told to.
    #[error("process {pid} does not listen on {address}")]
    NotListening {
        /// The child.
        pid: u32,
        /// Where it should.
        address: String,
    },
    /// The entry is not one of ours to accept on, or its sockets were all taken.
    #[error("entry {0:?} has no listener left to take")]
    NothingToTake(EntryId),
}

enum Entry {
    Held {
        at: Loopback,
        sockets: Vec<TcpListener>,
        taken: usize,
        admit: Admit,
    },
    Reserved {
        at: Loopback,
        _socket: Socket,
    },
    /// A child's. Without one yet it is kept for it: nobody else of this run can listen there, and dialing is refused.
    Foreign {
        at: Loopback,
        pid: Option<u32>,
        _kept: Option<Socket>,
    },
    Outside {
        at: Loopback,
    },
    Unix(UnixHeld),
    OutsideUnix {
        path: PathBuf,
    },
}

impl Entry {
    fn at(&self) -> Option<Loopback> {
        match self {
            Self::Held { at, .. }
            | Self::Reserved { at, .. }
            | Self::Foreign { at, .. }
            | Self::Outside { at } => Some(*at),
            Self::Unix(_) | Self::OutsideUnix { .. } => None,
        }
    }
}

/// All entries of a run. Clones share it.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    ports: Range<u16>,
    entries: Mutex<Vec<Entry>>,
    ips: Mutex<HashSet<LoopbackIp>>,
    sources: Mutex<Vec<LoopbackIp>>,
    violations: Mutex<Vec<Violation>>,
    children: Mutex<Vec<Child>>,
    announcements: Announcements<Wire>,
    unix_announcements: Announcements<Vec<u8>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Self::with_ports(DRAWN_PORTS)
    }

    /// An empty registry that draws listeners' ports from another, not empty, range.
    pub fn with_ports(ports: Range<u16>) -> Self {
        Self {
            inner: Arc::new(Inner {
                ports,
                entries: Mutex::default(),
                ips: Mutex::default(),
                sources: Mutex::default(),
                violations: Mutex::default(),
                children: Mutex::default(),
                announcements: Announcements::default(),
                unix_announcements: Announcements::default(),
            }),
        }
    }

    /// Ports it draws from.
    pub fn ports(&self) -> Range<u16> {
        self.inner.ports.clone()
    }

    /// A fresh address of 127.0.0.0/8, never handed out before by this registry. It avoids 127.0.0.0/16,
    /// where people's own services live.
    pub fn draw_ip(&self) -> LoopbackIp {
        let mut ips = lock(&self.inner.ips);
        loop {
            let ip = LoopbackIp::from_bits(rand::rng().random_range(0x0001_0001..0x00ff_fffe));
            let last = ip.to_ip().octets()[3];
            if last != 0 && last != 255 && ips.insert(ip) {
                return ip;
            }
        }
    }

    /// Makes an address one that connections may come from.
    pub fn source(&self, ip: LoopbackIp) -> SourceId {
        let mut sources = lock(&self.inner.sources);
        sources.push(ip);
        SourceId((sources.len() - 1) as u32)
    }

    /// The address behind a source.
    pub fn source_ip(&self, source: SourceId) -> Option<LoopbackIp> {
        lock(&self.inner.sources).get(source.0 as usize).copied()
    }

    /// Listens on `ip` with `threads` sockets, on `port` if the caller insists, else on a drawn one.
    pub fn hold(
        &self,
        ip: LoopbackIp,
        port: Option<u16>,
        threads: usize,
        admit: Admit,
    ) -> Result<EntryId, RegistryError> {
        let threads = threads.max(1);
        let sockets = self.with_port(ip, port, |at| {
            (0..threads).map(|_| sockets::listening(at, threads > 1)).collect::<io::Result<Vec<_>>>()
        })?;
        let at = sockets::bound_at(&sockets[0])?;
        Ok(self.add(Entry::Held { at, sockets, taken: 0, admit }))
    }

    /// Holds an address without listening: dialing it gives a genuine `ECONNREFUSED`.
    pub fn reserve(&self, ip: LoopbackIp, port: Option<u16>) -> Result<EntryId, RegistryError> {
        let socket = self.with_port(ip, port, sockets::bound)?;
        let at = sockets::reserved_at(&socket)?;
        Ok(self.add(Entry::Reserved { at, _socket: socket }))
    }

    /// Takes in the listener of a child this run started, once the kernel confirms that it is the child's.
    pub fn foreign(&self, pid: u32, ip: LoopbackIp, port: u16) -> Result<EntryId, RegistryError> {
        let address = sockets::address(ip, port);
        let refused = || RegistryError::NotListening { pid, address: address.to_string() };
        if !foreign::listens(pid, address).unwrap_or(false) {
            return Err(refused());
        }
        let at = Loopback::checked(address.into()).ok_or_else(refused)?;
        Ok(self.add(Entry::Foreign { at, pid: Some(pid), _kept: None }))
    }

    /// Keeps an address for a child that is to listen there, on `port` if the caller insists, else on a drawn one.
    /// Only a program that sets `SO_REUSEADDR`, as servers do, can then listen there.
    pub fn keep(&self, ip: LoopbackIp, port: Option<u16>) -> Result<EntryId, RegistryError> {
        let socket = self.with_port(ip, port, sockets::kept)?;
        let at = sockets::reserved_at(&socket)?;
        Ok(self.add(Entry::Foreign { at, pid: None, _kept: Some(socket) }))
    }

    /// A kept address becomes the child's, once the kernel confirms that it listens there.
    pub fn confirm(&self, entry: EntryId, pid: u32) -> Result<(), RegistryError> {
        let at = self.at(entry).ok_or(RegistryError::NothingToTake(entry))?;
        if !foreign::listens(pid, at.to_socket_addr()).unwrap_or(false) {
            return Err(RegistryError::NotListening { pid, address: at.to_string() });
        }
        let mut entries = lock(&self.inner.entries);
        match entries.get_mut(entry.0 as usize) {
            Some(Entry::Foreign { pid: holder @ None, .. }) => {
                *holder = Some(pid);
                Ok(())
            }
            _ => Err(RegistryError::NothingToTake(entry)),
        }
    }

    /// From now on connections of this child are the run's own.
    pub fn adopt(&self, child: Child) {
        lock(&self.inner.children).push(child);
    }

    /// The child is gone: its number may become somebody else's.
    pub fn disown(&self, pid: u32) {
        lock(&self.inner.children).retain(|child| child.pid != pid);
    }

    /// Who opened some connections, as far as children of the run are concerned.
    pub(crate) fn whose(&self, wires: &[Wire]) -> Vec<Whose> {
        foreign::whose(&lock(&self.inner.children).clone(), wires)
    }

    /// Does a child dial from here?
    pub(crate) fn has_child_at(&self, ip: LoopbackIp) -> bool {
        lock(&self.inner.children).iter().any(|child| child.sources.contains(&ip))
    }

    /// The child a process belongs to.
    pub(crate) fn child_of(&self, pid: u32) -> Option<Party> {
        let children = lock(&self.inner.children).clone();
        children.iter().find(|child| process_tree(child.pid).contains(&pid)).map(|child| child.party)
    }

    /// Takes in the listener of a program nobody of ours started. Only [`crate::alone`] can name one.
    pub(crate) fn outside(&self, at: Loopback) -> EntryId {
        self.add(Entry::Outside { at })
    }

    /// The same for a Unix socket.
    pub(crate) fn outside_unix(&self, path: PathBuf) -> EntryId {
        self.add(Entry::OutsideUnix { path })
    }

    /// A port that is free on every one of `ips` at once: the same number is then held or reserved on all.
    pub fn common_port(&self, ips: &[LoopbackIp]) -> Result<u16, RegistryError> {
        let Some(first) = ips.first() else {
            return Err(RegistryError::Exhausted { ip: LoopbackIp::LOCALHOST, tries: 0 });
        };
        for _ in 0..DRAWS {
            let port = rand::rng().random_range(self.inner.ports.clone());
            if ips.iter().all(|ip| sockets::bound(sockets::address(*ip, port)).is_ok()) {
                return Ok(port);
            }
        }
        Err(RegistryError::Exhausted { ip: *first, tries: DRAWS })
    }

    /// Closes a held listener of ours: what waits in its queue is reset, and dialing it is refused.
    pub fn release(&self, entry: EntryId) {
        if let Some(Entry::Held { sockets, .. }) = lock(&self.inner.entries).get_mut(entry.0 as usize) {
            sockets.clear();
        }
    }

    /// Where an entry is, for names, certificates and people; a Unix socket is at no address.
    pub fn at(&self, entry: EntryId) -> Option<Loopback> {
        lock(&self.inner.entries).get(entry.0 as usize).and_then(Entry::at)
    }

    /// The process behind a foreign entry.
    pub fn foreign_pid(&self, entry: EntryId) -> Option<u32> {
        match lock(&self.inner.entries).get(entry.0 as usize) {
            Some(Entry::Foreign { pid, .. }) => *pid,
            _ => None,
        }
    }

    /// What went wrong so far, at most the first thousand.
    pub fn violations(&self) -> Vec<Violation> {
        lock(&self.inner.violations).clone()
    }

    /// Held entries by address, for tests and for people.
    pub fn addresses(&self) -> HashMap<EntryId, Loopback> {
        let entries = lock(&self.inner.entries);
        let placed = entries.iter().enumerate();
        placed.filter_map(|(id, entry)| Some((EntryId(id as u32), entry.at()?))).collect()
    }

    /// One socket of a held entry, for one node thread. The registry keeps its own descriptor, so the
    /// address stays ours while anyone dials.
    pub(crate) fn take(&self, entry: EntryId) -> Result<(TcpListener, Loopback, Admit), RegistryError> {
        let mut entries = lock(&self.inner.entries);
        let Some(Entry::Held { at, sockets, taken, admit }) = entries.get_mut(entry.0 as usize) else {
            return Err(RegistryError::NothingToTake(entry));
        };
        let socket = sockets.get(*taken).ok_or(RegistryError::NothingToTake(entry))?;
        let socket =
            socket.try_clone().map_err(|source| RegistryError::Bind { address: at.to_string(), source })?;
        *taken += 1;
        Ok((socket, *at, *admit))
    }

    /// Connections a party opened and no listener of ours has accepted yet: what stands in their queues.
    pub fn unaccepted(&self, party: Party) -> usize {
        self.inner.announcements.unclaimed(party) + self.inner.unix_announcements.unclaimed(party)
    }

    pub(crate) fn announcements(&self) -> &Announcements<Wire> {
        &self.inner.announcements
    }

    pub(crate) fn is_ours(&self, entry: EntryId) -> bool {
        matches!(lock(&self.inner.entries).get(entry.0 as usize), Some(Entry::Held { .. }))
    }

    pub(crate) fn report(&self, violation: Violation) {
        let mut violations = lock(&self.inner.violations);
        if violations.len() < REMEMBERED {
            violations.push(violation);
        }
    }

    /// Runs `bind` on the insisted port, or on drawn ones until one is free.
    fn with_port<T>(
        &self,
        ip: LoopbackIp,
        port: Option<u16>,
        bind: impl Fn(std::net::SocketAddrV4) -> io::Result<T>,
    ) -> Result<T, RegistryError> {
        if let Some(port) = port {
            let at = sockets::address(ip, port);
            return bind(at).map_err(|source| sockets::explain(at, source));
        }
        for _ in 0..DRAWS {
            let at = sockets::address(ip, rand::rng().random_range(self.inner.ports.clone()));
            match bind(at) {
                Ok(bound) => return Ok(bound),
                Err(taken) if taken.kind() == io::ErrorKind::AddrInUse => {}
                Err(source) => return Err(sockets::explain(at, source)),
            }
        }
        Err(RegistryError::Exhausted { ip, tries: DRAWS })
    }

    fn add(&self, entry: Entry) -> EntryId {
        let mut entries = lock(&self.inner.entries);
        entries.push(entry);
        EntryId((entries.len() - 1) as u32)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
// A stranger has to come from outside the registry.
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests;
