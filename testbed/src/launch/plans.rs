//! From an architecture, its addresses and its certificates to one plan per process. Opens nothing.

use std::{collections::BTreeMap, time::Duration};

use proxies::{
    limits::Limits,
    proxy_header::{Accept, Peer},
    registry::{EntryId, Registry},
    transport::Party,
};

use super::{
    LaunchError, Outside, Realisation, addresses::Addresses, engines::is_foreign, origins,
    published::version, queues::QueueLogins,
};
use crate::{
    architecture::{Architecture, Dial, DialId, Listener, ListenerId, Place, ProcessId, Program, Protocol},
    node::plan::{DialPlan, ListenPlan, Login, NodePlan, Onward, ProgramPlan},
    pki::{DOMAIN, Pki},
    services::catalog::CatalogEntry,
};

/// Everything plans are made from.
pub struct Drawing<'a> {
    /// What to build.
    pub architecture: &'a Architecture,
    /// Where everything is.
    pub addresses: &'a Addresses,
    /// Whose certificates.
    pub pki: &'a Pki,
    /// For port numbers.
    pub registry: &'a Registry,
    /// Entries dialers use instead of a listener's own, where a relay stands in front.
    pub fronts: &'a BTreeMap<ListenerId, EntryId>,
    /// How crossings are realised.
    pub realisation: Realisation,
    /// Each process's number on the wire.
    pub parties: &'a BTreeMap<ProcessId, Party>,
    /// How outside clients call public listeners, if there are any.
    pub outside: Option<Outside>,
    /// Extra CPU per handshake on public fronts.
    pub ballast: Duration,
    /// Deadlines and bounds of every node.
    pub limits: Limits,
    /// How compute logs in with identity.
    pub service_user: &'a Login,
    /// How everyone who uses the queue logs in there.
    pub queue_logins: &'a QueueLogins,
}

impl Drawing<'_> {
    /// The plan of a process; `None` for honest users, who are no node of their own.
    pub fn node(&self, process: ProcessId) -> Result<Option<NodePlan>, LaunchError> {
        let described = &self.architecture[process];
        let listeners = || {
            described.listeners.iter().map(|listener| self.listen(*listener)).collect::<Result<Vec<_>, _>>()
        };
        let program = match described.program {
            Program::Users => return Ok(None),
            Program::Queue => self.queue(process)?,
            Program::Agent => self.agent(process)?,
            Program::Proxy => ProgramPlan::Proxy { doors: self.doors(process)? },
            Program::Identity { hash_threads } => ProgramPlan::Identity {
                listeners: listeners()?,
                hash_threads,
                bind_tokens: described.bind_tokens,
                endpoint: self.public_url(process),
                catalog: self.catalog(),
            },
            Program::Compute => ProgramPlan::Compute {
                listeners: listeners()?,
                endpoint: self.public_url(process),
                identity_uri: self.catalog_url("identity"),
                identity: Box::new(self.dial(self.named_dial(process, "identity")?)?),
                service_user: self.service_user.clone(),
                queue: self.publishing(process)?,
                bind_tokens: described.bind_tokens,
                workers: origins::workers(self.architecture),
            },
            Program::LoginPage => ProgramPlan::LoginPage {
                listeners: listeners()?,
                identity: Box::new(self.dial(self.named_dial(process, "identity")?)?),
                secure: origins::is_reached_over_tls(self.architecture, process),
            },
        };
        Ok(Some(NodePlan {
            label: self.architecture.process_label(process),
            // An agent has one connection: nothing for a second thread to do.
            threads: if described.program == Program::Agent { 1 } else { described.threads },
            limits: self.limits,
            program,
        }))
    }

    /// The plan of a dial.
    pub fn dial(&self, id: DialId) -> Result<DialPlan, LaunchError> {
        let dial = &self.architecture[id];
        let place = self.architecture[dial.to].place;
        let host = self.architecture[dial.process].host;
        let lost = || LaunchError::Unplaced { what: self.architecture.dial_label(id) };
        let entry = self.fronts.get(&dial.to).copied().or_else(|| self.addresses.entry(dial.to));
        Ok(DialPlan {
            entry: entry.ok_or_else(lost)?,
            source: self.addresses.source(host, place).ok_or_else(lost)?,
            party: self.parties.get(&dial.process).copied().ok_or_else(lost)?,
            segment: place.segment(),
            tls: dial.tls.as_ref().map(|tls| self.client_settings(tls)),
            authority: self.asked(dial),
            header: dial.proxy_header,
        })
    }

    /// What a dial calls the far side: the name it asks for in its hello, where it says one and nobody from
    /// outside is meant to ask for another.
    fn asked(&self, dial: &Dial) -> String {
        let authority = self.authority(dial.to);
        match (&dial.tls, authority.rsplit_once(':')) {
            (Some(tls), Some((_, port))) if self.outside.is_none() => format!("{}:{port}", tls.server_name),
            _ => authority,
        }
    }

    /// A dial of a process by its name.
    pub fn named_dial(&self, process: ProcessId, name: &str) -> Result<DialId, LaunchError> {
        let dials = &self.architecture[process].dials;
        dials.iter().copied().find(|id| self.architecture[*id].name == name).ok_or_else(|| {
            LaunchError::Unplaced { what: format!("{}/{name}", self.architecture.process_label(process)) }
        })
    }

    /// The name clients use for a listener: the first it routes or its certificate has, else one made from its
    /// place.
    pub fn server_name(&self, listener: ListenerId) -> String {
        if let Some(name) = self.architecture.own_name(listener) {
            return name.to_owned();
        }
        let host = &self.architecture[self.architecture.host_of(listener)].name;
        format!("{}.{host}.{DOMAIN}", self.architecture[listener].name)
    }

    /// A listener of a process.
    pub fn listen(&self, id: ListenerId) -> Result<ListenPlan, LaunchError> {
        let listener = &self.architecture[id];
        let entry = self.addresses.entry(id);
        let public = self.is_public(listener.place);
        Ok(ListenPlan {
            entry: entry
                .ok_or_else(|| LaunchError::Unplaced { what: self.architecture.listener_label(id) })?,
            crossing: listener.place.segment().filter(|_| self.is_tapped_there(id)),
            tls: self.server_settings(listener)?,
            client_cert: self.client_cert(listener),
            requests: listener.protocol == Protocol::Http,
            filtered: listener.filter.is_some(),
            accept_proxy: self.accept_proxy(listener)?,
            ballast: if public { self.ballast } else { Duration::ZERO },
            origin: origins::origin(self.architecture, id),
        })
    }

    /// Is what crosses to a listener tapped by whoever accepts it?
    fn is_tapped_there(&self, id: ListenerId) -> bool {
        !self.fronts.contains_key(&id) && !self.is_tapped_at_dialers(id)
    }

    /// Is what crosses to a listener tapped by whoever dials it?
    pub fn is_tapped_at_dialers(&self, id: ListenerId) -> bool {
        let crosses = self.architecture[id].place.segment().is_some() && !self.fronts.contains_key(&id);
        crosses && (self.realisation == Realisation::Dialer || is_foreign(self.architecture, id))
    }

    /// Whose PROXY headers a listener believes.
    fn accept_proxy(&self, listener: &Listener) -> Result<Accept, LaunchError> {
        let party = |process: &ProcessId| {
            let lost = || LaunchError::Unplaced { what: self.architecture.process_label(*process) };
            self.parties.get(process).copied().map(Peer::Party).ok_or_else(lost)
        };
        Ok(Accept { from: listener.accept_proxy.iter().map(party).collect::<Result<_, _>>()? })
    }

    fn doors(&self, process: ProcessId) -> Result<Vec<(ListenPlan, Onward)>, LaunchError> {
        let listeners = self.architecture[process].listeners.iter();
        listeners.map(|id| Ok((self.listen(*id)?, self.onward(*id)?))).collect()
    }

    fn onward(&self, id: ListenerId) -> Result<Onward, LaunchError> {
        let listener = &self.architecture[id];
        if let Some(forward) = listener.forward {
            return Ok(Onward::To(self.dial(forward)?));
        }
        let dials = |to: &[DialId]| to.iter().map(|dial| self.dial(*dial)).collect::<Result<Vec<_>, _>>();
        let routes = listener.routes.iter().map(|route| Ok((route.name.clone(), dials(&route.to)?)));
        let taken_by_all = self.outside.is_some() && self.is_public(listener.place);
        Ok(Onward::ByName {
            routes: routes.collect::<Result<_, LaunchError>>()?,
            localhost: taken_by_all.then(|| self.server_name(id)),
            policy: listener.balance,
        })
    }

    /// Is a place on a segment of the public domain?
    pub fn is_public(&self, place: Place) -> bool {
        place.segment().is_some_and(|segment| {
            self.architecture[segment].domain == crate::vocabulary::SecurityDomain::Public
        })
    }

    /// `name:port` by which clients call a listener.
    pub fn authority(&self, listener: ListenerId) -> String {
        let port = self.addresses.entry(listener).and_then(|entry| self.registry.at(entry));
        let port = port.map_or(0, proxies::transport::loopback::Loopback::port);
        format!("{}:{port}", self.called(listener))
    }

    /// `scheme://authority` of a listener.
    pub fn url(&self, listener: ListenerId) -> String {
        let scheme = if self.architecture.speaks_tls(listener) { "https" } else { "http" };
        format!("{scheme}://{}", self.authority(listener))
    }

    /// What a service calls itself: its public catalog entry, or its own first listener.
    fn public_url(&self, process: ProcessId) -> String {
        let serves = |listener: &ListenerId| self.architecture[*listener].process == process;
        let published = self
            .architecture
            .catalog
            .iter()
            .find(|service| self.architecture.ends_of(service.public).iter().any(serves));
        let listener =
            published.map(|service| service.public).or(self.architecture[process].listeners.first().copied());
        listener.map_or_else(String::new, |listener| self.url(listener))
    }

    fn catalog_url(&self, service_type: &str) -> String {
        let service = self.architecture.catalog.iter().find(|service| service.service_type == service_type);
        service.map_or_else(String::new, |service| self.url(service.public))
    }

    fn catalog(&self) -> Vec<CatalogEntry> {
        let services = self.architecture.catalog.iter();
        services
            .map(|service| {
                let url = |listener| format!("{}{}", self.url(listener), version(&service.service_type));
                CatalogEntry {
                    service_type: service.service_type.clone(),
                    name: service.name.clone(),
                    public: url(service.public),
                    internal: url(service.internal),
                    admin: url(service.admin),
                }
            })
            .collect()
    }
}
