//! What a launched testbed grants at each vantage: capabilities cut from segments, never addresses.
//!
//! Granting happens on the attacker's own runtime: its sockets and its accept loops live and end there.

use std::{io, sync::Arc};

use proxies::{neighbour::Helper, transport::Party};
use tokio_util::sync::CancellationToken;

use super::{
    Foothold,
    flood::{Arm, Flood, FloodBounds, FloodKind, FloodTally},
    flood_ground::FloodGround,
    hosts::{Taken, taken},
    in_path_ground,
    memory::{Memory, MemoryGround},
    neighbour_ground::{OtherUsers, Who},
    reach_ground::SegmentReach,
    sniffer::Sniffer,
    tls_ground::OwnAuthority,
};
use crate::{
    architecture::{Architecture, HostId, Place, ProcessId, SegmentId},
    custody::keys::{KeyCopy, Keys},
    fabric::parties::Kind,
    files::RunFiles,
    launch::{addresses::Addresses, arms::Arms, targets::Targets},
    node::wiring::World,
    vocabulary::{SecurityDomain, Vantage},
};

/// What footholds are cut from.
pub struct Ground {
    /// What runs.
    pub architecture: Architecture,
    /// Segments and addresses.
    pub world: World,
    /// What can be named where.
    pub targets: Targets,
    /// What a flood may hit, if the launch has a bystander.
    pub flooded: Option<Arms>,
    /// Addresses of hosts, for attackers who took one over.
    pub addresses: Addresses,
    /// Private keys, where the host model has them.
    pub keys: Keys,
    /// Processes that are programs of their own, by `host/process`.
    pub programs: Vec<(String, u32)>,
    /// What lies on the hosts.
    pub files: Arc<RunFiles>,
    /// How to start a child that is another user.
    pub helper: Option<Helper>,
}

/// Why a foothold was not granted.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The architecture has no such place.
    #[error("{architecture} has no place for `{vantage}`: {why}")]
    NoPlace {
        /// Its name.
        architecture: String,
        /// What was asked for.
        vantage: Vantage,
        /// What is missing.
        why: &'static str,
    },
    /// This machine, or this launch, cannot show it.
    #[error("`{vantage}` cannot be exercised here: {why}")]
    Unable {
        /// What was asked for.
        vantage: Vantage,
        /// What is missing.
        why: String,
    },
    /// The kernel refused something.
    #[error("cannot prepare the foothold: {0}")]
    Socket(#[from] io::Error),
}

/// The attacker's side of a launch.
pub struct Footholds {
    ground: Arc<Ground>,
    tls: Arc<OwnAuthority>,
}

impl Footholds {
    /// Over a launch's ground.
    pub(crate) fn new(ground: Ground) -> Self {
        let tls = OwnAuthority::new(ground.world.key_log.clone());
        Self { ground: Arc::new(ground), tls: Arc::new(tls) }
    }

    /// Where a vantage stands; a flood stands on the public segment.
    pub fn grant(&self, vantage: Vantage, stop: &CancellationToken) -> Result<Foothold, GrantError> {
        if let Some(taken) = taken(&self.ground.architecture, vantage)? {
            return Ok(Foothold::new(vantage, stop.clone()).with_memory(self.memory(&taken)));
        }
        if vantage == Vantage::ApiHostNeighbour {
            return self.other_users(Who::Neighbour, stop);
        }
        let position = self.position(vantage)?;
        let reach = SegmentReach::new(&self.ground, &position)?;
        let tls = super::AttackerTls::new(self.tls.clone());
        let mut foothold =
            Foothold::new(vantage, stop.clone()).with_reach(super::Reach::new(Arc::new(reach))).with_tls(tls);
        if position.sniffs {
            let chunks = self.ground.world.fabric.sniff(&position.segments);
            foothold = foothold.with_sniffer(Sniffer::new(chunks, stop.clone()));
        }
        if position.in_path {
            let in_path = in_path_ground::redirect(&self.ground, &position.segments, stop.clone())?;
            foothold = foothold.with_in_path(in_path);
        }
        Ok(foothold)
    }

    /// What the machines that were taken over hold: buffers from now on, where the launch records them.
    fn memory(&self, taken: &Taken) -> Memory {
        let Ground { architecture, world, keys, programs, .. } = &*self.ground;
        let record = |id: &ProcessId| world.custody.as_ref()?.record(&architecture.process_label(*id));
        let keys: Vec<KeyCopy> = if taken.inside.is_empty() {
            taken.hosts.iter().flat_map(|host| keys.before_root(architecture, *host)).collect()
        } else {
            taken.inside.iter().flat_map(|process| keys.before(architecture, *process)).collect()
        };
        let there: Vec<String> = taken.processes.iter().map(|id| architecture.process_label(*id)).collect();
        let programs = programs.iter().filter(|(label, _)| there.contains(label)).cloned().collect();
        let records = taken.processes.iter().filter_map(record);
        Memory::new(Box::new(MemoryGround::new(records, programs, world.fabric.clone(), keys)))
    }

    /// The positive control of another user on the API hosts: the same child, the same attempts, each with the
    /// rights of the user whom the socket or file belongs to.
    pub fn grant_as_owners(&self, stop: &CancellationToken) -> Result<Foothold, GrantError> {
        self.other_users(Who::Owner, stop)
    }

    /// Why nothing at this vantage can be exercised here, if so.
    pub fn unable(&self, vantage: Vantage) -> Option<String> {
        let party = Party(u32::MAX);
        let needs_users = vantage == Vantage::ApiHostNeighbour;
        OtherUsers::new(&self.ground, Who::Neighbour, party).err().filter(|_| needs_users)
    }

    fn other_users(&self, who: Who, stop: &CancellationToken) -> Result<Foothold, GrantError> {
        let vantage = Vantage::ApiHostNeighbour;
        let label = match who {
            Who::Neighbour => format!("attacker/{vantage}"),
            Who::Owner => "control/owner".to_owned(),
        };
        let party = self.ground.world.fabric.parties().add(label, Kind::Attacker);
        let users =
            OtherUsers::new(&self.ground, who, party).map_err(|why| GrantError::Unable { vantage, why })?;
        let users = Arc::new(users);
        let (reach, files) = (super::Reach::new(users.clone()), super::Files::new(users));
        Ok(Foothold::new(vantage, stop.clone()).with_reach(reach).with_files(files))
    }

    /// A licence to flood one arm. The runner keeps `tally`.
    pub fn grant_flood(
        &self,
        arm: Arm,
        kind: FloodKind,
        bounds: FloodBounds,
        tally: Arc<FloodTally>,
        stop: &CancellationToken,
    ) -> Result<Foothold, GrantError> {
        let vantage = Vantage::PublicSniffer;
        let arms = self.ground.flooded.as_ref().ok_or_else(|| self.no_place(vantage, "no bystander"))?;
        let backend = FloodGround::new(&self.ground, arms, kind)?;
        let flood = Flood::new(Arc::new(backend), bounds, arm, kind, tally);
        Ok(Foothold::new(vantage, stop.clone()).with_flood(flood))
    }

    /// What a flood would hit.
    pub fn arms(&self) -> Option<&Arms> {
        self.ground.flooded.as_ref()
    }

    fn position(&self, vantage: Vantage) -> Result<Position, GrantError> {
        let architecture = &self.ground.architecture;
        let domain = |domain| architecture.segments_of(domain).collect::<Vec<_>>();
        let host_on = |domain| self.guest_host(vantage, domain);
        let (segments, host, sniffs, in_path) = match vantage {
            Vantage::PublicSniffer => (domain(SecurityDomain::Public), None, true, false),
            Vantage::PublicInPath => (domain(SecurityDomain::Public), None, false, true),
            Vantage::ManagementSniffer => (domain(SecurityDomain::Management), None, true, false),
            Vantage::ManagementInPath => (domain(SecurityDomain::Management), None, false, true),
            Vantage::Guest => (domain(SecurityDomain::Guest), Some(host_on(true)?), false, false),
            Vantage::EscapedHost => (domain(SecurityDomain::Management), Some(host_on(false)?), true, false),
            _ => return Err(self.no_place(vantage, "this vantage is not on a wire")),
        };
        if segments.is_empty() {
            return Err(self.no_place(vantage, "no segment of that domain"));
        }
        let party = self.ground.world.fabric.parties().add(format!("attacker/{vantage}"), Kind::Attacker);
        Ok(Position { segments, host, party, sniffs, in_path })
    }

    /// A guest, or the host a guest runs on.
    fn guest_host(&self, vantage: Vantage, guest: bool) -> Result<HostId, GrantError> {
        let architecture = &self.ground.architecture;
        let mut guests = architecture.host_ids().filter(|id| architecture[*id].inside.is_some());
        let found = guests.next().ok_or_else(|| self.no_place(vantage, "no guest runs anywhere"))?;
        if guest {
            return Ok(found);
        }
        architecture[found].inside.ok_or_else(|| self.no_place(vantage, "the guest runs on no host"))
    }

    fn no_place(&self, vantage: Vantage, why: &'static str) -> GrantError {
        GrantError::NoPlace { architecture: self.ground.architecture.name.clone(), vantage, why }
    }
}

/// Where an attacker stands.
pub(super) struct Position {
    /// Segments it touches.
    pub(super) segments: Vec<SegmentId>,
    /// The host it took over; `None` = a machine of its own.
    pub(super) host: Option<HostId>,
    /// Its number on the wire.
    pub(super) party: Party,
    sniffs: bool,
    in_path: bool,
}

impl Position {
    /// The address it dials from on a segment.
    pub(super) fn source(&self, ground: &Ground, segment: SegmentId) -> proxies::registry::SourceId {
        let registry = ground.world.fabric.registry();
        let taken = self.host.and_then(|host| ground.addresses.source(host, Place::Segment(segment)));
        taken.unwrap_or_else(|| registry.source(registry.draw_ip()))
    }
}
