//! Real loopback TCP: with [`super::unix`] and the child of [`crate::neighbour`] the only code of the project
//! that connects or accepts.
//!
//! Cancel-safety: a dropped [`TcpDialer::dial`] leaves an announced connection that the acceptor will find
//! closed; a dropped [`TcpListen::accept`] keeps its unclaimed connections for the next call.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    time::Instant,
};

use super::{
    Dial, Ends, Listen, Party, Wire,
    loopback::{Loopback, LoopbackIp},
};
use crate::registry::{Admit, EntryId, Registry, RegistryError, SourceId, Violation, Whose};

/// How long an unannounced connection is held unread before it is called a stranger's.
pub const ANNOUNCE_WITHIN: Duration = Duration::from_secs(1);

/// How long after an answer that admits nobody the kernel is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Opens connections to one entry from one source address, under one party's name.
#[derive(Clone)]
pub struct TcpDialer {
    registry: Registry,
    source: LoopbackIp,
    party: Party,
    entry: EntryId,
    reset_on_close: bool,
}

impl TcpDialer {
    /// A dialer for `entry` from `source`, an address [`Registry::source`] was told of.
    pub fn new(registry: Registry, source: SourceId, party: Party, entry: EntryId) -> io::Result<Self> {
        let source = registry
            .source_ip(source)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such source address"))?;
        Ok(Self { registry, source, party, entry, reset_on_close: false })
    }

    /// The same towards another entry.
    #[must_use]
    pub fn towards(&self, entry: EntryId) -> Self {
        Self { entry, ..self.clone() }
    }

    /// Connections close by reset, leaving no port in `TIME_WAIT`: for floods.
    #[must_use]
    pub fn reset_on_close(mut self) -> Self {
        self.reset_on_close = true;
        self
    }

    fn socket(&self) -> io::Result<Socket> {
        let socket = socket_from(self.source.to_ip())?;
        socket.set_nonblocking(true)?;
        if self.reset_on_close {
            socket.set_linger(Some(Duration::ZERO))?;
        }
        Ok(socket)
    }

    fn wire(&self, socket: &Socket, acceptor: Loopback) -> io::Result<Wire> {
        let local = socket.local_addr()?.as_socket();
        match local.and_then(Loopback::checked) {
            Some(dialer) if dialer.ip() == self.source => Ok(Wire { dialer, acceptor }),
            _ => Err(self.wrong_ends(&format!("source {local:?}"))),
        }
    }

    fn wrong_ends(&self, found: &str) -> io::Error {
        let violation = Violation::WrongEnds { found: found.to_owned(), entry: self.entry };
        self.registry.report(violation);
        io::Error::other(format!("connected to something that is not in the registry ({found})"))
    }
}

/// A socket whose connections will come from `source`.
pub(crate) fn socket_from(source: Ipv4Addr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_tcp_nodelay(true)?;
    // Without it a bind to (source, 0) holds a whole port for everybody until TIME_WAIT ends.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    Ok(socket)
}

impl Dial for TcpDialer {
    type Stream = TcpStream;

    async fn dial(&self) -> io::Result<(TcpStream, Ends)> {
        let target = self
            .registry
            .at(self.entry)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such registry entry"))?;
        let socket = self.socket()?;
        match socket.connect(&target.to_socket_addr().into()) {
            Ok(()) => {}
            Err(pending) if pending.raw_os_error() == Some(nix::errno::Errno::EINPROGRESS as i32) => {}
            Err(refused) => return Err(refused),
        }
        // No await between connect and announce: a cancelled dial must not leave a stranger behind.
        let wire = self.wire(&socket, target)?;
        if self.registry.is_ours(self.entry) {
            self.registry.announcements().announce(wire, self.party);
        }
        let stream = TcpStream::from_std(socket.into())?;
        stream.writable().await?;
        if let Some(refused) = stream.take_error()? {
            self.registry.announcements().withdraw(&wire);
            return Err(refused);
        }
        match stream.peer_addr() {
            Ok(SocketAddr::V4(peer)) if peer == target.to_socket_addr() => {
                Ok((stream, Ends { wire: Some(wire), party: Some(self.party) }))
            }
            // Reset by the far side before we could look: an ordinary failure.
            Err(gone) => Err(gone),
            Ok(peer) => Err(self.wrong_ends(&format!("peer {peer}"))),
        }
    }
}

/// Accepts on one socket of a held entry.
pub struct TcpListen {
    registry: Registry,
    listener: TcpListener,
    at: Loopback,
    admit: Admit,
    unclaimed: Vec<Unclaimed>,
}

/// A connection nobody announced yet, held unread.
struct Unclaimed {
    stream: TcpStream,
    dialer: Loopback,
    until: Instant,
    /// It comes from where a child of the run dials: when to ask the kernel whose it is.
    ask: Option<Instant>,
    /// Whose it is, by the kernel's answer.
    child: Option<Party>,
    /// By the last answer nobody holds its other end any more: closed unread in the end, and nobody's fault.
    gone: bool,
}

impl TcpListen {
    /// Takes a socket of `entry` onto the current runtime.
    pub fn take(registry: &Registry, entry: EntryId) -> Result<Self, RegistryError> {
        let (socket, at, admit) = registry.take(entry)?;
        let listener = TcpListener::from_std(socket)
            .map_err(|source| RegistryError::Bind { address: at.to_string(), source })?;
        Ok(Self { registry: registry.clone(), listener, at, admit, unclaimed: Vec::new() })
    }

    /// Where it listens.
    pub fn at(&self) -> Loopback {
        self.at
    }

    /// Sorts a fresh connection: ours, an admitted outsider's, or not known yet.
    fn sort(&mut self, stream: TcpStream, peer: SocketAddr) -> Option<(TcpStream, Ends)> {
        let Some(dialer) = Loopback::checked(peer) else {
            self.registry.report(Violation::Stranger { from: peer.to_string(), to: self.at });
            return None;
        };
        let wire = Wire { dialer, acceptor: self.at };
        let party = self.registry.announcements().claim(&wire);
        match (self.admit, party) {
            (Admit::Announced, Some(_)) | (Admit::Anyone, _) => {
                return Some((stream, Ends { wire: Some(wire), party }));
            }
            (Admit::Child(_), Some(_)) => {
                self.registry.report(Violation::Stranger { from: peer.to_string(), to: self.at });
                return None;
            }
            (Admit::Announced | Admit::Child(_), None) => {}
        }
        let now = Instant::now();
        let (until, ask) = (now + ANNOUNCE_WITHIN, self.registry.has_child_at(dialer.ip()).then_some(now));
        self.unclaimed.push(Unclaimed { stream, dialer, until, ask, child: None, gone: false });
        None
    }

    /// Looks again at connections nobody had announced when they came.
    fn settle(&mut self) -> Option<(TcpStream, Ends)> {
        let (registry, at) = (&self.registry, self.at);
        let now = Instant::now();
        let mut announced =
            self.unclaimed.iter().enumerate().filter(|_| !matches!(self.admit, Admit::Child(_)));
        let known = announced.find_map(|(index, held)| {
            let wire = Wire { dialer: held.dialer, acceptor: at };
            registry.announcements().claim(&wire).map(|party| (index, wire, party))
        });
        let Some((index, wire, party)) = known.or_else(|| self.ask(now)) else {
            self.turn_away(now);
            return None;
        };
        let Unclaimed { stream, .. } = self.unclaimed.swap_remove(index);
        Some((stream, Ends { wire: Some(wire), party: Some(party) }))
    }

    /// Asks the kernel which connections a child of the run opened, all that are due at once: its tables may be long.
    /// It is asked again after a while, for they are read line by line, and sockets come and go meanwhile.
    fn ask(&mut self, now: Instant) -> Option<(usize, Wire, Party)> {
        let at = self.at;
        let wire = |held: &Unclaimed| Wire { dialer: held.dialer, acceptor: at };
        let due = |held: &Unclaimed| held.child.is_none() && held.ask.is_some_and(|at| at <= now);
        if self.unclaimed.iter().any(due) {
            let asked: Vec<usize> =
                (0..self.unclaimed.len()).filter(|index| due(&self.unclaimed[*index])).collect();
            let wires: Vec<Wire> = asked.iter().map(|index| wire(&self.unclaimed[*index])).collect();
            let answers = self.registry.whose(&wires);
            for (index, answer) in asked.into_iter().zip(answers) {
                let held = &mut self.unclaimed[index];
                // Counted from the answer: reading may have taken longer than the pause.
                held.ask = Some(Instant::now() + ASK_AGAIN);
                held.gone = answer == Whose::Gone;
                held.child = match (answer, self.admit) {
                    (Whose::Child(party), Admit::Child(only)) => Some(party).filter(|party| *party == only),
                    (Whose::Child(party), _) => Some(party),
                    _ => None,
                };
            }
        }
        let mut known = self.unclaimed.iter().enumerate();
        known.find_map(|(index, held)| Some((index, wire(held), held.child?)))
    }

    /// Closes what was held for long enough.
    fn turn_away(&mut self, now: Instant) {
        let (registry, at) = (&self.registry, self.at);
        self.unclaimed.retain(|held| {
            let keep = now < held.until;
            if !keep && !held.gone {
                registry.report(Violation::Stranger { from: held.dialer.to_string(), to: at });
            }
            keep
        });
    }
}

impl Listen for TcpListen {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, Ends)> {
        loop {
            let registry = self.registry.clone();
            let announced = registry.announcements().next();
            tokio::pin!(announced);
            // Enabled before looking, so that an announcement between look and wait is not missed.
            announced.as_mut().enable();
            if let Some(known) = self.settle() {
                return Ok(known);
            }
            let waiting =
                self.unclaimed.iter().map(|held| held.ask.map_or(held.until, |at| at.min(held.until)));
            let waiting = waiting.min();
            tokio::select! {
                accepted = self.listener.accept() => {
                    let (stream, peer) = accepted?;
                    if let Some(known) = self.sort(stream, peer) {
                        return Ok(known);
                    }
                }
                () = announced, if waiting.is_some() => {}
                () = tokio::time::sleep_until(waiting.unwrap_or_else(Instant::now)), if waiting.is_some() => {}
            }
        }
    }

    async fn accept_if<A: FnMut(&Ends) -> bool + Send>(
        &mut self,
        mut admit: A,
    ) -> io::Result<(TcpStream, Ends)> {
        loop {
            let (stream, ends) = self.accept().await?;
            if admit(&ends) {
                return Ok((stream, ends));
            }
            // Closed by reset, so that a flood leaves neither a port in TIME_WAIT nor a goodbye to wait for. Where
            // that can not be had any more, the peer is gone already.
            let _reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }
}
