//! Addresses of one launch: an IP per (host, segment) and one per host for its local links, an entry per
//! listener, and reserved entries where something must be refused by the kernel itself.

use std::collections::BTreeMap;

use proxies::{
    registry::{Admit, EntryId, Registry, RegistryError, SourceId},
    transport::loopback::{Loopback, LoopbackIp},
};

use super::engines;
use crate::{
    architecture::{Architecture, HostId, ListenerId, Place, SegmentId},
    files::RunFiles,
    vocabulary::SecurityDomain,
};

/// Draws of a listener's port before giving up.
const REDRAWS: usize = 16;

/// Where everything of one architecture is.
pub struct Addresses {
    ips: BTreeMap<(HostId, Place), LoopbackIp>,
    sources: BTreeMap<(HostId, Place), SourceId>,
    listeners: BTreeMap<ListenerId, EntryId>,
    closed: BTreeMap<(ListenerId, HostId, SegmentId), EntryId>,
}

impl Addresses {
    /// Binds everything, Unix sockets among `files`. With `outside` the listeners on public segments stand on 127.0.0.1 and admit anyone.
    pub fn bind(
        registry: &Registry,
        architecture: &Architecture,
        outside: bool,
        files: &RunFiles,
    ) -> Result<Self, RegistryError> {
        let mut made = Self::draw(registry, architecture);
        for listener in architecture.listener_ids() {
            made.place(registry, architecture, listener, outside, files)?;
        }
        Ok(made)
    }

    /// A host's address at a place.
    pub fn ip(&self, host: HostId, place: Place) -> Option<LoopbackIp> {
        self.ips.get(&(host, place)).copied()
    }

    /// Where a host's connections at a place come from.
    pub fn source(&self, host: HostId, place: Place) -> Option<SourceId> {
        self.sources.get(&(host, place)).copied()
    }

    /// The entry of a listener.
    pub fn entry(&self, listener: ListenerId) -> Option<EntryId> {
        self.listeners.get(&listener).copied()
    }

    /// Entries at which a listener's port is closed: (listener, host, segment, entry).
    pub fn closed(&self) -> impl Iterator<Item = (ListenerId, HostId, SegmentId, EntryId)> + '_ {
        self.closed.iter().map(|((listener, host, segment), entry)| (*listener, *host, *segment, *entry))
    }

    /// Every address on a segment with its host's name.
    pub fn names<'a>(
        &'a self,
        architecture: &'a Architecture,
    ) -> impl Iterator<Item = (LoopbackIp, String)> + 'a {
        self.ips.iter().filter_map(|((host, place), ip)| {
            let segment = place.segment()?;
            Some((*ip, format!("{}.{}", architecture[*host].name, architecture[segment].name)))
        })
    }

    fn draw(registry: &Registry, architecture: &Architecture) -> Self {
        let (mut ips, mut sources) = (BTreeMap::new(), BTreeMap::new());
        for host in architecture.host_ids() {
            let segments = architecture[host].segments.iter().map(|segment| Place::Segment(*segment));
            for place in segments.chain([Place::Local]) {
                let ip = registry.draw_ip();
                ips.insert((host, place), ip);
                sources.insert((host, place), registry.source(ip));
            }
            // A Unix socket is dialled from nowhere; a plan names the host's own place all the same.
            sources.insert((host, Place::Unix), sources[&(host, Place::Local)]);
        }
        Self { ips, sources, listeners: BTreeMap::new(), closed: BTreeMap::new() }
    }

    /// Holds a listener's address and closes its port elsewhere at once, so that the next listener's draw sees
    /// all of it; draws again when someone took one of them meanwhile, unless the file insists on the port.
    fn place(
        &mut self,
        registry: &Registry,
        architecture: &Architecture,
        listener: ListenerId,
        outside: bool,
        files: &RunFiles,
    ) -> Result<(), RegistryError> {
        if let Some(socket) = files.socket(architecture, listener) {
            self.listeners.insert(listener, registry.hold_unix(&socket)?);
            return Ok(());
        }
        let mut tries = 0;
        loop {
            let placed = self.hold(registry, architecture, listener, outside).and_then(|entry| {
                self.listeners.insert(listener, entry);
                self.close(registry, architecture, listener).inspect_err(|_| registry.release(entry))
            });
            tries += 1;
            match placed {
                Err(RegistryError::InUse { .. })
                    if architecture[listener].port.is_none() && tries < REDRAWS => {}
                placed => return placed,
            }
        }
    }

    fn hold(
        &self,
        registry: &Registry,
        architecture: &Architecture,
        listener: ListenerId,
        outside: bool,
    ) -> Result<EntryId, RegistryError> {
        let (host, place) = (architecture.host_of(listener), architecture[listener].place);
        let threads = architecture[architecture[listener].process].threads;
        let public = matches!(place, Place::Segment(segment)
            if architecture[segment].domain == SecurityDomain::Public);
        let (ip, admit) = if outside && public {
            (LoopbackIp::LOCALHOST, Admit::Anyone)
        } else {
            (self.ips[&(host, place)], Admit::Announced)
        };
        // A port that is closed elsewhere must be free there too.
        let mut everywhere = self.closed_at(architecture, listener);
        let port = match architecture[listener].port {
            None if !everywhere.is_empty() => {
                everywhere.push(ip);
                Some(registry.common_port(&everywhere)?)
            }
            port => port,
        };
        if engines::is_foreign(architecture, listener) {
            return registry.keep(ip, port);
        }
        registry.hold(ip, port, threads, admit)
    }

    fn close(
        &mut self,
        registry: &Registry,
        architecture: &Architecture,
        listener: ListenerId,
    ) -> Result<(), RegistryError> {
        let port = self.entry(listener).and_then(|entry| registry.at(entry)).map(Loopback::port);
        for (host, segment) in closed_places(architecture, listener) {
            let entry = registry.reserve(self.ips[&(host, Place::Segment(segment))], port)?;
            self.closed.insert((listener, host, segment), entry);
        }
        Ok(())
    }

    fn closed_at(&self, architecture: &Architecture, listener: ListenerId) -> Vec<LoopbackIp> {
        let places = closed_places(architecture, listener);
        places.map(|(host, segment)| self.ips[&(host, Place::Segment(segment))]).collect()
    }
}

/// Services, as opposed to proxies in front of them.
pub fn is_service(architecture: &Architecture, listener: ListenerId) -> bool {
    architecture[architecture[listener].process].program.is_service()
}

/// Where a listener's port is closed. A service's clear port: on every segment of its own host that it does
/// not stand on. Whatever has a port and is not meant for the public: at every host of the guest segments.
fn closed_places(
    architecture: &Architecture,
    listener: ListenerId,
) -> impl Iterator<Item = (HostId, SegmentId)> + '_ {
    let (own, place) = (architecture.host_of(listener), architecture[listener].place);
    let domain = |segment: SegmentId| architecture[segment].domain;
    let inner = place != Place::Unix
        && place.segment().is_none_or(|segment| domain(segment) != SecurityDomain::Public);
    let clear = place != Place::Unix
        && is_service(architecture, listener)
        && architecture[listener].identity.is_none();
    architecture.segment_ids().flat_map(move |segment| {
        let guests = inner && domain(segment) == SecurityDomain::Guest;
        architecture
            .hosts_on(segment)
            .filter(move |host| guests || (clear && *host == own))
            .filter(move |host| !(*host == own && place == Place::Segment(segment)))
            .map(move |host| (host, segment))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::architecture;

    #[test]
    fn services_never_share_a_number_where_both_are_closed() {
        // So few ports that two services would draw the same one every few launches.
        for _ in 0..100 {
            for name in architecture::names() {
                let file = architecture::load(name).unwrap();
                let registry = Registry::with_ports(23_000..23_040);
                let addresses =
                    Addresses::bind(&registry, &file, false, &RunFiles::new(&file).unwrap()).unwrap();
                let public = |place: Place| {
                    place.segment().is_some_and(|segment| file[segment].domain == SecurityDomain::Public)
                };
                let inner = file
                    .listeners
                    .iter()
                    .filter(|listener| listener.place != Place::Unix && !public(listener.place));
                let guests = addresses.closed().filter(|(_, host, ..)| file[*host].inside.is_some()).count();
                assert_eq!(guests, inner.count(), "{name}: each inner port is closed at the guest");
            }
        }
    }
}
