//! What can be named on each segment: handles for attackers, entries behind them.
//!
//! A target is a listener that stands there, a service's port where it is closed, or a host the position
//! cannot name at all (`no route`, our registry's word).

use std::collections::BTreeMap;

use proxies::registry::{EntryId, Registry};

use super::addresses::{Addresses, is_service};
use crate::{
    architecture::{Architecture, ListenerId, SegmentId},
    foothold::{Target, TargetId},
    pki::DOMAIN,
};

/// One thing that can be named on a segment.
#[derive(Clone, Debug)]
pub struct Known {
    /// The handle and its name.
    pub target: Target,
    /// Where.
    pub segment: SegmentId,
    /// What is behind it; `None` = no route.
    pub entry: Option<EntryId>,
    /// The listener it stands for.
    pub listener: ListenerId,
    /// True where the listener stands, false where its port is closed.
    pub stands: bool,
}

#[derive(Clone, Copy)]
struct Spot {
    listener: ListenerId,
    segment: SegmentId,
    entry: Option<EntryId>,
    stands: bool,
}

/// Every target of a launch.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    known: Vec<Known>,
}

impl Targets {
    /// All of them, in file order.
    pub fn new(
        architecture: &Architecture,
        addresses: &Addresses,
        fronts: &BTreeMap<ListenerId, EntryId>,
        registry: &Registry,
    ) -> Self {
        let mut targets = Self::default();
        for listener in architecture.listener_ids() {
            let Some(segment) = architecture[listener].place.segment() else { continue };
            let entry = fronts.get(&listener).copied().or_else(|| addresses.entry(listener));
            let place = port(registry, entry);
            targets.add(architecture, Spot { listener, segment, entry, stands: true }, &place);
        }
        for (listener, host, segment, entry) in addresses.closed() {
            let place = format!("{} at {}", port(registry, Some(entry)), architecture[host].name);
            targets.add(architecture, Spot { listener, segment, entry: Some(entry), stands: false }, &place);
        }
        for (listener, segment) in unnameable(architecture) {
            let nowhere = Spot { listener, segment, entry: None, stands: false };
            targets.add(architecture, nowhere, "no address there");
        }
        targets
    }

    /// The entry dialers use for a listener on a segment, and its handle.
    pub fn of(&self, listener: ListenerId) -> Option<(EntryId, Target)> {
        let known = self.known.iter().find(|known| known.stands && known.listener == listener)?;
        known.entry.map(|entry| (entry, known.target.clone()))
    }

    /// Everything that can be named on some segments.
    pub fn on<'a>(&'a self, segments: &'a [SegmentId]) -> impl Iterator<Item = &'a Known> {
        self.known.iter().filter(|known| segments.contains(&known.segment))
    }

    /// One of them.
    pub fn get(&self, id: TargetId) -> Option<&Known> {
        self.known.get(id.0 as usize)
    }

    fn add(&mut self, architecture: &Architecture, spot: Spot, place: &str) {
        let Spot { listener, segment, entry, stands } = spot;
        let process = architecture.process_label(architecture[listener].process);
        let target = Target {
            id: TargetId(self.known.len() as u32),
            label: format!("{process}:{place} on {}", architecture[segment].name),
            server_name: architecture
                .own_name(listener)
                .map_or_else(|| format!("{}.{DOMAIN}", architecture[listener].name), str::to_owned),
        };
        self.known.push(Known { target, segment, entry, listener, stands });
    }
}

fn port(registry: &Registry, entry: Option<EntryId>) -> String {
    entry.and_then(|entry| registry.at(entry)).map_or_else(|| "?".to_owned(), |at| at.port().to_string())
}

/// Services on hosts without an address on a guest segment: nothing there can name them.
fn unnameable(architecture: &Architecture) -> impl Iterator<Item = (ListenerId, SegmentId)> + '_ {
    let guests = architecture.segments_of(crate::vocabulary::SecurityDomain::Guest);
    guests.flat_map(move |segment| {
        architecture
            .listener_ids()
            .filter(|listener| is_service(architecture, *listener))
            .filter(move |listener| {
                !architecture[architecture.host_of(*listener)].segments.contains(&segment)
            })
            .map(move |listener| (listener, segment))
    })
}
