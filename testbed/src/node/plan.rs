//! What a node is started from: plain values that could be sent to a child process as they are.
//!
//! A plan names addresses by registry handle and carries certificates, keys and trust as DER. Making it is
//! the launch's work; it opens nothing itself.

use std::time::Duration;

use proxies::{
    balance::Policy,
    forward::ClientCert,
    limits::Limits,
    proxy_header::{self, Accept},
    registry::{EntryId, SourceId},
    tls::{ClientSettings, ServerSettings},
    transport::Party,
};
use serde::{Deserialize, Serialize};

use crate::{
    architecture::SegmentId,
    services::{catalog::CatalogEntry, compute::Worker, origin::Origin, queue::QueueLogin},
};

/// One process to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    /// `host/process`.
    pub label: String,
    /// OS threads, each with its own runtime and its own socket of each listener.
    pub threads: usize,
    /// Deadlines and bounds.
    pub limits: Limits,
    /// What it does.
    pub program: ProgramPlan,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProgramPlan {
    /// Each listener's connections go on over its own dials.
    Proxy {
        /// Listener and where its connections go.
        doors: Vec<(ListenPlan, Onward)>,
    },
    /// Reads and forgets: what stands behind a bystander.
    Sink {
        /// What it listens on.
        listeners: Vec<ListenPlan>,
    },
    /// Identity v3.
    Identity {
        /// What it listens on.
        listeners: Vec<ListenPlan>,
        /// Threads of the hashing pool.
        hash_threads: usize,
        /// Binds tokens to the certificates of callers.
        bind_tokens: bool,
        /// Scheme and authority it calls itself.
        endpoint: String,
        /// What it publishes.
        catalog: Vec<CatalogEntry>,
    },
    /// Compute v2.1.
    Compute {
        /// What it listens on.
        listeners: Vec<ListenPlan>,
        /// Scheme and authority it calls itself.
        endpoint: String,
        /// Where it sends callers without a token.
        identity_uri: String,
        /// How it reaches identity.
        identity: Box<DialPlan>,
        /// Its own login there.
        service_user: Login,
        /// Where it tells what it did; `None` = nowhere.
        queue: Option<Box<PublishPlan>>,
        /// Accepts a bound token only with its certificate.
        bind_tokens: bool,
        /// What it says runs where.
        workers: Vec<Worker>,
    },
    /// A form, a cookie, and a page behind it.
    LoginPage {
        /// What it listens on.
        listeners: Vec<ListenPlan>,
        /// How it reaches identity.
        identity: Box<DialPlan>,
        /// Its users reach it over TLS.
        secure: bool,
    },
    /// A message queue.
    Queue {
        /// What it listens on.
        listeners: Vec<ListenPlan>,
        /// Who may log in.
        logins: Vec<QueueLogin>,
    },
    /// The agent of a compute host; it has one thread.
    Agent {
        /// How it reaches the queue.
        queue: DialPlan,
        /// Its login there.
        login: QueueLogin,
        /// What it reads.
        topic: String,
    },
}

/// How a service publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishPlan {
    /// How it reaches the queue.
    pub dial: DialPlan,
    /// Its login there.
    pub login: QueueLogin,
    /// The topics of the compute hosts.
    pub topics: Vec<String>,
}

/// Where a proxied connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Onward {
    /// To one place, after the listener's own codec.
    To(DialPlan),
    /// By the server name the caller asks for, unopened.
    ByName {
        /// Names and the dials that serve each, in turn.
        routes: Vec<(String, Vec<DialPlan>)>,
        /// The name outside clients mean by `localhost`, where the listener takes outside clients.
        localhost: Option<String>,
        /// Which of several dials a connection takes.
        policy: Policy,
    },
}

/// A login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// Project.
    pub project: String,
}

impl std::fmt::Debug for Login {
    /// Never prints the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A listener to serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenPlan {
    /// Where.
    pub entry: EntryId,
    /// The segment its connections cross at the acceptor; `None` on a local link or behind a relay.
    pub crossing: Option<SegmentId>,
    /// The certificate it presents; `None` = clear.
    pub tls: Option<ServerSettings>,
    /// Proxies that speak HTTP here: what they tell the service about the caller's certificate.
    pub client_cert: Option<ClientCert>,
    /// Proxies: are requests read here (layer 7)? They are where `client_cert` is there.
    pub requests: bool,
    /// Proxies that read requests: are they judged by the built-in rule file?
    pub filtered: bool,
    /// Proxies: whose connections begin with a PROXY header, which is believed.
    pub accept_proxy: Accept,
    /// CPU burnt per handshake on top: zero but in the test that doubles a victim's cost.
    pub ballast: Duration,
    /// What the service behind it may believe of callers.
    pub origin: Origin,
}

/// A connection a node may open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialPlan {
    /// Where to.
    pub entry: EntryId,
    /// From which address.
    pub source: SourceId,
    /// Under whose name.
    pub party: Party,
    /// The segment whose rules are asked; `None` on a local link.
    pub segment: Option<SegmentId>,
    /// TLS; `None` = clear.
    pub tls: Option<ClientSettings>,
    /// What goes into `Host:`.
    pub authority: String,
    /// The PROXY header each connection begins with.
    pub header: Option<proxy_header::Version>,
}
