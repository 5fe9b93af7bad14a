//! Links of one architecture, grouped by what they cross, with what is known of each.
//!
//! `declared` is the file's word, `shape` what the bytes showed; where they differ, [`Lane::surprise`] says so.

use scenarios::{
    event::{LinkState, Topology},
    snapshot::Snapshot,
};
use testbed::vocabulary::{Asset, SecurityDomain};

/// How a link is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing crossed yet.
    Idle,
    /// Every flow began with a TLS record.
    Encrypted,
    /// At least one flow did not.
    Clear,
    /// Inside one host, on no segment.
    Local,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// `host/process` that dials.
    pub from: String,
    /// `host/process` that accepts.
    pub to: String,
    /// What its bytes showed.
    pub shape: Shape,
    /// What the file declares.
    pub declared_tls: bool,
    /// Connections seen.
    pub flows: u64,
    /// Bytes seen, both ways.
    pub bytes: u64,
    /// Canaries readable in its bytes.
    pub exposed: Vec<(Asset, u64)>,
}

/// Links that cross the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The segment and its domain; `None` = host-local links.
    pub segment: Option<(String, SecurityDomain)>,
    /// Its links in file order.
    pub lanes: Vec<Lane>,
}

impl Lane {
    /// True when file and bytes disagree.
    pub fn surprise(&self) -> bool {
        matches!((self.shape, self.declared_tls), (Shape::Clear, true) | (Shape::Encrypted, false))
    }

    /// `48 tokens, 12 passwords`, the largest count first; empty when nothing was read.
    pub fn read(&self) -> String {
        read_words(&self.exposed)
    }
}

impl Group {
    /// The worst shape among its links.
    pub fn shape(&self) -> Shape {
        let any = |shape| self.lanes.iter().any(|lane| lane.shape == shape);
        if self.segment.is_none() {
            Shape::Local
        } else if any(Shape::Clear) {
            Shape::Clear
        } else if any(Shape::Encrypted) {
            Shape::Encrypted
        } else {
            Shape::Idle
        }
    }

    /// Sums of what was read on all its links.
    pub fn exposed(&self) -> Vec<(Asset, u64)> {
        Asset::ALL
            .iter()
            .map(|asset| {
                let counts = self.lanes.iter().flat_map(|lane| &lane.exposed);
                (*asset, counts.filter(|(of, _)| of == asset).map(|(_, count)| count).sum())
            })
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

/// `12 passwords, 48 tokens`: what opens most comes first, for a narrow screen cuts the rest.
pub fn read_words(exposed: &[(Asset, u64)]) -> String {
    let mut counts: Vec<_> = exposed.iter().filter(|(_, count)| *count > 0).collect();
    counts.sort_by_key(|(asset, _)| *asset);
    let words = counts.iter().map(|(asset, count)| format!("{count} {}", plural(*asset, *count)));
    words.collect::<Vec<_>>().join(", ")
}

fn plural(asset: Asset, count: u64) -> String {
    let word = match asset {
        Asset::RequestBody => "request body",
        Asset::ResponseBody => "response body",
        Asset::InternalMessage => "internal message",
        Asset::CertificateKey => "certificate key",
        Asset::TicketKey => "ticket key",
        Asset::Metadata => return "metadata".into(),
        Asset::Reach => return "served".into(),
        Asset::Password | Asset::Token => asset.word(),
    };
    match word.strip_suffix('y') {
        _ if count == 1 => word.into(),
        Some(stem) if !word.ends_with("key") => format!("{stem}ies"),
        _ => format!("{word}s"),
    }
}

/// Groups in segment order, host-local links last; groups without links are kept for the map's sake.
pub fn groups(snapshot: &Snapshot, topology: &Topology) -> Vec<Group> {
    let lanes_on = |segment: Option<&str>| -> Vec<Lane> {
        let on = topology.links.iter().filter(|link| link.segment.as_deref() == segment);
        on.map(|link| lane(snapshot, &topology.architecture, link)).collect()
    };
    let mut groups: Vec<_> = topology
        .segments
        .iter()
        .map(|segment| Group {
            segment: Some((segment.name.clone(), segment.domain)),
            lanes: lanes_on(Some(&segment.name)),
        })
        .collect();
    groups.push(Group { segment: None, lanes: lanes_on(None) });
    groups
}

fn lane(snapshot: &Snapshot, architecture: &str, link: &scenarios::event::TopologyLink) -> Lane {
    let (from, to) = link.link.split_once('>').unwrap_or((&link.link, ""));
    let seen = snapshot.links.get(&(architecture.to_owned(), link.link.clone()));
    let shape = match (seen.map(|seen| seen.state), &link.segment) {
        (_, None) => Shape::Local,
        (None | Some(LinkState::Idle), _) => Shape::Idle,
        (Some(LinkState::Encrypted), _) => Shape::Encrypted,
        (Some(LinkState::Clear), _) => Shape::Clear,
    };
    Lane {
        from: from.to_owned(),
        to: to.to_owned(),
        shape,
        declared_tls: link.declared_tls,
        flows: seen.map_or(0, |seen| seen.flows),
        bytes: seen.map_or(0, |seen| seen.bytes),
        exposed: seen.map(|seen| seen.exposed.clone()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_said_in_words_worst_first() {
        let exposed =
            [(Asset::Password, 1), (Asset::Token, 48), (Asset::ResponseBody, 2), (Asset::Metadata, 0)];
        assert_eq!(read_words(&exposed), "1 password, 48 tokens, 2 response bodies");
    }

    #[test]
    fn a_link_that_is_not_what_its_file_says_is_a_surprise() {
        let lane = |shape, declared_tls| Lane {
            from: "a/b".into(),
            to: "c/d".into(),
            shape,
            declared_tls,
            flows: 0,
            bytes: 0,
            exposed: Vec::new(),
        };
        assert!(lane(Shape::Clear, true).surprise());
        assert!(lane(Shape::Encrypted, false).surprise());
        assert!(!lane(Shape::Clear, false).surprise());
        assert!(!lane(Shape::Idle, true).surprise(), "silence contradicts nothing");
    }
}
