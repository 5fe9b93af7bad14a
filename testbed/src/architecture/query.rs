//! Questions about a resolved architecture: names, links, who stands where. It changes nothing; the
//! variations it can make are copies with a named weakness applied, or with another program in its proxies' places.

use std::collections::BTreeSet;

use super::{
    Architecture, AuthorityId, Dial, DialId, Engine, HostId, IdentityId, Listener, ListenerId, Place,
    Process, ProcessId, Program, SegmentId, Weakness, suggest::help_for,
};
use crate::vocabulary::SecurityDomain;

/// A scenario asks for a weakness the architecture does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("architecture `{architecture}` has no weakness `{weakness}`{}", .help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default())]
pub struct UnknownWeakness {
    /// Which architecture.
    pub architecture: String,
    /// What was asked for.
    pub weakness: String,
    /// The nearest one, or all.
    pub help: Option<String>,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $method:ident: $field:ident => $id:ident,)+) => {
        /// Ids of everything, in file order.
        impl Architecture {$(
            $(#[$doc])*
            pub fn $method(&self) -> impl DoubleEndedIterator<Item = $id> + use<> {
                (0..self.$field.len()).map($id)
            }
        )+}
    };
}

ids! {
    /// Every segment.
    segment_ids: segments => SegmentId,
    /// Every host.
    host_ids: hosts => HostId,
    /// Every process.
    process_ids: processes => ProcessId,
    /// Every listener.
    listener_ids: listeners => ListenerId,
    /// Every dial.
    dial_ids: dials => DialId,
    /// Every authority.
    authority_ids: authorities => AuthorityId,
    /// Every identity.
    identity_ids: identities => IdentityId,
}

/// From names to ids.
impl Architecture {
    /// The segment of that name.
    pub fn segment(&self, name: &str) -> Option<SegmentId> {
        self.segment_ids().find(|id| self[*id].name == name)
    }

    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.host_ids().find(|id| self[*id].name == name)
    }

    /// The process called `host/process`.
    pub fn process(&self, label: &str) -> Option<ProcessId> {
        self.process_ids().find(|id| self.process_label(*id) == label)
    }

    /// The listener called `host/process/listener`.
    pub fn listener(&self, label: &str) -> Option<ListenerId> {
        self.listener_ids().find(|id| self.listener_label(*id) == label)
    }

    /// The dial called `host/process/dial`.
    pub fn dial(&self, label: &str) -> Option<DialId> {
        self.dial_ids().find(|id| self.dial_label(*id) == label)
    }

    /// The authority of that name.
    pub fn authority(&self, name: &str) -> Option<AuthorityId> {
        self.authority_ids().find(|id| self[*id].name == name)
    }

    /// The identity of that name.
    pub fn identity(&self, name: &str) -> Option<IdentityId> {
        self.identity_ids().find(|id| self[*id].name == name)
    }

    /// The weakness of that name.
    pub fn weakness(&self, name: &str) -> Option<&Weakness> {
        self.weaknesses.iter().find(|weakness| weakness.name == name)
    }
}

/// From ids to names.
impl Architecture {
    /// `host/process`
    pub fn process_label(&self, id: ProcessId) -> String {
        let Process { host, name, .. } = &self[id];
        format!("{}/{name}", self[*host].name)
    }

    /// `host/process/listener`
    pub fn listener_label(&self, id: ListenerId) -> String {
        let Listener { process, name, .. } = &self[id];
        format!("{}/{name}", self.process_label(*process))
    }

    /// `host/process/dial`
    pub fn dial_label(&self, id: DialId) -> String {
        let Dial { process, name, .. } = &self[id];
        format!("{}/{name}", self.process_label(*process))
    }

    /// `host/process>host/process`: who dials whom. Two dials of one process to one other share it.
    pub fn link(&self, id: DialId) -> String {
        let dial = &self[id];
        format!("{}>{}", self.process_label(dial.process), self.process_label(self[dial.to].process))
    }
}

/// Who stands where.
impl Architecture {
    /// The segment a dial crosses; `None` on a host-local link.
    pub fn segment_of(&self, id: DialId) -> Option<SegmentId> {
        self[self[id].to].place.segment()
    }

    /// Hosts with an address on a segment, in file order.
    pub fn hosts_on(&self, segment: SegmentId) -> impl Iterator<Item = HostId> {
        self.host_ids().filter(move |id| self[*id].segments.contains(&segment))
    }

    /// Segments of a security domain, in file order.
    pub fn segments_of(&self, domain: SecurityDomain) -> impl Iterator<Item = SegmentId> {
        self.segment_ids().filter(move |id| self[*id].domain == domain)
    }

    /// Listeners that stand on a segment, in file order.
    pub fn listeners_on(&self, segment: SegmentId) -> impl Iterator<Item = ListenerId> {
        self.listener_ids().filter(move |id| self[*id].place == Place::Segment(segment))
    }

    /// Dials that cross a segment, in file order.
    pub fn dials_on(&self, segment: SegmentId) -> impl Iterator<Item = DialId> {
        self.dial_ids().filter(move |id| self.segment_of(*id) == Some(segment))
    }

    /// Processes of a host, in file order.
    pub fn processes_on(&self, host: HostId) -> impl Iterator<Item = ProcessId> {
        self.process_ids().filter(move |id| self[*id].host == host)
    }

    /// Guests of a hypervisor host, in file order.
    pub fn guests_of(&self, host: HostId) -> impl Iterator<Item = HostId> {
        self.host_ids().filter(move |id| self[*id].inside == Some(host))
    }

    /// The host a listener stands on.
    pub fn host_of(&self, id: ListenerId) -> HostId {
        self[self[id].process].host
    }

    /// Follows proxies from a listener to the one that answers requests; where names are routed, by the
    /// listener's own (the first), to the first that serves it. Chains are free of loops.
    pub fn end_of(&self, id: ListenerId) -> ListenerId {
        let mut listener = id;
        while let Some(onward) = self.onward(listener).first() {
            listener = self[*onward].to;
        }
        listener
    }

    /// Do its callers speak TLS, whether it ends there or is passed on?
    pub fn speaks_tls(&self, id: ListenerId) -> bool {
        self[id].identity.is_some() || !self[id].routes.is_empty()
    }

    /// The certificate its callers meet: its own, or, where it passes TLS on, that of the far side of its first
    /// name.
    pub fn met(&self, id: ListenerId) -> Option<IdentityId> {
        let first = || self[id].routes.first()?.to.first().copied();
        self[id].identity.or_else(|| self.met(self[first()?].to))
    }

    /// The name its callers ask for: the first it routes, or the first of its certificate.
    pub fn own_name(&self, id: ListenerId) -> Option<&str> {
        let routed = self[id].routes.first().map(|route| &route.name);
        let certified = || self[self[id].identity?].names.first();
        routed.or_else(certified).map(String::as_str)
    }

    /// Every listener at the end of a listener's chains, for its own name: one, or as many as serve that name.
    pub fn ends_of(&self, id: ListenerId) -> Vec<ListenerId> {
        match self.onward(id).as_slice() {
            [] => vec![id],
            onward => onward.iter().flat_map(|dial| self.ends_of(self[*dial].to)).collect(),
        }
    }

    /// The dials a listener's connections go on to, for its own name; empty where it answers itself.
    pub fn onward(&self, id: ListenerId) -> Vec<DialId> {
        let routed = self[id].routes.first().map(|route| route.to.clone()).unwrap_or_default();
        self[id].forward.into_iter().chain(routed).collect()
    }
}

impl Architecture {
    /// A copy in which a named weakness is applied, as an operator would have launched it.
    pub fn with_weakness(&self, name: &str) -> Result<Self, UnknownWeakness> {
        let Some(weakness) = self.weakness(name) else {
            let known: Vec<&str> = self.weaknesses.iter().map(|weakness| weakness.name.as_str()).collect();
            return Err(UnknownWeakness {
                architecture: self.name.clone(),
                weakness: name.to_owned(),
                help: help_for(name, &known),
            });
        };
        let mut weak = self.clone();
        for (dial, verify) in &weakness.changes {
            if let Some(tls) = &mut weak.dials[dial.0].tls {
                tls.verify = *verify;
            }
        }
        Ok(weak)
    }

    /// The same with this program in every proxy's place.
    #[must_use]
    pub fn with_engine(&self, engine: Engine) -> Self {
        let mut other = self.clone();
        for process in other.processes.iter_mut().filter(|process| process.program == Program::Proxy) {
            process.engine = engine;
        }
        other
    }

    /// Every program other than ours that stands in a proxy's place.
    pub fn engines(&self) -> BTreeSet<Engine> {
        self.processes.iter().map(|process| process.engine).filter(|engine| engine.is_foreign()).collect()
    }
}

impl SegmentId {
    /// Its place among the segments of its architecture, as capture files number interfaces.
    pub fn index(self) -> usize {
        self.0
    }
}
