//! What actually runs a process: OS threads with a runtime each, started from a plan.
//!
//! ```text
//!  plan ── wiring (listeners, dials, codecs) ── programs (doors of proxies, services, agents, sink) ── thread
//! ```
//!
//! A node's CPU is the sum of its threads' clocks ([`meter`]). [`Node::stop`] stops accepting, drains, joins
//! every thread and hands back the first failure.

mod doors;
mod made;
pub mod meter;
pub mod plan;
mod programs;
mod queueing;
mod serving;
pub mod wiring;

use std::{io, sync::Arc};

use proxies::serve::Tally;
pub use proxies::thread;

use self::{plan::NodePlan, programs::Program, thread::NodeThread, wiring::World};
use crate::services::{
    identity::Identity,
    plant::Plant,
    queue::{Broker, Inbox, Publisher},
};

/// A running process.
pub struct Node {
    label: String,
    threads: Vec<NodeThread>,
    program: Program,
}

impl Node {
    /// Starts every thread of a plan; its listeners answer when this returns.
    pub fn start(plan: NodePlan, world: &World, plant: &Arc<dyn Plant>) -> io::Result<Self> {
        let label = plan.label.clone();
        let world = &world.of(&label);
        let program = Program::new(&plan, world, plant)?;
        let plan = Arc::new(plan);
        let threads = (0..plan.threads.max(1))
            .map(|_| {
                let (plan, world, program) = (plan.clone(), world.clone(), program.clone());
                NodeThread::start(&label, move |stop| async move { program.run(&plan, &world, stop).await })
            })
            .collect::<io::Result<_>>()?;
        // Only the threads hold the service: its pooled connections close when they end, not when this
        // handle goes, or a neighbour would wait for them while it drains.
        Ok(Self { label, threads, program: program.without_service() })
    }

    /// `host/process`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Kernel ids of every thread that works for it, hashing threads included.
    pub fn thread_ids(&self) -> Vec<i32> {
        let own = self.threads.iter().map(NodeThread::id);
        own.chain(self.program.helper_threads()).collect()
    }

    /// Counts over all its listeners.
    pub fn tally(&self) -> &Arc<Tally> {
        self.program.tally()
    }

    /// The identity service, if this node runs one: for provisioning users.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.program.identity()
    }

    /// The message queue, if this node runs one.
    pub fn queue(&self) -> Option<&Arc<Broker>> {
        self.program.queue().broker()
    }

    /// What publishes to the queue, if this node does.
    pub fn publisher(&self) -> Option<&Arc<Publisher>> {
        self.program.queue().publisher()
    }

    /// What arrived at the agent, if this node runs one.
    pub fn inbox(&self) -> Option<&Arc<Inbox>> {
        self.program.queue().inbox()
    }

    /// Makes a service that logs in elsewhere do so again, at once, everywhere; each future ends when that was
    /// tried.
    pub fn renew_logins(&self) -> impl Iterator<Item = impl Future<Output = ()> + use<>> {
        self.program.renewals().map(|renewal| renewal.ask())
    }

    /// Asks every thread to end, without waiting.
    pub fn cancel(&self) {
        self.threads.iter().for_each(NodeThread::cancel);
    }

    /// Ends it: no more accepts, drain, join. The first failure is returned.
    pub fn stop(self) -> io::Result<()> {
        self.cancel();
        self.threads.into_iter().map(NodeThread::stop).fold(Ok(()), Result::and)
    }
}
