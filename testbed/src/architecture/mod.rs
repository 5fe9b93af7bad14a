//! An architecture as data: a TOML file becomes a topology that cannot express a dangling name.
//!
//! ```text
//! TOML text ── literal.rs (values and places) ── resolve (names → ids, all errors at once) ── Architecture
//! ```
//!
//! This file holds the resolved form only. It opens nothing and knows no architecture by name.

pub mod diagnose;
mod embedded;
mod literal;
mod query;
pub mod reading;
mod resolve;
pub mod suggest;
pub mod text;

use std::ops::Index;

use serde::{Deserialize, Serialize};

use crate::vocabulary::SecurityDomain;

pub use embedded::{LoadError, is_path, load, names, parse, source};
pub use query::UnknownWeakness;

macro_rules! ids {
    ($($(#[$doc:meta])* $id:ident => $field:ident: $item:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $id(pub(crate) usize);

        impl Index<$id> for Architecture {
            type Output = $item;
            fn index(&self, id: $id) -> &$item { &self.$field[id.0] }
        }
    )+};
}

ids! {
    /// A segment of one architecture.
    SegmentId => segments: Segment,
    /// A host of one architecture.
    HostId => hosts: Host,
    /// A process of one architecture.
    ProcessId => processes: Process,
    /// A listener of one process.
    ListenerId => listeners: Listener,
    /// An outgoing connection one process may open.
    DialId => dials: Dial,
    /// A certificate authority.
    AuthorityId => authorities: Authority,
    /// A leaf certificate with its key.
    IdentityId => identities: Identity,
}

/// A named topology: segments, hosts, processes, trust. Ids index into its own vectors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Architecture {
    /// Its name, as used on the command line and in reports.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The passage of the guide it stands for.
    pub guide: String,
    /// Networks between hosts.
    pub segments: Vec<Segment>,
    /// Machines.
    pub hosts: Vec<Host>,
    /// Programs on hosts.
    pub processes: Vec<Process>,
    /// What processes listen on.
    pub listeners: Vec<Listener>,
    /// What processes may dial.
    pub dials: Vec<Dial>,
    /// Certificate authorities.
    pub authorities: Vec<Authority>,
    /// Leaf certificates.
    pub identities: Vec<Identity>,
    /// What the identity service publishes.
    pub catalog: Vec<CatalogService>,
    /// Named misconfigurations a scenario may apply before launch.
    pub weaknesses: Vec<Weakness>,
}

/// A network between hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// Its name.
    pub name: String,
    /// The security domain it belongs to.
    pub domain: SecurityDomain,
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The segments it has an address on.
    pub segments: Vec<SegmentId>,
    /// The hypervisor host it runs on, if it is a guest.
    pub inside: Option<HostId>,
}

/// One program on a host, run by a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Process {
    /// Its name, unique on its host.
    pub name: String,
    /// Where it runs.
    pub host: HostId,
    /// The user it runs as.
    pub user: String,
    /// OS threads of its node, ≥ 1.
    pub threads: usize,
    /// What it does.
    pub program: Program,
    /// What it listens on.
    pub listeners: Vec<ListenerId>,
    /// What it dials.
    pub dials: Vec<DialId>,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Moves bytes from each of its listeners to the dial the listener forwards to.
    Proxy,
    /// Identity v3: tokens and the catalog. `hash_threads` run its slow password hashes.
    Identity {
        /// Threads of the hashing pool; 0 = cooperative, on the node's own thread.
        hash_threads: usize,
    },
    /// Compute v2.1: servers and flavors; validates each token over its dial named `identity`.
    Compute,
    /// Honest users: dials named `identity` and `compute`.
    Users,
}

/// Where a listener stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On a segment, at the host's address there.
    Segment(SegmentId),
    /// On the host's local link only (loopback TCP): never seen by a segment sniffer.
    Local,
}

/// Something a process listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// Its name, unique in its process.
    pub name: String,
    /// The process that owns it.
    pub process: ProcessId,
    /// Where it stands.
    pub place: Place,
    /// The port the file insists on; drawn from the registry where absent.
    pub port: Option<u16>,
    /// The certificate it presents; `None` = clear.
    pub identity: Option<IdentityId>,
    /// For proxies: the dial its connections are forwarded to.
    pub forward: Option<DialId>,
}

/// An outgoing connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dial {
    /// Its name, unique in its process.
    pub name: String,
    /// The process that opens it.
    pub process: ProcessId,
    /// What it connects to.
    pub to: ListenerId,
    /// How it protects itself; `None` = clear.
    pub tls: Option<DialTls>,
}

/// The TLS side of a dial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DialTls {
    /// Authorities it accepts.
    pub trust: Vec<AuthorityId>,
    /// How much it checks.
    pub verify: Verify,
    /// The name it asks for (SNI) and checks.
    pub server_name: String,
}

/// How much of the far side's certificate a dial checks. Never read from a dial in a file as
/// `off`: only a named weakness sets that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verify {
    /// Chain and name.
    Name,
    /// Chain only.
    Chain,
    /// Nothing.
    Off,
}

/// A certificate authority, made per run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Authority {
    /// Its name.
    pub name: String,
}

/// A leaf certificate; its key lies on exactly one host, owned by one user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// Who issues it.
    pub authority: AuthorityId,
    /// The host its key file lies on.
    pub host: HostId,
    /// The user who owns the key file.
    pub owner: String,
    /// DNS names in its certificate, the first one being what dials ask for by default.
    pub names: Vec<String>,
}

/// One service of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogService {
    /// `OpenStack` service type: `identity`, `compute`.
    pub service_type: String,
    /// `OpenStack` service name: `keystone`, `nova`.
    pub name: String,
    /// The public interface.
    pub public: ListenerId,
    /// The internal interface.
    pub internal: ListenerId,
    /// The admin interface.
    pub admin: ListenerId,
}

/// A named misconfiguration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Weakness {
    /// Its name, cited by scenarios and recorded in cells.
    pub name: String,
    /// What an operator did wrong, in one line.
    pub description: String,
    /// What it changes.
    pub changes: Vec<(DialId, Verify)>,
}
