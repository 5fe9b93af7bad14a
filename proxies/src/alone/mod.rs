//! One component by itself, between outside programs on this machine's loopback: for benchmarks and for other
//! people's test suites. The only module in which a loopback address can be read from text.
//!
//! ```text
//!   Settings (addresses, PEM) ─▶ registry entries: listener for anyone, backends as outside programs
//!                             ─▶ Door, cloned for each thread ─▶ accept, serve, drain
//! ```
//!
//! Nothing of a run goes through here: the testbed does not hand it on. Its threads end with [`Alone::stop`],
//! or with the handle.

mod address;
mod door;
mod pem;
mod settings;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::process::{Resource, getrlimit, setrlimit};

use self::door::Door;
pub use self::{
    address::{Address, AddressError, Place},
    pem::{PemError, authorities, identity},
    settings::{Mode, Route, Settings, SettingsError},
};
use crate::{
    registry::{Admit, EntryId, Registry, RegistryError},
    routes::RouteError,
    serve::Drained,
    thread::NodeThread,
    tls::TlsError,
    transport::{loopback::Loopback, tcp::TcpListen},
};

/// Why a component does not run.
#[derive(Debug, thiserror::Error)]
pub enum AloneError {
    /// The settings do not go together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Its names lead nowhere, or twice.
    #[error(transparent)]
    Routes(#[from] RouteError),
    /// Certificates, keys or trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address it was to listen on.
    #[error(transparent)]
    Listen(#[from] RegistryError),
    /// The machine refused.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
}

impl AloneError {
    /// Is it what was asked for, rather than this machine, that has to change?
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Settings(_) | Self::Routes(_) | Self::Tls(_))
    }
}

/// A component that runs.
pub struct Alone {
    at: Loopback,
    threads: Vec<NodeThread>,
    cut: Arc<AtomicUsize>,
}

impl Alone {
    /// Starts one; it answers when this returns.
    pub fn start(settings: &Settings) -> Result<Self, AloneError> {
        settings.check()?;
        room_for_connections();
        let (registry, cut) = (Registry::new(), Arc::new(AtomicUsize::new(0)));
        let (ip, port) = settings.listen.parts();
        let entry = registry.hold(ip, port, settings.threads, Admit::Anyone)?;
        let at = registry.at(entry).ok_or(RegistryError::NothingToTake(entry))?;
        let door = Door::new(settings, &registry)?;
        let threads = (0..settings.threads.max(1)).map(|_| {
            let (registry, door, cut) = (registry.clone(), door.clone(), cut.clone());
            NodeThread::start("proxy", move |stop| async move {
                let drained = door.run(listener(&registry, entry)?, stop).await;
                cut.fetch_add(drained.cut, Ordering::Relaxed);
                Ok(())
            })
        });
        let threads = threads.collect::<io::Result<_>>()?;
        Ok(Self { at, threads, cut })
    }

    /// Where it listens.
    pub fn at(&self) -> Loopback {
        self.at
    }

    /// Stops accepting, lets connections finish within their deadline, and says how many it had to cut.
    pub fn stop(self) -> io::Result<Drained> {
        self.threads.iter().for_each(NodeThread::cancel);
        self.threads.into_iter().map(NodeThread::stop).fold(Ok(()), Result::and)?;
        Ok(Drained { cut: self.cut.load(Ordering::Relaxed) })
    }
}

fn listener(registry: &Registry, entry: EntryId) -> io::Result<TcpListen> {
    TcpListen::take(registry, entry).map_err(io::Error::other)
}

/// Two descriptors a connection: as many as the machine allows.
fn room_for_connections() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused, the bound stays what it was, and accepting waits where it is reached.
    let _ = setrlimit(Resource::Nofile, limit);
}
