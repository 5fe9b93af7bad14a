//! What every rendering draws: segments, hosts, processes and links, by name.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    architecture::{Architecture, AuthorityId, DialId, HostId, IdentityId, ListenerId, Place, Verify},
    vocabulary::SecurityDomain,
};

/// Version of the JSON form. Fields may be added, never renamed.
const SCHEMA_VERSION: u32 = 1;

/// The topology of one architecture.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Graph {
    /// Version of this form.
    pub schema_version: u32,
    /// Its name.
    pub architecture: String,
    /// One line for people.
    pub title: String,
    /// Networks, in file order.
    pub segments: Vec<Segment>,
    /// Machines, in file order.
    pub hosts: Vec<Host>,
    /// Who dials whom, one entry per dial, in file order.
    pub links: Vec<Link>,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// Its security domain.
    pub domain: SecurityDomain,
    /// Hosts with an address on it.
    pub hosts: Vec<String>,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// Segments it has an address on.
    pub segments: Vec<String>,
    /// The host it is a guest of.
    pub inside: Option<String>,
    /// Programs on it.
    pub processes: Vec<Process>,
}

/// A program on a host.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Process {
    /// Its name, unique on its host.
    pub name: String,
    /// What it does: the word as in the file.
    pub program: &'static str,
    /// Who runs it.
    pub user: String,
}

/// A connection one process may open to another.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Link {
    /// `host/process` that dials.
    pub from: String,
    /// Name of its dial.
    pub dial: String,
    /// `host/process` that is dialled.
    pub to: String,
    /// Name of its listener.
    pub listener: String,
    /// What it runs over.
    pub over: Over,
    /// The segment it crosses; null within a host.
    pub segment: Option<String>,
    /// How it is protected.
    pub protection: Protection,
}

/// What a link runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// A network others stand on.
    Segment,
    /// The loopback of one host.
    Local,
    /// A Unix socket of one host.
    Unix,
}

/// How a link is protected.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Protection {
    /// Not at all, beyond what it runs over.
    Clear,
    /// By TLS this dial begins.
    Tls(Tls),
    /// By TLS of whoever dialled the proxy, which passes it on unopened.
    PassThrough,
}

/// The TLS of a link.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Tls {
    /// Who issued the certificate that answers; null where none does.
    pub authority: Option<String>,
    /// Authorities the dial accepts.
    pub trust: Vec<String>,
    /// What it checks: `name`, `chain` or `off`.
    pub verify: &'static str,
    /// The name it asks for.
    pub server_name: String,
    /// The client certificate it presents.
    pub client_identity: Option<String>,
}

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

/// Dials of one process to one other that are protected alike: one arrow to the eye.
pub(super) struct Arrow<'a> {
    /// The first of them.
    pub(super) link: &'a Link,
    /// Their names.
    pub(super) dials: Vec<&'a str>,
}

impl Graph {
    /// What is drawn between processes, in file order.
    pub(super) fn arrows(&self) -> Vec<Arrow<'_>> {
        let mut arrows: Vec<Arrow<'_>> = Vec::new();
        for link in &self.links {
            match arrows.iter_mut().find(|arrow| arrow.link.alike(link)) {
                Some(arrow) => arrow.dials.push(&link.dial),
                None => arrows.push(Arrow { link, dials: vec![&link.dial] }),
            }
        }
        arrows
    }

    /// Guests of a host.
    pub(super) fn guests(&self, host: &str) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(move |guest| guest.inside.as_deref() == Some(host))
    }

    /// Hosts that are nobody's guests.
    pub(super) fn outermost(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.inside.is_none())
    }
}

impl Process {
    /// What it is and who runs it.
    pub(super) fn words(&self) -> String {
        format!("program {}, run as {}", self.program, self.user)
    }
}

impl Link {
    fn alike(&self, other: &Self) -> bool {
        (&self.from, &self.to, self.over, &self.segment, self.words())
            == (&other.from, &other.to, other.over, &other.segment, other.words())
    }

    /// Its protection in a few words: `TLS internal, mutual`, `clear`, `local`, `passed through`.
    pub fn words(&self) -> String {
        match (&self.protection, self.over) {
            (Protection::Tls(tls), _) => tls.words(),
            (Protection::PassThrough, _) => "passed through".to_owned(),
            (Protection::Clear, Over::Segment) => "clear".to_owned(),
            (Protection::Clear, Over::Local) => "local".to_owned(),
            (Protection::Clear, Over::Unix) => "Unix socket".to_owned(),
        }
    }
}

impl Tls {
    fn words(&self) -> String {
        let mut words = match &self.authority {
            Some(authority) => format!("TLS {authority}"),
            None => "TLS".to_owned(),
        };
        if self.authority.as_ref().is_some_and(|authority| !self.trust.contains(authority)) {
            words += ", not trusted";
        }
        words += match self.verify {
            "chain" => ", any name",
            "off" => ", unverified",
            _ => "",
        };
        if self.client_identity.is_some() {
            words += ", mutual";
        }
        words
    }
}
