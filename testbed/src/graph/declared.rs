//! From an architecture to what is drawn of it: names in place of ids, and what protects each link.
//!
//! It says what the file declares. Whether a link is really protected, only a run can show.

use super::model::{Graph, Host, Link, Over, Process, Protection, Segment, Tls};
use crate::architecture::{Architecture, AuthorityId, DialId, HostId, IdentityId, ListenerId, Place, Verify};

/// Version of the JSON form. Fields may be added, never renamed.
const SCHEMA_VERSION: u32 = 1;

impl Graph {
    /// The topology an architecture declares.
    pub fn of(architecture: &Architecture) -> Self {
        let name = |id: HostId| architecture[id].name.clone();
        Self {
            schema_version: SCHEMA_VERSION,
            architecture: architecture.name.clone(),
            title: architecture.title.clone(),
            segments: architecture
                .segment_ids()
                .map(|id| Segment {
                    name: architecture[id].name.clone(),
                    domain: architecture[id].domain,
                    hosts: architecture.hosts_on(id).map(name).collect(),
                })
                .collect(),
            hosts: architecture.host_ids().map(|id| host(architecture, id)).collect(),
            links: architecture.dial_ids().map(|id| link(architecture, id)).collect(),
        }
    }
}

fn host(architecture: &Architecture, id: HostId) -> Host {
    let host = &architecture[id];
    Host {
        name: host.name.clone(),
        segments: host.segments.iter().map(|id| architecture[*id].name.clone()).collect(),
        inside: host.inside.map(|outer| architecture[outer].name.clone()),
        processes: architecture
            .processes_on(id)
            .map(|id| &architecture[id])
            .map(|process| Process {
                name: process.name.clone(),
                program: process.program.word(),
                user: process.user.clone(),
            })
            .collect(),
    }
}

fn link(architecture: &Architecture, id: DialId) -> Link {
    let dial = &architecture[id];
    let listener = &architecture[dial.to];
    Link {
        from: architecture.process_label(dial.process),
        dial: dial.name.clone(),
        to: architecture.process_label(listener.process),
        listener: listener.name.clone(),
        over: match listener.place {
            Place::Segment(_) => Over::Segment,
            Place::Local => Over::Local,
            Place::Unix => Over::Unix,
        },
        segment: architecture.segment_of(id).map(|id| architecture[id].name.clone()),
        protection: protection(architecture, id),
    }
}

fn protection(architecture: &Architecture, id: DialId) -> Protection {
    let dial = &architecture[id];
    let Some(tls) = &dial.tls else {
        let carries = architecture.listeners.iter().flat_map(|listener| &listener.routes);
        let routed = carries.flat_map(|route| &route.to).any(|to| *to == id);
        return if routed { Protection::PassThrough } else { Protection::Clear };
    };
    let authority = |id: AuthorityId| architecture[id].name.clone();
    let identity = met(architecture, dial.to, &tls.server_name);
    Protection::Tls(Tls {
        authority: identity.map(|id| authority(architecture[id].authority)),
        trust: tls.trust.iter().copied().map(authority).collect(),
        verify: match tls.verify {
            Verify::Name => "name",
            Verify::Chain => "chain",
            Verify::Off => "off",
        },
        server_name: tls.server_name.clone(),
        client_identity: tls.identity.map(|id| architecture[id].name.clone()),
    })
}

/// The certificate that answers whoever asks a listener for a name: its own, or, where it passes TLS on, that
/// of the first dial the name is routed to. Chains are free of loops.
fn met(architecture: &Architecture, listener: ListenerId, server_name: &str) -> Option<IdentityId> {
    let (mut listener, mut steps) = (&architecture[listener], architecture.listeners.len());
    while listener.identity.is_none() && steps > 0 {
        let route = listener.routes.iter().find(|route| route.name == server_name)?;
        listener = &architecture[architecture[*route.to.first()?].to];
        steps -= 1;
    }
    listener.identity
}
