//! Who plays in the scripted comparison: the topologies, their links, and how fast each of them answers.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex},
};

use scenarios::{
    event::{Topology, TopologyHost, TopologyLink, TopologySegment},
    latency,
};
use testbed::vocabulary::SecurityDomain;

use super::ARCHITECTURES;

const TITLES: [&str; 8] = [
    "no TLS anywhere",
    "TLS ends inside each service",
    "TLS ends at the edge",
    "TLS ends beside each service",
    "TLS ends beside each service, behind a Unix socket",
    "TLS passes the balancer and ends beside each service",
    "re-encrypted under an internal authority",
    "every leg asks for a certificate",
];
/// Those with an edge between clients and services, and those with a proxy beside each service.
const EDGE: [usize; 5] = [0, 2, 5, 6, 7];
const BESIDE: [usize; 5] = [3, 4, 5, 6, 7];

/// A link: dialer, acceptor, segment (0 public, 1 management, 2 none).
pub(crate) type Link = (String, String, usize);

/// Everyone who dials, in the order of a file.
pub(crate) fn links(architecture: usize) -> Vec<Link> {
    let edge = EDGE.contains(&architecture);
    let beside = BESIDE.contains(&architecture);
    let front = |host: &str, service: &str| {
        if beside { format!("{host}/tls-proxy") } else { format!("{host}/{service}") }
    };
    let computes: &[&str] = if architecture == 5 { &["api-2", "api-3"] } else { &["api-2"] };
    let mut links: Vec<Link> = Vec::new();
    let (from, segment) = if edge {
        links.push(("client/users".into(), "edge/tls-proxy".into(), 0));
        ("edge/tls-proxy", 1)
    } else {
        ("client/users", 0)
    };
    links.push((from.into(), front("api-1", "identity"), segment));
    for compute in computes {
        links.push((from.into(), front(compute, "compute"), segment));
        links.push((format!("{compute}/compute"), front("api-1", "identity"), 1));
        links.push((format!("{compute}/compute"), front("messaging", "queue"), 1));
    }
    links.push(("compute-1/agent".into(), front("messaging", "queue"), 1));
    links.push(("api-1/login-page".into(), "api-1/identity".into(), 2));
    if beside {
        links.push(("api-1/tls-proxy".into(), "api-1/identity".into(), 2));
        links.push(("api-1/tls-proxy".into(), "api-1/login-page".into(), 2));
        for compute in computes {
            links.push((format!("{compute}/tls-proxy"), format!("{compute}/compute"), 2));
        }
        links.push(("messaging/tls-proxy".into(), "messaging/queue".into(), 2));
    }
    links
}

pub(crate) fn declared(architecture: usize, segment: usize) -> bool {
    (segment == 0 && architecture > 0) || (segment == 1 && architecture != 0 && architecture != 2)
}

pub(crate) fn topology(architecture: usize) -> Topology {
    let segment = |name: &str, domain| TopologySegment { name: name.into(), domain };
    let edge = EDGE.contains(&architecture);
    let beside = BESIDE.contains(&architecture);
    let host = |name: &str, segments: &[&str], processes: &[&str], inside: Option<&str>| TopologyHost {
        name: name.into(),
        segments: segments.iter().map(ToString::to_string).collect(),
        processes: processes.iter().map(ToString::to_string).collect(),
        inside: inside.map(str::to_owned),
    };
    let served = |name: &str, services: &[&str], outside: bool| {
        let segments: &[&str] = if outside && !edge { &["public", "management"] } else { &["management"] };
        let proxy: &[&str] = if beside { &["tls-proxy"] } else { &[] };
        host(name, segments, &[proxy, services].concat(), None)
    };
    let mut hosts = vec![host("client", &["public"], &["users"], None)];
    if edge {
        hosts.push(host("edge", &["public", "management"], &["tls-proxy"], None));
    }
    hosts.push(served("api-1", &["identity", "login-page"], true));
    hosts.push(served("api-2", &["compute"], true));
    if architecture == 5 {
        hosts.push(served("api-3", &["compute"], true));
    }
    hosts.push(served("messaging", &["queue"], false));
    hosts.push(host("compute-1", &["management", "guests"], &["agent"], None));
    hosts.push(host("guest-1", &["guests"], &["tenant"], Some("compute-1")));
    Topology {
        architecture: ARCHITECTURES[architecture].into(),
        title: TITLES[architecture].into(),
        segments: vec![
            segment("public", SecurityDomain::Public),
            segment("management", SecurityDomain::Management),
            segment("guests", SecurityDomain::Guest),
        ],
        hosts,
        links: links(architecture)
            .into_iter()
            .map(|(from, to, segment)| TopologyLink {
                link: format!("{from}>{to}"),
                segment: [Some("public"), Some("management"), None][segment].map(str::to_owned),
                declared_tls: declared(architecture, segment),
            })
            .collect(),
    }
}

/// Encoded seconds by architecture, attack, and completed requests.
type Known = Mutex<BTreeMap<(usize, bool, u64), String>>;

/// A second of work with a long tail, encoded once.
pub(crate) fn histogram(architecture: usize, attack: bool, completed: u64) -> String {
    static KNOWN: LazyLock<Known> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let encoded = known.entry((architecture, attack, completed)).or_insert_with(|| {
        let base = 1.2 * (1.0 + 0.22 * architecture as f64) * if attack { 1.6 } else { 1.0 };
        let mut latencies = latency::histogram();
        for n in 0..completed {
            let share = (n as f64 + 0.5) / completed as f64;
            latencies.saturating_record((base * (0.7 + 0.5 * share + 0.05 / (1.0 - share)) * 1e6) as u64);
        }
        latency::encode(&latencies)
    });
    encoded.clone()
}
