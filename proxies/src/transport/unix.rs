//! Unix sockets: reached by registry entry, guarded by file permissions and by who the kernel says connects.
//!
//! A dialer binds to a name of its own and announces it before it connects, so that the acceptor knows which
//! party it is. Whoever is neither our own process nor a process of a permitted user is closed unread and
//! counted: that is the socket's own rule at work, not a stranger who fails the run. It starts no task; a
//! dropped dial or accept leaves nothing behind.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustix::net::{SocketAddrAny, SocketAddrUnix, getpeername, getsockname};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::{Dial, Ends, Listen, Party};
use crate::registry::{EntryId, Registry, RegistryError, UnixTaken};

/// How long a dialer waits before it asks a full queue again.
const FULL_QUEUE: Duration = Duration::from_millis(1);

/// Opens connections to one Unix socket under one party's name.
#[derive(Clone)]
pub struct UnixDialer {
    registry: Registry,
    party: Party,
    entry: EntryId,
}

impl UnixDialer {
    /// A dialer for `entry`.
    pub fn new(registry: Registry, party: Party, entry: EntryId) -> Self {
        Self { registry, party, entry }
    }

    fn announce(&self, socket: &Socket) -> io::Result<Vec<u8>> {
        // Bound to nothing, the kernel gives it a name of its own, the only thing an acceptor can tell it by.
        socket.bind(&SockAddr::unix("")?)?;
        let name = name(getsockname(socket)?)?;
        self.registry.unix_announcements().announce(name.clone(), self.party);
        Ok(name)
    }
}

impl Dial for UnixDialer {
    type Stream = UnixStream;

    async fn dial(&self) -> io::Result<(UnixStream, Ends)> {
        let no_entry = || io::Error::new(io::ErrorKind::NotFound, "no such registry entry");
        let path = self.registry.unix_path(self.entry).ok_or_else(no_entry)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        // An outside program knows no party and asks for no name.
        let name = if self.registry.is_our_unix(self.entry) { Some(self.announce(&socket)?) } else { None };
        let to = SockAddr::unix(&path)?;
        let refused = loop {
            match socket.connect(&to) {
                Ok(()) => break None,
                // A full queue says so at once, where TCP would wait; the caller's deadline ends the waiting.
                Err(full) if full.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(FULL_QUEUE).await,
                Err(refused) => break Some(refused),
            }
        };
        if let Some(refused) = refused {
            if let Some(name) = name {
                self.registry.unix_announcements().withdraw(&name);
            }
            return Err(refused);
        }
        Ok((UnixStream::from_std(socket.into())?, Ends { wire: None, party: Some(self.party) }))
    }
}

/// The name the kernel gave a socket that was bound to nothing.
fn name(of: SocketAddrAny) -> io::Result<Vec<u8>> {
    let nameless = || io::Error::other("a Unix socket without a name");
    Ok(SocketAddrUnix::try_from(of)?.abstract_name().ok_or_else(nameless)?.to_vec())
}

/// Accepts on a Unix socket.
pub struct UnixListen {
    registry: Registry,
    listener: UnixListener,
    peers: Arc<[u32]>,
    turned_away: Arc<AtomicU64>,
}

impl UnixListen {
    /// Takes one thread's share of `entry` onto the current runtime.
    pub fn take(registry: &Registry, entry: EntryId) -> Result<Self, RegistryError> {
        let UnixTaken { listener, peers, turned_away } = registry.take_unix(entry)?;
        let listener = UnixListener::from_std(listener)
            .map_err(|source| RegistryError::Bind { address: "a Unix socket".to_owned(), source })?;
        Ok(Self { registry: registry.clone(), listener, peers, turned_away })
    }

    /// Whose connection it is; `None` when it may not come in.
    fn admit(&self, stream: &UnixStream) -> Option<Ends> {
        let peer = stream.peer_cred().ok()?;
        let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
        if pid == Some(std::process::id()) {
            let party = self.registry.unix_announcements().claim(&name(getpeername(stream).ok()??).ok()?)?;
            return Some(Ends { wire: None, party: Some(party) });
        }
        let child = pid.and_then(|pid| self.registry.child_of(pid));
        // Where nobody could be made another user, a child of the run is as much ours as we are.
        let as_we_are = child.is_some() && peer.uid() == rustix::process::geteuid().as_raw();
        (self.peers.contains(&peer.uid()) || as_we_are).then_some(Ends { wire: None, party: child })
    }
}

impl Listen for UnixListen {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, Ends)> {
        loop {
            let (stream, _from) = self.listener.accept().await?;
            if let Some(ends) = self.admit(&stream) {
                return Ok((stream, ends));
            }
            self.turned_away.fetch_add(1, Ordering::Relaxed);
        }
    }
}
