//! What lies on the hosts of a launch: key files and Unix sockets, with the owners and modes the file gives them.
//!
//! ```text
//!   <tmp>/testbed-<random>/            0711, ours
//!     <host>/                          0711, ours
//!       <identity>.key                 0400, the identity's owner      PEM
//!       <process>-<listener>.sock      as in the file, the process's user
//!     .engines/                        0711, ours
//!       <host>.<process>/              0700, the process's user: a program of its own, its configuration and PEM files
//! ```
//!
//! Nodes hold their keys in memory and read none of these files: they are there for whoever should not be able to
//! read them, and for programs that can read nothing else. The directory is removed when the launch ends, and when it fails. It starts nothing.

mod directory;
mod owners;

use std::{
    fs::{self, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use proxies::registry::UnixSocket;

use self::directory::Directory;
pub use self::owners::{FIRST, Owners};
use crate::{
    architecture::{Architecture, HostId, ListenerId},
    foothold::TargetId,
    pki::{self, Pki},
};

/// Mode of a key file, unless a test says otherwise.
pub const KEY_MODE: u32 = 0o400;

/// Where programs of their own have their directories; no host is called that.
const ENGINES: &str = ".engines";

/// The files of one launch.
#[derive(Debug)]
pub struct RunFiles {
    directory: Directory,
    owners: Owners,
    keys: Vec<KeyFile>,
}

/// The private key of an identity, on the one host it lies on.
#[derive(Clone, Debug)]
pub struct KeyFile {
    /// `host/identity.key`, for people.
    pub label: String,
    /// Where it lies.
    pub host: HostId,
    /// Who may read it.
    pub owner: String,
    pub(crate) path: PathBuf,
    certificate: Vec<u8>,
}

impl KeyFile {
    /// Is this the whole of it: a private key, in PEM, whose public half is the certificate's?
    pub fn is_whole(&self, bytes: &[u8]) -> bool {
        pki::is_key_of(bytes, &self.certificate)
    }
}

impl RunFiles {
    /// A directory with a folder for each host, and owners where they can be had.
    pub fn new(architecture: &Architecture) -> io::Result<Self> {
        let directory = Directory::new()?;
        for host in &architecture.hosts {
            directory.folder(&host.name)?;
        }
        let users = architecture.processes.iter().map(|process| process.user.as_str());
        let owners = architecture.identities.iter().map(|identity| identity.owner.as_str());
        let owners = Owners::draw(users.chain(owners), directory.path());
        Ok(Self { directory, owners, keys: Vec::new() })
    }

    /// Writes every identity's key.
    pub fn write_keys(&mut self, architecture: &Architecture, pki: &Pki, mode: u32) -> io::Result<()> {
        for id in architecture.identity_ids() {
            let identity = &architecture[id];
            let label = format!("{}/{}.key", architecture[identity.host].name, identity.name);
            let path = self.directory.path().join(&label);
            let leaf = pki.identity(id);
            self.write(&path, pki::key_pem(&leaf.key)?.as_bytes(), mode, &identity.owner)?;
            self.keys.push(KeyFile {
                label,
                host: identity.host,
                owner: identity.owner.clone(),
                path,
                certificate: leaf.chain.first().cloned().unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// A new directory for a program that runs as `user`: its own and nobody else's.
    pub(crate) fn engine(&self, label: &str, user: &str) -> io::Result<PathBuf> {
        if !self.directory.path().join(ENGINES).exists() {
            self.directory.folder(ENGINES)?;
        }
        let path = self.directory.folder(&format!("{ENGINES}/{}", label.replace('/', ".")))?;
        fs::set_permissions(&path, Permissions::from_mode(0o700))?;
        if let Some(user) = self.owners.user(user) {
            chown(&path, Some(user), Some(user))?;
        }
        Ok(path)
    }

    /// Writes a file of such a program, with the mode of keys.
    pub(crate) fn place(&self, path: &Path, bytes: &[u8], user: &str) -> io::Result<()> {
        self.write(path, bytes, KEY_MODE, user)
    }

    /// The Unix socket of a listener, if it is one.
    pub fn socket(&self, architecture: &Architecture, id: ListenerId) -> Option<UnixSocket> {
        let listener = &architecture[id];
        let file = listener.socket.as_ref()?;
        let process = &architecture[listener.process];
        let host = &architecture[process.host].name;
        let owner = self.owners.user(&process.user);
        let peers = file.peers.iter().filter_map(|name| self.owners.user(name));
        Some(UnixSocket {
            path: self.directory.path().join(host).join(format!("{}-{}.sock", process.name, listener.name)),
            mode: file.mode,
            owner,
            group: self.group(architecture, id),
            peers: owner.into_iter().chain(peers).collect(),
            threads: process.threads,
        })
    }

    /// The group of a Unix socket that a program of its own dials: ours passes by the file's mode, the program does
    /// not, and needs no other right than its group's.
    fn group(&self, architecture: &Architecture, id: ListenerId) -> Option<u32> {
        let dialled = architecture.dials.iter().filter(|dial| dial.to == id);
        let mut foreign = dialled.map(|dial| &architecture[dial.process]).filter(|by| by.engine.is_foreign());
        foreign.next().and_then(|by| self.owners.user(&by.user))
    }

    /// Who is who.
    pub fn owners(&self) -> &Owners {
        &self.owners
    }

    /// Every key file, in file order.
    pub fn keys(&self) -> &[KeyFile] {
        &self.keys
    }

    /// Every key file with the handle attackers know it by.
    pub fn targets(&self) -> impl Iterator<Item = (TargetId, &KeyFile)> {
        self.keys.iter().enumerate().map(|(index, key)| (TargetId(index as u32), key))
    }

    /// What everything lies below.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Removes everything.
    pub fn remove(&self) -> io::Result<()> {
        self.directory.remove()
    }

    /// Complete and with its last mode before it is anybody's.
    fn write(&self, path: &Path, bytes: &[u8], mode: u32, owner: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        match self.owners.user(owner) {
            Some(user) => chown(path, Some(user), Some(user)),
            None => Ok(()),
        }
    }
}
