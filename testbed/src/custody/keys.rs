//! Private keys as the host model has them: a file on one host, 0400, owned by one user, and the memory of
//! every process that uses it.
//!
//! Root reads every file of its host and the memory of every process there; a process reads its own user's
//! files, and the memory of processes of its own user. Modelled: all processes of a launch share one user of
//! the real machine.

use bytes::Bytes;

use crate::{
    architecture::{Architecture, HostId, IdentityId, ProcessId},
    pki::Pki,
};

/// Permission bits of every key file.
pub const MODE: u32 = 0o400;

/// A private key of the run.
#[derive(Clone)]
pub struct Key {
    identity: IdentityId,
    host: HostId,
    owner: String,
    /// PKCS#8, DER.
    pkcs8: Bytes,
    certificate: Bytes,
    name: String,
}

/// A key as it lies before someone, and whether they could read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCopy {
    /// For people: `key file of edge-public on edge`, `memory of edge/tls-proxy`.
    pub place: String,
    /// PKCS#8, DER, or why it could not be read.
    pub content: Result<Bytes, String>,
}

/// Every key of a launch.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Of an architecture and its certificates.
    pub fn of(architecture: &Architecture, pki: &Pki) -> Self {
        let key = |identity| {
            let file = &architecture[identity];
            let made = pki.identity(identity);
            Key {
                identity,
                host: file.host,
                owner: file.owner.clone(),
                pkcs8: made.key.clone().into(),
                certificate: made.chain.first().cloned().unwrap_or_default().into(),
                name: file.name.clone(),
            }
        };
        Self(architecture.identity_ids().map(key).collect())
    }

    /// Names and leaf certificates (DER) of keys whose files lie on some hosts.
    pub fn certificates_on<'a>(&'a self, hosts: &'a [HostId]) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let there = self.0.iter().filter(|key| hosts.contains(&key.host));
        there.map(|key| (key.name.as_str(), &*key.certificate))
    }

    /// What root finds on a host.
    pub(crate) fn before_root(&self, architecture: &Architecture, host: HostId) -> Vec<KeyCopy> {
        let files = self.0.iter().filter(|key| key.host == host).map(|key| {
            let place = file(architecture, key);
            KeyCopy { place, content: Ok(key.pkcs8.clone()) }
        });
        let memory = architecture.processes_on(host).flat_map(|id| self.in_memory(architecture, id));
        files.chain(memory).collect()
    }

    /// What a process finds on its host.
    pub(crate) fn before(&self, architecture: &Architecture, process: ProcessId) -> Vec<KeyCopy> {
        let (host, user) = (architecture[process].host, &architecture[process].user);
        let files = self.0.iter().filter(|key| key.host == host).map(|key| {
            let refused = || format!("permission denied: mode {MODE:04o}, user {}", key.owner);
            let content = if key.owner == *user { Ok(key.pkcs8.clone()) } else { Err(refused()) };
            KeyCopy { place: file(architecture, key), content }
        });
        let own = architecture.processes_on(host).filter(|id| architecture[*id].user == *user);
        files.chain(own.flat_map(|id| self.in_memory(architecture, id))).collect()
    }

    /// Keys a process uses: its listeners' and its dials'.
    fn in_memory(&self, architecture: &Architecture, process: ProcessId) -> Vec<KeyCopy> {
        let described = &architecture[process];
        let served = described.listeners.iter().filter_map(|id| architecture[*id].identity);
        let presented = described.dials.iter().filter_map(|id| architecture[*id].tls.as_ref()?.identity);
        let used: Vec<IdentityId> = served.chain(presented).collect();
        let copies = self.0.iter().filter(|key| used.contains(&key.identity));
        let place = format!("memory of {}", architecture.process_label(process));
        copies.map(|key| KeyCopy { place: place.clone(), content: Ok(key.pkcs8.clone()) }).collect()
    }
}

fn file(architecture: &Architecture, key: &Key) -> String {
    format!("key file of {} on {}", key.name, architecture[key.host].name)
}
