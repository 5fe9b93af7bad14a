//! An architecture becomes a running cloud, and two values come out: footholds for whoever attacks, a ledger
//! for whoever judges.
//!
//! ```text
//!  files ─▶ addresses ─▶ pki ─▶ fabric ─▶ plans ─▶ engines, nodes   targets, bystander ─▶ Footholds
//!                                                        everything seen    ─▶ Ledger
//! ```
//!
//! Everything ends with [`Ledger::teardown`].

pub mod addresses;
pub mod arms;
mod bystander;
mod engines;
mod options;
mod origins;
pub mod plans;
pub mod published;
mod queues;
mod records;
mod settings;
pub mod targets;
pub mod users;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use proxies::{
    registry::{Admit, EntryId, Registry},
    transport::{Party, tcp::TcpDialer},
};
use tokio::time::Instant;

pub use self::options::{LaunchError, LaunchOptions, Outside, Realisation};
use self::{
    addresses::Addresses,
    bystander::Bystander,
    engines::{Raised, Wanted},
    plans::Drawing,
    published::Published,
    queues::QueueLogins,
    records::Records,
    targets::Targets,
};
use crate::{
    architecture::{Architecture, ListenerId, Process, ProcessId},
    canary::Canaries,
    capture::FlowStore,
    custody::{Custody, keys::Keys},
    engine::Running,
    fabric::{Acceptor, parties::Kind, relay},
    files::RunFiles,
    foothold::grant::{Footholds, Ground},
    ledger::Ledger,
    node::{Node, meter::CpuMeter, plan::Login, thread::NodeThread, wiring::World},
    pki::Pki,
    services::{identity::NewUser, plant::Plant},
    vocabulary::Asset,
};

/// The project every honest user and the service users belong to.
pub const PROJECT: &str = "demo";
/// The region every catalog entry stands in.
pub const REGION: &str = "RegionOne";

/// Brings an architecture up; every listener answers when this returns.
pub async fn launch(
    architecture: &Architecture,
    options: LaunchOptions,
) -> Result<(Footholds, Ledger), LaunchError> {
    let began = Instant::now();
    let with_bystander = options.bystander;
    let mut made = Making::new(architecture, options)?;
    made.name_acceptors();
    made.start_relays()?;
    made.start_engines().await?;
    made.start_nodes()?;
    made.provision_service_user().await?;
    let bystander = if with_bystander { Some(made.start_bystander().await?) } else { None };
    made.finish(bystander, began)
}

struct Making<'a> {
    architecture: &'a Architecture,
    options: LaunchOptions,
    registry: Registry,
    addresses: Addresses,
    files: Arc<RunFiles>,
    pki: Pki,
    canaries: Canaries,
    world: World,
    seen: Arc<Mutex<crate::ledger::Seen>>,
    capture: Arc<Mutex<FlowStore>>,
    plant: Arc<dyn Plant>,
    service_user: Login,
    queue_logins: QueueLogins,
    parties: BTreeMap<ProcessId, Party>,
    fronts: BTreeMap<ListenerId, EntryId>,
    targets: Targets,
    relays: Vec<NodeThread>,
    engines: Vec<Running>,
    nodes: Vec<Node>,
}

impl<'a> Making<'a> {
    fn new(architecture: &'a Architecture, options: LaunchOptions) -> Result<Self, LaunchError> {
        let registry = Registry::new();
        let failed = |source| LaunchError::Start { what: "the files of the hosts".to_owned(), source };
        let mut files = RunFiles::new(architecture).map_err(failed)?;
        let outside = options.outside.is_some();
        let addresses = Addresses::bind(&registry, architecture, outside, &files)?;
        let pki = Pki::new(architecture, outside)?;
        files.write_keys(architecture, &pki, options.key_mode).map_err(failed)?;
        let Records { canaries, seen, capture, fabric, plant } = Records::new(&registry, &options)?;
        let service_user = Login {
            name: "nova".to_owned(),
            password: plant.plant(Asset::Password),
            project: "service".to_owned(),
        };
        let queue_logins = QueueLogins::plant(architecture, &*plant);
        let parties = architecture
            .process_ids()
            .map(|id| (id, fabric.parties().add(architecture.process_label(id), Kind::Honest)))
            .collect();
        let fronts = fronts(&registry, architecture, options.realisation)?;
        let custody = options.custody.map(|bounds| {
            Custody::new(fabric.clone(), entry_names(architecture, &addresses, &fronts), bounds)
        });
        let world = records::world(fabric, custody, !options.unrecorded);
        let targets = Targets::new(architecture, &addresses, &fronts, &registry);
        Ok(Self {
            architecture,
            options,
            registry,
            addresses,
            files: Arc::new(files),
            pki,
            canaries,
            world,
            seen,
            capture,
            plant,
            service_user,
            queue_logins,
            parties,
            fronts,
            targets,
            relays: Vec::new(),
            engines: Vec::new(),
            nodes: Vec::new(),
        })
    }

    fn drawing(&self) -> Drawing<'_> {
        Drawing {
            architecture: self.architecture,
            addresses: &self.addresses,
            pki: &self.pki,
            registry: &self.registry,
            fronts: &self.fronts,
            realisation: self.options.realisation,
            parties: &self.parties,
            outside: self.options.outside,
            ballast: self.options.ballast,
            limits: self.options.limits,
            service_user: &self.service_user,
            queue_logins: &self.queue_logins,
        }
    }

    fn name_acceptors(&self) {
        for listener in self.architecture.listener_ids() {
            let label = self.architecture.process_label(self.architecture[listener].process);
            if let Some((entry, target)) = self.targets.of(listener) {
                if self.drawing().is_tapped_at_dialers(listener) {
                    self.world.fabric.tap_at_dialers(entry);
                }
                self.world.fabric.name_acceptor(entry, Acceptor { label, target, instead_of: None });
            }
        }
    }

    fn start_relays(&mut self) -> Result<(), LaunchError> {
        let failed = |source| LaunchError::Start { what: "a segment's relay".to_owned(), source };
        for (listener, front) in self.fronts.clone() {
            let place = self.architecture[listener].place;
            let (Some(segment), Some(onward)) = (place.segment(), self.addresses.entry(listener)) else {
                continue;
            };
            let party = self.world.fabric.parties().add("segment/relay", Kind::Relay);
            let source = self.registry.source(self.registry.draw_ip());
            let onward = TcpDialer::new(self.registry.clone(), source, party, onward).map_err(failed)?;
            self.relays.push(relay::start(&self.world.fabric, segment, front, onward).map_err(failed)?);
        }
        Ok(())
    }

    /// Every program of its own, before anybody needs it.
    async fn start_engines(&mut self) -> Result<(), LaunchError> {
        engines::check(self.architecture)?;
        let mut wanted = Vec::new();
        for process in self.architecture.process_ids() {
            let Process { engine, user, .. } = &self.architecture[process];
            if let Some(plan) = self.drawing().node(process)?.filter(|_| engine.is_foreign()) {
                wanted.push(Wanted { plan, engine: *engine, user: user.clone() });
            }
        }
        self.raise(wanted).await
    }

    async fn raise(&mut self, wanted: Vec<Wanted>) -> Result<(), LaunchError> {
        for Raised { running, doors } in engines::raise((&self.world, &self.files), wanted).await? {
            self.engines.push(running);
            self.relays.extend(doors);
        }
        Ok(())
    }

    fn start_nodes(&mut self) -> Result<(), LaunchError> {
        let ours = |id: &ProcessId| !self.architecture[*id].engine.is_foreign();
        for process in self.architecture.process_ids().filter(ours) {
            if let Some(plan) = self.drawing().node(process)? {
                let what = plan.label.clone();
                let node = Node::start(plan, &self.world, &self.plant)
                    .map_err(|source| LaunchError::Start { what, source })?;
                self.nodes.push(node);
            }
        }
        Ok(())
    }

    async fn provision_service_user(&self) -> Result<(), LaunchError> {
        let Login { name, password, project } = &self.service_user;
        for identity in self.nodes.iter().filter_map(Node::identity) {
            let user = NewUser {
                name: name.clone(),
                password: password.clone(),
                roles: vec!["service".to_owned(), "admin".to_owned()],
                project: project.clone(),
            };
            identity.provision(user).await.map_err(|error| LaunchError::ServiceUser(error.to_string()))?;
        }
        Ok(())
    }

    async fn start_bystander(&mut self) -> Result<Bystander, LaunchError> {
        let bystander = Bystander::of(&self.drawing(), &self.world)?;
        let failed = |source| LaunchError::Start { what: "the bystander".to_owned(), source };
        for plan in bystander.plans() {
            if let Some((engine, user)) = bystander.engine_of(&plan) {
                self.raise(vec![Wanted { plan, engine, user }]).await?;
                continue;
            }
            self.nodes.push(Node::start(plan, &self.world, &self.plant).map_err(failed)?);
        }
        Ok(bystander)
    }

    fn finish(
        self,
        bystander: Option<Bystander>,
        began: Instant,
    ) -> Result<(Footholds, Ledger), LaunchError> {
        let mut meter = CpuMeter::default();
        for node in &self.nodes {
            meter.add(node.label(), node.thread_ids());
        }
        // No `host/process`: these lines are the testbed's own and stay out of sums over nodes.
        for engine in &self.engines {
            meter.add_process(engine.label(), engine.pid());
        }
        meter.add("tap", [self.world.fabric.tap_thread()]);
        if !self.relays.is_empty() {
            meter.add("relay", self.relays.iter().map(NodeThread::id));
        }
        let names = self.addresses.names(self.architecture);
        let names = names.map(|(ip, name)| (ip.to_ip(), name)).collect();
        let users = users::Doors::of(&self.drawing())?;
        let published = Published::of(&self.drawing());
        let login_page = Published::login_page(&self.drawing());
        let public_names = published::public_names(&self.drawing());
        let keys = Keys::of(self.architecture, &self.pki);
        let footholds = Footholds::new(Ground {
            architecture: self.architecture.clone(),
            world: self.world.clone(),
            targets: self.targets,
            flooded: bystander.map(|bystander| bystander.arms),
            addresses: self.addresses,
            keys: keys.clone(),
            programs: self.engines.iter().map(|engine| (engine.label().to_owned(), engine.pid())).collect(),
            files: self.files.clone(),
            helper: self.options.helper,
        });
        let ledger = Ledger {
            architecture: self.architecture.clone(),
            fabric: self.world.fabric.clone(),
            canaries: self.canaries,
            key_log: self.world.key_log.clone(),
            files: self.files,
            seen: self.seen,
            capture: self.capture,
            launched_in: began.elapsed(),
            names,
            authorities: self
                .architecture
                .authority_ids()
                .map(|id| (self.architecture[id].name.clone(), self.pki.authority(id).pem().to_owned()))
                .collect(),
            users,
            published,
            login_page,
            public_names,
            plant: self.plant,
            service_password: self.service_user.password,
            keys,
            world: self.world,
            relays: self.relays,
            engines: self.engines,
            nodes: self.nodes,
            meter,
        };
        Ok((footholds, ledger))
    }
}

/// Who accepts behind each entry that is dialled.
fn entry_names(
    architecture: &Architecture,
    addresses: &Addresses,
    fronts: &BTreeMap<ListenerId, EntryId>,
) -> BTreeMap<EntryId, String> {
    let named = |id: ListenerId| {
        let label = architecture.process_label(architecture[id].process);
        let entries = [addresses.entry(id), fronts.get(&id).copied()];
        entries.into_iter().flatten().map(move |entry| (entry, label.clone()))
    };
    architecture.listener_ids().flat_map(named).collect()
}

/// An entry for a relay in front of every listener on a segment.
fn fronts(
    registry: &Registry,
    architecture: &Architecture,
    realisation: Realisation,
) -> Result<BTreeMap<ListenerId, EntryId>, LaunchError> {
    if realisation != Realisation::Relay {
        return Ok(BTreeMap::new());
    }
    let crossing = architecture.listener_ids().filter(|id| architecture[*id].place.segment().is_some());
    crossing.map(|id| Ok((id, registry.hold(registry.draw_ip(), None, 1, Admit::Announced)?))).collect()
}
