//! An architecture as the stream shows it: enough to draw it, nothing to rebuild it from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use testbed::{
    architecture::{Architecture, SegmentId},
    vocabulary::SecurityDomain,
};

/// An architecture for drawing.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Topology {
    /// Its name.
    pub architecture: String,
    /// One line.
    pub title: String,
    /// Segments in file order.
    pub segments: Vec<TopologySegment>,
    /// Hosts in file order.
    pub hosts: Vec<TopologyHost>,
    /// Who dials whom, in file order, each pair once.
    pub links: Vec<TopologyLink>,
}

impl Topology {
    /// What a face needs to draw an architecture.
    pub fn of(architecture: &Architecture) -> Self {
        let segment = |id: SegmentId| architecture[id].name.clone();
        Self {
            architecture: architecture.name.clone(),
            title: architecture.title.clone(),
            segments: architecture
                .segments
                .iter()
                .map(|shown| TopologySegment { name: shown.name.clone(), domain: shown.domain })
                .collect(),
            hosts: architecture
                .host_ids()
                .map(|host| TopologyHost {
                    name: architecture[host].name.clone(),
                    segments: architecture[host].segments.iter().map(|id| segment(*id)).collect(),
                    processes: architecture
                        .processes_on(host)
                        .map(|process| architecture[process].name.clone())
                        .collect(),
                    inside: architecture[host].inside.map(|outer| architecture[outer].name.clone()),
                })
                .collect(),
            links: links(architecture),
        }
    }
}

/// Two dials between the same two processes are one link to the eye.
fn links(architecture: &Architecture) -> Vec<TopologyLink> {
    let mut links: Vec<TopologyLink> = Vec::new();
    for dial in architecture.dial_ids() {
        let link = TopologyLink {
            link: architecture.link(dial),
            segment: architecture.segment_of(dial).map(|id| architecture[id].name.clone()),
            declared_tls: architecture[dial].tls.is_some(),
        };
        if !links.contains(&link) {
            links.push(link);
        }
    }
    links
}

/// A segment for drawing.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct TopologySegment {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: SecurityDomain,
}

/// A host for drawing.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct TopologyHost {
    /// Its name.
    pub name: String,
    /// Names of the segments it stands on.
    pub segments: Vec<String>,
    /// Names of its processes.
    pub processes: Vec<String>,
    /// The host it is a guest of.
    pub inside: Option<String>,
}

/// A link for drawing. `declared_tls` is what the file says; what is *seen* comes in [`LinkSeen`](super::LinkSeen).
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct TopologyLink {
    /// `host/process>host/process`.
    pub link: String,
    /// The segment it crosses; `None` on a host-local link.
    pub segment: Option<String>,
    /// What the file declares.
    pub declared_tls: bool,
}
