//! The decoy of a flood: a node of the public front's shape that serves nobody, with a sink behind it.
//!
//! Same listener codec, same upstream codec, same program; only the service behind is missing. What a flood
//! against it costs honest users is the price of sharing this machine, not the architecture's.

use std::time::Duration;

use proxies::{
    limits::Limits,
    registry::Admit,
    tls::{ClientSettings, Verification},
};

use super::{LaunchError, arms::Arms, plans::Drawing};
use crate::{
    architecture::ListenerId,
    fabric::{Acceptor, parties::Kind},
    foothold::Target,
    node::{
        plan::{DialPlan, ListenPlan, NodePlan, ProgramPlan},
        wiring::World,
    },
    pki::{Authority, DOMAIN},
    services::origin::Origin,
    vocabulary::SecurityDomain,
};

pub(super) struct Bystander {
    front: NodePlan,
    sink: NodePlan,
    pub(super) arms: Arms,
}

impl Bystander {
    pub(super) fn of(drawing: &Drawing<'_>, world: &World) -> Result<Self, LaunchError> {
        let victim = victim(drawing)?;
        let listener = &drawing.architecture[victim];
        let missing = || LaunchError::Unplaced { what: "a public front to flood".to_owned() };
        let (crossed, victim_entry) =
            (listener.place.segment().ok_or_else(missing)?, drawing.addresses.entry(victim));
        let registry = drawing.registry;
        let threads = drawing.architecture[listener.process].threads;
        let hold = |threads| registry.hold(registry.draw_ip(), None, threads, Admit::Announced);
        let (front_entry, sink_entry) = (hold(threads)?, hold(1)?);
        let authority = Authority::new("bystander", true)?;
        let name = format!("bystander.{DOMAIN}");
        let leaf = authority.leaf(std::slice::from_ref(&name), false)?;
        let upstream_tls =
            listener.forward.is_some_and(|forward| drawing.architecture[forward].tls.is_some());
        let listen = |entry, crossing, tls: bool| ListenPlan {
            entry,
            crossing,
            tls: tls.then(|| leaf.clone()),
            ballast: Duration::ZERO,
            origin: Origin::default(),
        };
        let dial = DialPlan {
            entry: sink_entry,
            source: registry.source(registry.draw_ip()),
            party: world.fabric.parties().add("bystander/proxy", Kind::Honest),
            segment: None,
            tls: upstream_tls.then(|| ClientSettings {
                roots: vec![authority.der().to_vec()],
                verification: Verification::Name,
                server_name: name.clone(),
            }),
            authority: name.clone(),
        };
        let front = listen(front_entry, Some(crossed), listener.identity.is_some());
        world.fabric.name_acceptor(
            front_entry,
            Acceptor { label: "bystander/proxy".to_owned(), target: Target::unnamed(), instead_of: None },
        );
        let sink = ProgramPlan::Sink { listeners: vec![listen(sink_entry, None, upstream_tls)] };
        Ok(Self {
            front: plan("bystander/proxy", threads, ProgramPlan::Proxy { routes: vec![(front, dial)] }),
            sink: plan("bystander/sink", 1, sink),
            arms: Arms {
                victim: victim_entry.ok_or_else(missing)?,
                victim_label: drawing.architecture.process_label(listener.process),
                decoy: front_entry,
                decoy_label: "bystander/proxy".to_owned(),
                segment: crossed,
                party: world.fabric.parties().add("attacker/flood", Kind::Flood),
                shakes_hands: listener.identity.is_some(),
            },
        })
    }

    pub(super) fn plans(&self) -> [NodePlan; 2] {
        [self.sink.clone(), self.front.clone()]
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
