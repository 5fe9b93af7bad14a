//! The decoy of a flood: a node of the public front's shape that serves nobody, with a sink behind it where the
//! front is a proxy.
//!
//! Same listener codec, same upstream codec, same program; only the service is missing. What a flood
//! against it costs honest users is the price of sharing this machine, not the architecture's.

use std::time::Duration;

use proxies::{
    balance::Policy,
    limits::Limits,
    proxy_header::Accept,
    registry::{Admit, EntryId, SourceId},
    tls::{ClientSettings, Identity, ServerSettings, Verification},
    transport::Party,
};

use super::{LaunchError, arms::Arms, plans::Drawing};
use crate::{
    architecture::{Architecture, Engine, Listener, ListenerId, SegmentId},
    fabric::{Acceptor, parties::Kind},
    foothold::Target,
    node::{
        plan::{DialPlan, ListenPlan, NodePlan, Onward, ProgramPlan},
        wiring::World,
    },
    pki::{Authority, DOMAIN, Usage},
    services::origin::Origin,
    vocabulary::SecurityDomain,
};

/// Its label on the wire and in figures.
const FRONT: &str = "bystander/front";

pub(super) struct Bystander {
    plans: Vec<NodePlan>,
    /// The program of its own that the front is, and as whom it runs.
    engine: Option<(Engine, String)>,
    pub(super) arms: Arms,
}

impl Bystander {
    pub(super) fn of(drawing: &Drawing<'_>, world: &World) -> Result<Self, LaunchError> {
        let victim = victim(drawing)?;
        let listener = &drawing.architecture[victim];
        let missing = || LaunchError::Unplaced { what: "a public front to flood".to_owned() };
        let crossed = listener.place.segment().ok_or_else(missing)?;
        let threads = drawing.architecture[listener.process].threads;
        let shape = Shape::of(drawing.architecture, listener);
        let process = &drawing.architecture[listener.process];
        let engine = process.engine.is_foreign().then(|| (process.engine, process.user.clone()));
        let making = Making::new(drawing, world, (crossed, engine.is_some()), threads)?;
        world.fabric.name_acceptor(
            making.front,
            Acceptor { label: FRONT.to_owned(), target: Target::unnamed(), instead_of: None },
        );
        let arms = Arms {
            victim: drawing.addresses.entry(victim).ok_or_else(missing)?,
            victim_label: drawing.architecture.process_label(listener.process),
            victim_name: drawing.server_name(victim),
            decoy: making.front,
            decoy_label: FRONT.to_owned(),
            decoy_name: making.name.clone(),
            segment: crossed,
            party: world.fabric.parties().add("attacker/flood", Kind::Flood),
            shakes_hands: drawing.architecture.speaks_tls(victim),
            ends_tls: listener.identity.is_some(),
        };
        Ok(Self { plans: making.plans(shape), engine, arms })
    }

    /// The program of its own that serves a plan, and as whom.
    pub(super) fn engine_of(&self, plan: &NodePlan) -> Option<(Engine, String)> {
        self.engine.clone().filter(|_| plan.label == FRONT)
    }

    pub(super) fn plans(&self) -> Vec<NodePlan> {
        self.plans.clone()
    }
}

/// What the victim does with a connection.
#[derive(Clone, Copy)]
enum Shape {
    /// Answers it itself.
    Service { tls: bool },
    /// Forwards it, after its own codec and before the next.
    Forwards { tls: bool, onward_tls: bool },
    /// Passes it on by name, unopened.
    Passes,
}

impl Shape {
    fn of(architecture: &Architecture, listener: &Listener) -> Self {
        let tls = listener.identity.is_some();
        match listener.forward {
            Some(forward) => Self::Forwards { tls, onward_tls: architecture[forward].tls.is_some() },
            None if listener.routes.is_empty() => Self::Service { tls },
            None => Self::Passes,
        }
    }
}

/// Addresses and certificate of a bystander to be.
struct Making {
    front: EntryId,
    sink: EntryId,
    source: SourceId,
    party: Party,
    crossed: SegmentId,
    /// The front is a program of its own, tapped by whoever dials it.
    foreign: bool,
    threads: usize,
    name: String,
    authority: Vec<u8>,
    leaf: Identity,
}

impl Making {
    fn new(
        drawing: &Drawing<'_>,
        world: &World,
        (crossed, foreign): (SegmentId, bool),
        threads: usize,
    ) -> Result<Self, LaunchError> {
        let registry = drawing.registry;
        let hold = |threads| registry.hold(registry.draw_ip(), None, threads, Admit::Announced);
        let authority = Authority::new("bystander", true)?;
        let name = format!("bystander.{DOMAIN}");
        let leaf = authority.leaf(std::slice::from_ref(&name), false, Usage::Server)?;
        let front = if foreign { registry.keep(registry.draw_ip(), None)? } else { hold(threads)? };
        if foreign {
            world.fabric.tap_at_dialers(front);
        }
        Ok(Self {
            front,
            sink: hold(1)?,
            source: registry.source(registry.draw_ip()),
            party: world.fabric.parties().add(FRONT, Kind::Honest),
            crossed,
            foreign,
            threads,
            authority: authority.der().to_vec(),
            name,
            leaf,
        })
    }

    fn plans(&self, shape: Shape) -> Vec<NodePlan> {
        let crossed = Some(self.crossed).filter(|_| !self.foreign);
        match shape {
            Shape::Service { tls } => {
                let listeners = vec![self.listen(self.front, crossed, tls)];
                vec![plan(FRONT, self.threads, ProgramPlan::Sink { listeners })]
            }
            Shape::Forwards { tls, onward_tls } => {
                let onward = Onward::To(self.dial(onward_tls));
                self.pair((self.listen(self.front, crossed, tls), onward), onward_tls)
            }
            Shape::Passes => {
                let routes = vec![(self.name.clone(), vec![self.dial(false)])];
                let onward = Onward::ByName { routes, localhost: None, policy: Policy::default() };
                self.pair((self.listen(self.front, crossed, false), onward), true)
            }
        }
    }

    fn pair(&self, door: (ListenPlan, Onward), sink_tls: bool) -> Vec<NodePlan> {
        let sink = ProgramPlan::Sink { listeners: vec![self.listen(self.sink, None, sink_tls)] };
        let front = ProgramPlan::Proxy { doors: vec![door] };
        vec![plan("bystander/sink", 1, sink), plan(FRONT, self.threads, front)]
    }

    fn listen(&self, entry: EntryId, crossing: Option<SegmentId>, tls: bool) -> ListenPlan {
        let tls = tls.then(|| ServerSettings::new(self.leaf.clone()));
        ListenPlan {
            entry,
            crossing,
            tls,
            client_cert: None,
            requests: false,
            filtered: false,
            accept_proxy: Accept::default(),
            ballast: Duration::ZERO,
            origin: Origin::default(),
        }
    }

    fn dial(&self, tls: bool) -> DialPlan {
        DialPlan {
            entry: self.sink,
            source: self.source,
            party: self.party,
            segment: None,
            tls: tls.then(|| {
                ClientSettings::new(vec![self.authority.clone()], Verification::Name, self.name.clone())
            }),
            authority: self.name.clone(),
            header: None,
        }
    }
}

fn plan(label: &str, threads: usize, program: ProgramPlan) -> NodePlan {
    NodePlan { label: label.to_owned(), threads, limits: Limits::default(), program }
}

/// The first listener of the file on a public segment.
fn victim(drawing: &Drawing<'_>) -> Result<ListenerId, LaunchError> {
    let architecture = drawing.architecture;
    let mut public = architecture.listener_ids().filter(|id| {
        architecture[*id]
            .place
            .segment()
            .is_some_and(|segment| architecture[segment].domain == SecurityDomain::Public)
    });
    public.next().ok_or_else(|| LaunchError::Unplaced { what: "a public front to flood".to_owned() })
}
