//! Which hosts and processes a vantage on a machine takes over, decided by structure alone. Pure.
//!
//! An API host runs a program that answers API requests; an edge host stands on a public segment and runs
//! proxies and no service. Where honest users sit is neither.

use super::grant::GrantError;
use crate::{
    architecture::{Architecture, HostId, ProcessId, Program, SegmentId},
    vocabulary::{SecurityDomain, Vantage},
};

/// What someone at a vantage on a machine has in their hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The hosts.
    pub hosts: Vec<HostId>,
    /// The processes whose memory can be read.
    pub processes: Vec<ProcessId>,
    /// The processes the attacker is; empty for root, who may read every file of the hosts.
    pub inside: Vec<ProcessId>,
}

/// What a vantage takes over; `None` where it stands on no machine whose memory it reads.
pub fn taken(architecture: &Architecture, vantage: Vantage) -> Result<Option<Taken>, GrantError> {
    let no_place = |why| GrantError::NoPlace { architecture: architecture.name.clone(), vantage, why };
    let is_api = |id: ProcessId| architecture[id].program.is_api();
    let api_hosts = || hosts(architecture, |host| architecture.processes_on(host).any(is_api));
    let (hosts, inside, missing) = match vantage {
        Vantage::EdgeRoot => {
            (hosts(architecture, |host| is_edge(architecture, host)), Vec::new(), "no edge host")
        }
        Vantage::ApiHostRoot => (api_hosts(), Vec::new(), "no API host"),
        Vantage::ServiceProcess => {
            let services = architecture.process_ids().filter(|id| is_api(*id)).collect();
            (api_hosts(), services, "no API host")
        }
        _ => return Ok(None),
    };
    if hosts.is_empty() {
        return Err(no_place(missing));
    }
    // A process that is taken over reads what runs as its user on its host.
    let as_one_of = |id: ProcessId| {
        inside.is_empty()
            || inside.iter().any(|own| {
                architecture[*own].host == architecture[id].host
                    && architecture[*own].user == architecture[id].user
            })
    };
    let there = architecture.process_ids().filter(|id| hosts.contains(&architecture[*id].host));
    let processes = there.filter(|id| as_one_of(*id)).collect();
    Ok(Some(Taken { hosts, processes, inside }))
}

fn hosts(architecture: &Architecture, which: impl Fn(HostId) -> bool) -> Vec<HostId> {
    architecture.host_ids().filter(|id| which(*id)).collect()
}

fn is_edge(architecture: &Architecture, host: HostId) -> bool {
    let public = |id: &SegmentId| architecture[*id].domain == SecurityDomain::Public;
    let programs: Vec<Program> = architecture.processes_on(host).map(|id| architecture[id].program).collect();
    architecture[host].segments.iter().any(public)
        && programs.contains(&Program::Proxy)
        && !programs.iter().any(|program| program.is_service())
}
