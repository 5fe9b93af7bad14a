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

use proxies::{balance::Policy, proxy_header, tls::Group};
use serde::{Deserialize, Serialize};

use crate::vocabulary::SecurityDomain;

pub use embedded::{LoadError, asked, is_path, load, names, parse, source};
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
    /// For proxies: which program does it.
    pub engine: Engine,
    /// What it listens on.
    pub listeners: Vec<ListenerId>,
    /// What it dials.
    pub dials: Vec<DialId>,
    /// Identity: tokens of callers who presented a certificate are bound to it. Compute: a bound token is
    /// accepted only together with that certificate.
    pub bind_tokens: bool,
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
    /// Compute v2.1: servers and flavors; validates each token over its dial named `identity` and publishes
    /// what it did over its dial named `queue`, if it has one.
    Compute,
    /// A page with a login form and a cookie (the guide's horizon); logs users in over its dial named
    /// `identity`.
    LoginPage,
    /// A message queue with one topic per compute host.
    Queue,
    /// Reads the topic of its own host over its dial named `queue`.
    Agent,
    /// Honest users: dials named `identity`, `compute` and, where there is a page, `login-page`.
    Users,
}

impl Program {
    /// The word in a file.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::Identity { .. } => "identity",
            Self::Compute => "compute",
            Self::LoginPage => "login-page",
            Self::Queue => "queue",
            Self::Agent => "agent",
            Self::Users => "users",
        }
    }

    /// Does it answer callers itself, as opposed to proxies in front of such programs?
    pub const fn is_service(self) -> bool {
        matches!(self, Self::Identity { .. } | Self::Compute | Self::LoginPage | Self::Queue)
    }

    /// Does it answer HTTP requests of users or services?
    pub const fn is_api(self) -> bool {
        matches!(self, Self::Identity { .. } | Self::Compute | Self::LoginPage)
    }
}

/// Which program stands in a proxy's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Our own, in this process.
    #[default]
    Builtin,
    /// `HAProxy`, as installed.
    Haproxy,
    /// nginx, as installed.
    Nginx,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Builtin, Self::Haproxy, Self::Nginx];

    /// The word in a file and on the command line, and the name of the program.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
        }
    }

    /// As its makers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Builtin => "the built-in proxy",
            Self::Haproxy => "HAProxy",
            Self::Nginx => "nginx",
        }
    }

    /// Is it a program of its own, with an address space of its own?
    pub const fn is_foreign(self) -> bool {
        !matches!(self, Self::Builtin)
    }
}

/// Where a listener stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// On a segment, at the host's address there.
    Segment(SegmentId),
    /// On the host's local link only (loopback TCP): never seen by a segment sniffer.
    Local,
    /// A Unix socket of the host: never seen by a segment sniffer, and without a port.
    Unix,
}

impl Place {
    /// The segment, if it is one.
    pub const fn segment(self) -> Option<SegmentId> {
        match self {
            Self::Segment(segment) => Some(segment),
            Self::Local | Self::Unix => None,
        }
    }
}

/// A version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2, RFC 5246.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3, RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
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
    /// TLS versions it speaks, where it speaks TLS.
    pub versions: Vec<TlsVersion>,
    /// Groups of the key exchange it takes, where it speaks TLS.
    pub groups: Vec<Group>,
    /// Sessions it resumes, where it speaks TLS.
    pub resumption: Resumption,
    /// For proxies: the dial its connections are forwarded to.
    pub forward: Option<DialId>,
    /// For proxies: what passes from its callers to where they are forwarded.
    pub protocol: Protocol,
    /// For proxies that forward requests: the rule file requests are judged by, before anybody else sees them.
    pub filter: Option<String>,
    /// For proxies: which of several equal dials a connection takes.
    pub balance: Policy,
    /// For proxies: whose connections begin with a PROXY header that is believed.
    pub accept_proxy: Vec<ProcessId>,
    /// For proxies that pass TLS through: where each server name goes. The first name is the listener's own:
    /// what the catalog publishes.
    pub routes: Vec<Route>,
    /// Where it is a Unix socket.
    pub socket: Option<SocketFile>,
    /// Whether it asks callers for a certificate.
    pub client_auth: Option<ClientAuth>,
    /// For proxies that tell the service behind them who called (RFC 9440).
    pub client_cert: Option<ClientCert>,
    /// For services: are privileged operations answered here?
    pub privileged: bool,
}

/// Which TLS sessions a listener resumes, beside those of a TLS 1.3 ticket that is good once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// Those of TLS 1.2, by id: the state stays with the process.
    pub session_ids: bool,
    /// Those of both versions, by ticket: the state travels, sealed with a key of the process.
    pub tickets: bool,
}

/// What a proxy takes what it forwards for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Bytes, as they are (layer 4).
    #[default]
    Bytes,
    /// HTTP: each request is read, judged and written anew (layer 7).
    Http,
}

/// Where connections for one server name go, unopened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The server name asked for (SNI).
    pub name: String,
    /// Dials that serve it, in turn; at least one.
    pub to: Vec<DialId>,
}

/// A Unix socket in the file system of its host. It belongs to the user of its process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SocketFile {
    /// Permission bits.
    pub mode: u32,
    /// Users whose processes may connect: peer credentials are checked.
    pub peers: Vec<String>,
}

/// How a listener asks for client certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientAuth {
    /// Authorities it accepts.
    pub trust: Vec<AuthorityId>,
    /// Are callers without a certificate refused?
    pub required: bool,
    /// Who may call; `None` = whoever has a certificate of a trusted authority.
    pub allow: Option<Vec<IdentityId>>,
}

/// How a proxy passes on who called, as `Client-Cert` (RFC 9440).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClientCert {
    /// Callers whose own word about *their* callers is passed on.
    pub accept_from: Vec<IdentityId>,
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
    /// The PROXY header its connections begin with.
    pub proxy_header: Option<proxy_header::Version>,
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
    /// The certificate it presents when asked for one.
    pub identity: Option<IdentityId>,
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
