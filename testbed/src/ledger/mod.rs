//! The judge's side of a launch: ground truth, captured bytes, key log, clocks, the services' own state.
//!
//! A launch returns two values, footholds and this; attack code never receives it. Nothing here judges.

mod forgetful;
mod recorder;
mod watch;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

pub use forgetful::Forgetful;
pub use recorder::Recorder;
pub use watch::{Finding, LinkTotals, Seen, Watch};

use crate::{
    architecture::Architecture,
    canary::{Canaries, Mint},
    capture::FlowStore,
    custody::{Custody, keys::Keys},
    engine::Running,
    fabric::Fabric,
    files::RunFiles,
    keylog::KeyLogStore,
    launch::{published::Published, users::Doors},
    node::{Node, meter::CpuMeter, thread::NodeThread, wiring::World},
    services::{
        compute::ComputeStore,
        plant::Plant,
        queue::{Inbox, PublisherCounts, QueueCounts},
    },
    vocabulary::Asset,
};

/// The longest [`Ledger::renew_logins`] waits.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(3);

/// Everything a judge may know of a launch.
pub struct Ledger {
    /// What runs, weaknesses applied.
    pub architecture: Architecture,
    /// Segments, addresses, clocks.
    pub fabric: Fabric,
    /// Ground truth.
    pub canaries: Canaries,
    /// Secrets of every TLS session.
    pub key_log: KeyLogStore,
    /// What lies on the hosts.
    pub files: Arc<RunFiles>,
    /// What the matcher found readable.
    pub seen: Arc<Mutex<Seen>>,
    /// Captured flows.
    pub capture: Arc<Mutex<FlowStore>>,
    /// Milliseconds the launch took.
    pub launched_in: Duration,
    /// Addresses by name, for capture files.
    pub names: Vec<(std::net::Ipv4Addr, String)>,
    /// Certificates of the authorities by name, PEM.
    pub authorities: Vec<(String, String)>,
    /// How honest users reach the cloud.
    pub users: Vec<Doors>,
    /// What the catalog publishes to clients.
    pub published: Vec<Published>,
    /// The first public way to a login page, which no catalog publishes.
    pub login_page: Option<Published>,
    /// Every name under which a public listener may be called.
    pub public_names: Vec<String>,
    /// The services' and honest users' access to canaries.
    pub plant: Arc<dyn Plant>,
    /// What compute logs in with: a canary like any password.
    pub service_password: String,
    /// Private keys, where the host model has them.
    pub keys: Keys,
    pub(crate) world: World,
    pub(crate) relays: Vec<NodeThread>,
    pub(crate) engines: Vec<Running>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) meter: CpuMeter,
}

impl Ledger {
    /// CPU time by `host/process` since the launch.
    pub fn cpu(&self) -> BTreeMap<String, Duration> {
        self.meter.read()
    }

    /// Adds a thread to the clocks.
    pub fn add_clock(&mut self, label: &str, thread_id: i32) {
        self.meter.add(label, [thread_id]);
    }

    /// What the compute services work on, all of them: the ground truth of impact.
    pub fn store(&self) -> &Arc<ComputeStore> {
        &self.world.store
    }

    /// What the message queues did so far, by `host/process`.
    pub fn queues(&self) -> impl Iterator<Item = (&str, QueueCounts)> {
        self.nodes.iter().filter_map(|node| Some((node.label(), node.queue()?.counts())))
    }

    /// What became of the messages of each publisher, by `host/process`.
    pub fn publishers(&self) -> impl Iterator<Item = (&str, PublisherCounts)> {
        self.nodes.iter().filter_map(|node| Some((node.label(), node.publisher()?.counts())))
    }

    /// What arrived at each agent, by `host/process`: a message's id is its canary.
    pub fn inboxes(&self) -> impl Iterator<Item = (&str, &Arc<Inbox>)> {
        self.nodes.iter().filter_map(|node| Some((node.label(), node.inbox()?)))
    }

    /// Makes every service that logs in elsewhere do so again. A service's own login happens once an hour, an
    /// agent's once a connection; a phase of a second would never see their passwords cross. Returns when each of
    /// them was tried, whatever came of it, or after three seconds.
    pub async fn renew_logins(&self) {
        // All are asked before the first is awaited.
        let tried: Vec<_> = self.nodes.iter().flat_map(Node::renew_logins).collect();
        let all = async {
            for one in tried {
                one.await;
            }
        };
        // Who could not even try by then will have nothing to show for it, and that is for the judge to say.
        let _ = timeout(RENEWAL_PATIENCE, all).await;
    }

    /// Nodes by `host/process`.
    pub fn node(&self, label: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.label() == label)
    }

    /// Every node.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Programs that stand in proxies' places.
    pub fn engines(&self) -> &[Running] {
        &self.engines
    }

    /// Ends everything: nodes drain and are joined, the tap empties its rings, files go. The first failure is
    /// returned; every socket is closed when this returns.
    pub fn teardown(self) -> io::Result<()> {
        let mut engines = self.engines;
        self.nodes.iter().for_each(Node::cancel);
        engines.iter_mut().for_each(Running::cancel);
        let nodes = self.nodes.into_iter().map(Node::stop).fold(Ok(()), Result::and);
        let engines = engines.into_iter().map(Running::stop).fold(nodes, Result::and);
        let outcome = self.relays.into_iter().map(NodeThread::stop).fold(engines, Result::and);
        self.fabric.close();
        outcome.and(self.files.remove())
    }

    /// What processes held, if the launch recorded it.
    pub fn custody(&self) -> Option<&Custody> {
        self.world.custody.as_ref()
    }

    /// What nodes of this launch are wired with.
    pub fn world(&self) -> World {
        self.world.clone()
    }

    /// Captured flows, for reading.
    pub fn captured(&self) -> MutexGuard<'_, FlowStore> {
        lock(&self.capture)
    }

    /// What the matcher found, for reading.
    pub fn found(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

/// Services' and honest users' access to the run's canaries, with the run's clock.
pub struct Planter {
    mint: Mint,
    fabric: Fabric,
}

impl Planter {
    /// Over a mint, with the clock of a fabric.
    pub fn new(mint: Mint, fabric: Fabric) -> Self {
        Self { mint, fabric }
    }
}

impl Plant for Planter {
    fn plant(&self, asset: Asset) -> String {
        self.mint.plant(asset)
    }

    fn adopt_token(&self, token: &str) {
        self.mint.adopt_token(token);
    }

    fn sent(&self, value: &str) {
        self.mint.sent(value, self.fabric.now());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
