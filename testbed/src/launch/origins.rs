//! What services may believe of callers, drawn from the topology: one place for each such decision.
//!
//! Reads the architecture only; opens nothing.

use super::plans::Drawing;
use crate::{
    architecture::{ListenerId, ProcessId, Program},
    services::{compute::Worker, origin::Origin},
};

impl Drawing<'_> {
    /// What a service knows of a listener of its own.
    pub fn origin(&self, listener: ListenerId) -> Origin {
        Origin {
            privileged: self.architecture[listener].privileged,
            believes_client_cert: self.is_behind_cleaners(listener),
        }
    }

    /// Does every proxy in front remove a `Client-Cert` the caller made up? A listener on a segment can be
    /// reached around any proxy, so nothing is believed there.
    fn is_behind_cleaners(&self, listener: ListenerId) -> bool {
        let architecture = self.architecture;
        if architecture[listener].place.segment().is_some() {
            return false;
        }
        let leads_here = |front: &ListenerId| {
            let front = &architecture[*front];
            let routed = front.routes.iter().flat_map(|route| &route.to);
            front.forward.iter().chain(routed).any(|dial| architecture[*dial].to == listener)
        };
        let mut fronts = architecture.listener_ids().filter(leads_here).peekable();
        fronts.peek().is_some() && fronts.all(|front| architecture[front].client_cert.is_some())
    }

    /// Do users reach this process over TLS, wherever that ends?
    pub fn is_reached_over_tls(&self, process: ProcessId) -> bool {
        let architecture = self.architecture;
        let mut dials = architecture
            .dial_ids()
            .map(|id| &architecture[id])
            .filter(|dial| architecture[dial.process].program == Program::Users)
            .filter(|dial| architecture[architecture.end_of(dial.to)].process == process)
            .peekable();
        dials.peek().is_some() && dials.all(|dial| dial.tls.is_some())
    }

    /// What the compute service says runs where: one worker for each host with an agent.
    pub fn workers(&self) -> Vec<Worker> {
        let architecture = self.architecture;
        let agents = architecture.process_ids().filter(|id| architecture[*id].program == Program::Agent);
        let worker = |agent: ProcessId| Worker {
            binary: "nova-compute".to_owned(),
            host: architecture[architecture[agent].host].name.clone(),
        };
        agents.map(worker).collect()
    }
}
