//! Equal places behind a proxy, and which of them a connection goes to.
//!
//! ```text
//!   Asked (source, session id) ─▶ Policy ─▶ places in order of preference ─▶ dial the first that takes it
//! ```
//!
//! A group is shared by the threads of a node, so that they take turns together. It keeps no connection.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, time::timeout};

use crate::{
    caller::Caller,
    codec::BackCodec,
    limits::Limits,
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
    /// Each in turn.
    #[default]
    RoundRobin,
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
}

/// A usable connection to a place.
pub struct Opened {
    /// Behind its codec.
    pub stream: BoxStream,
    /// Which place.
    pub place: usize,
}

impl<D> Group<D> {
    /// Places under a policy; at least one, or every connection fails.
    pub fn new(backends: Vec<Backend<D>>, policy: Policy) -> Self {
        Self { backends, policy, turn: AtomicUsize::new(0) }
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

    /// Every place a connection may go to, the preferred one first.
    pub fn places(&self, _asked: &Asked<'_>) -> impl Iterator<Item = usize> + use<D> {
        let places = self.backends.len();
        let first = match self.policy {
            Policy::RoundRobin => self.turn.fetch_add(1, Ordering::Relaxed),
        };
        (0..places).map(move |n| (first + n) % places)
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

    /// A new connection to one place.
    pub async fn open_at(&self, place: usize, caller: &Caller, limits: &Limits) -> io::Result<Opened> {
        let nowhere = || io::Error::new(io::ErrorKind::NotFound, "no such place");
        let backend = self.backends.get(place).ok_or_else(nowhere)?;
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
        let stream = backend.back.connect(wire, limits.handshake).await?;
        Ok(Opened { stream, place })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::transport::{Party, memory};

    fn group(names: &[&str]) -> Group<memory::MemoryDialer> {
        let (dial, _) = memory::pair(Party(1));
        let backend = |name: &&str| Backend {
            name: (*name).to_owned(),
            dial: dial.clone(),
            back: BackCodec::clear(),
            header: None,
        };
        Group::new(names.iter().map(backend).collect(), Policy::RoundRobin)
    }

    #[test]
    fn each_place_has_its_turn_and_all_others_to_fall_back_to() {
        let (group, caller) = (group(&["a", "b", "c"]), Caller::default());
        let asked = Asked { caller: &caller, session_id: None };
        let turns: Vec<Vec<usize>> = (0..4).map(|_| group.places(&asked).collect()).collect();
        assert_eq!(turns, [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]);
    }

    #[test]
    fn threads_share_the_turns() {
        let (group, caller) = (group(&["a", "b"]), Caller::default());
        let chosen = std::sync::Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let asked = Asked { caller: &caller, session_id: None };
                    let first = (0..25).map(|_| group.places(&asked).next().unwrap());
                    chosen.lock().unwrap().extend(first.collect::<Vec<_>>());
                });
            }
        });
        assert_eq!(chosen.into_inner().unwrap().iter().filter(|&&place| place == 0).count(), 50);
    }
}
