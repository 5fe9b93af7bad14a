//! Equal places behind a proxy, and which of them a connection goes to.
//!
//! ```text
//!   Asked (source, session id) ─▶ health leaves out ─▶ Policy orders ─▶ dial the first that takes it ─▶ health
//!                                 what is down         the others                                      learns
//!
//!   round_robin, least_connections, source_hash    one policy each; pure
//!   affinity    which place keeps which TLS session; pure
//!   health      up or down; pure
//!   roster      the health of all places; what threads share
//!   lease       open connections per place
//!   watch       active checks, by one thread of a node
//! ```
//!
//! A group is shared by the threads of a node, so that they take turns together. It keeps no connection.

pub mod affinity;
pub mod health;
mod lease;
mod least_connections;
mod roster;
mod round_robin;
mod source_hash;
mod watch;

use std::{
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, timeout},
};

pub use lease::Lease;
pub use roster::Counts as HealthCounts;
pub use watch::watch;

use crate::{
    caller::Caller,
    codec::BackCodec,
    limits::Limits,
    peek::ServerHello,
    proxy_header::{Header, Version},
    stream::BoxStream,
    transport::Dial,
};

/// A place a connection can go.
#[derive(Clone)]
pub struct Backend<D> {
    /// What people call it: `host/process`.
    pub name: String,
    /// How to get there.
    pub dial: D,
    /// Towards it.
    pub back: BackCodec,
    /// The PROXY header each connection begins with, if it begins with one.
    pub header: Option<Version>,
}

/// Which place a connection goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The one with the fewest open connections.
    LeastConnections,
    /// Each in turn.
    #[default]
    RoundRobin,
    /// The one that named the TLS 1.2 session a client wants to resume; each in turn for all others.
    SessionId,
    /// One for each source address; each in turn for callers without one.
    SourceHash,
}

/// How a group chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Among the places that are up.
    pub policy: Policy,
    /// Which are.
    pub health: health::Settings,
    /// Where sessions decide.
    pub affinity: affinity::Settings,
}

/// What a choice may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Who calls.
    pub caller: &'a Caller,
    /// The session id a TLS 1.2 client wants to resume.
    pub session_id: Option<&'a [u8]>,
}

/// Equal places.
pub struct Group<D> {
    backends: Vec<Backend<D>>,
    policy: Policy,
    turn: AtomicUsize,
    seeds: Vec<u64>,
    leases: lease::Leases,
    roster: roster::Roster,
    sessions: Option<Mutex<affinity::Table>>,
}

/// A usable connection to a place.
pub struct Opened {
    /// Behind its codec.
    pub stream: BoxStream,
    /// Which place.
    pub place: usize,
    /// Counts it as open; keep it as long as the stream.
    pub lease: Lease,
}

/// A group at a moment, for whoever reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its places, by number.
    pub places: Vec<PlaceSnapshot>,
    /// What health did.
    pub health: HealthCounts,
    /// What the table of sessions saw; `None` where sessions do not decide.
    pub affinity: Option<affinity::Counts>,
}

/// A place at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceSnapshot {
    /// What people call it.
    pub name: String,
    /// Is it taken out?
    pub down: bool,
    /// Open connections.
    pub open: usize,
    /// Sessions that lead there. Those of a place that is down are stale: they lead nowhere.
    pub sessions: usize,
}

impl<D> Group<D> {
    /// Places under a policy, and the defaults for the rest; at least one, or every connection fails.
    pub fn new(backends: Vec<Backend<D>>, policy: Policy) -> Self {
        Self::with(backends, &Settings { policy, ..Settings::default() })
    }

    /// Places under these settings.
    pub fn with(backends: Vec<Backend<D>>, settings: &Settings) -> Self {
        let sessions = (settings.policy == Policy::SessionId)
            .then(|| Mutex::new(affinity::Table::new(settings.affinity)));
        let names: Vec<&str> = backends.iter().map(|backend| backend.name.as_str()).collect();
        Self {
            policy: settings.policy,
            turn: AtomicUsize::new(0),
            seeds: source_hash::seeds(&names),
            leases: lease::Leases::new(backends.len()),
            roster: roster::Roster::new(backends.len(), settings.health),
            sessions,
            backends,
        }
    }

    /// The only place there is.
    pub fn of_one(name: impl Into<String>, dial: D, back: BackCodec) -> Arc<Self> {
        let only = Backend { name: name.into(), dial, back, header: None };
        Arc::new(Self::new(vec![only], Policy::default()))
    }

    /// All of them.
    pub fn backends(&self) -> &[Backend<D>] {
        &self.backends
    }

    /// The places a connection may go to, the preferred one first: those that are up, or all if none is.
    pub fn places(&self, asked: &Asked<'_>) -> impl Iterator<Item = usize> + use<D> {
        let now = Instant::now();
        let mut places: Vec<usize> = (0..self.backends.len()).collect();
        let trial = self.roster.leave_out(&mut places, now);
        let known = self.known(asked, &places, now);
        // A session that leads somewhere is nobody's turn: others would skip a place for it.
        let turn = match known {
            Some(_) => self.turn.load(Ordering::Relaxed),
            None => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        match (self.policy, asked.caller.source) {
            (Policy::LeastConnections, _) => {
                least_connections::order(&mut places, |place| self.leases.open(place), turn);
            }
            (Policy::SourceHash, Some(source)) => {
                source_hash::order(&mut places, &self.seeds, source.ip());
            }
            (Policy::RoundRobin | Policy::SourceHash | Policy::SessionId, _) => {
                round_robin::order(&mut places, turn);
            }
        }
        if let Some(at) = places.iter().position(|place| Some(*place) == known) {
            places[..=at].rotate_right(1);
        }
        if let Some(&first) = places.first().filter(|_| trial) {
            self.roster.sent(first, now);
        }
        places.into_iter()
    }

    /// Does it want to know what servers say first?
    pub fn learns(&self) -> bool {
        self.sessions.is_some()
    }

    /// What the server at `place` said first to a client that asked for the session `asked`.
    pub fn heard(&self, hello: &ServerHello, asked: Option<&[u8]>, place: usize) {
        if let (Some(mut sessions), Some(id)) = (self.sessions(), hello.session()) {
            sessions.learn(id, asked, place, Instant::now());
        }
    }

    /// How it stands. Walks the whole table of sessions.
    pub fn snapshot(&self) -> Snapshot {
        let now = Instant::now();
        let sessions = self.sessions();
        let place = |(place, backend): (usize, &Backend<D>)| PlaceSnapshot {
            name: backend.name.clone(),
            down: self.roster.is_down(place, now),
            open: self.leases.open(place),
            sessions: sessions.as_ref().map_or(0, |sessions| sessions.entries_of(place)),
        };
        Snapshot {
            places: self.backends.iter().enumerate().map(place).collect(),
            health: self.roster.counts(),
            affinity: sessions.as_ref().map(|sessions| sessions.counts()),
        }
    }

    /// The place of the session asked for, if it is one of these.
    fn known(&self, asked: &Asked<'_>, places: &[usize], now: Instant) -> Option<usize> {
        self.sessions()?.find(asked.session_id?, now, |place| places.contains(&place))
    }

    fn sessions(&self) -> Option<MutexGuard<'_, affinity::Table>> {
        Some(self.sessions.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<D: Dial> Group<D> {
    /// A new connection to the first place that takes one; `failed` is told of each that does not.
    pub async fn open(&self, asked: &Asked<'_>, limits: &Limits, failed: impl Fn()) -> io::Result<Opened> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "no place to go");
        for place in self.places(asked) {
            match self.open_at(place, asked.caller, limits).await {
                Ok(opened) => return Ok(opened),
                Err(error) => {
                    failed();
                    last = error;
                }
            }
        }
        Err(last)
    }

    /// A connection that was opened earlier, and kept without being used, is in use again.
    pub fn lease(&self, place: usize) -> Option<Lease> {
        self.leases.take(place)
    }

    /// A new connection to one place, whose health learns how it went.
    pub async fn open_at(&self, place: usize, caller: &Caller, limits: &Limits) -> io::Result<Opened> {
        // Before it is open: whoever chooses meanwhile is to count it.
        let lease = self.leases.take(place).ok_or_else(no_such_place)?;
        let outcome = self.connect(place, caller, limits).await;
        self.roster.connection(place, &outcome, Instant::now());
        outcome.map(|stream| Opened { stream, place, lease })
    }

    /// Dial, then codec; what a connection begins with goes between them.
    async fn connect(&self, place: usize, caller: &Caller, limits: &Limits) -> io::Result<BoxStream> {
        let backend = self.backends.get(place).ok_or_else(no_such_place)?;
        let dialling = async {
            let (mut wire, _ends) = backend.dial.dial().await?;
            if let Some(version) = backend.header {
                wire.write_all(&Header::about(caller).encode(version)).await?;
                wire.flush().await?;
            }
            io::Result::Ok(wire)
        };
        let dialled = timeout(limits.connect, dialling).await;
        let wire = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))?;
        backend.back.connect(wire, limits.handshake).await
    }
}

fn no_such_place() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "no such place")
}

#[cfg(test)]
mod tests;
