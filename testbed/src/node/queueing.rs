//! A node's part in the message queue: the queue itself, one that publishes, or one that reads.

use std::{io, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{
    plan::{NodePlan, ProgramPlan},
    wiring::{NodeConnect, World},
};
use crate::services::{
    Renewal,
    plant::Plant,
    queue::{Access, Agent, Broker, Inbox, Publisher},
};

/// What a node has to do with messages.
#[derive(Clone, Default)]
pub(super) enum Queueing {
    /// It is the queue.
    Queue(Arc<Broker>),
    /// It tells what it does.
    Publisher(Arc<Publisher>),
    /// It reads its topic; what arrived stands in the log.
    Agent(Arc<Agent>, Arc<Inbox>),
    /// None of these.
    #[default]
    Nothing,
}

impl Queueing {
    pub(super) fn of(plan: &NodePlan, world: &World, plant: &Arc<dyn Plant>) -> io::Result<Self> {
        Ok(match &plan.program {
            ProgramPlan::Queue { logins, .. } => Self::Queue(Broker::new(Access::new(logins.clone()))),
            ProgramPlan::Compute { queue: Some(publish), .. } => {
                let connect = NodeConnect::new(world, &publish.dial, plan.limits)?;
                let (login, topics) = (publish.login.clone(), publish.topics.clone());
                Self::Publisher(Publisher::new(connect, login, topics, plant.clone()))
            }
            ProgramPlan::Agent { queue, login, topic } => {
                let started = world.fabric.started();
                let inbox = if world.recorded { Inbox::new(started) } else { Inbox::unlogged(started) };
                let inbox = Arc::new(inbox);
                let connect = NodeConnect::new(world, queue, plan.limits)?;
                let (topic, plant) = (topic.clone(), plant.clone());
                let agent = Agent::new(connect, login.clone(), topic, inbox.clone(), plant);
                Self::Agent(Arc::new(agent), inbox)
            }
            _ => Self::Nothing,
        })
    }

    pub(super) fn broker(&self) -> Option<&Arc<Broker>> {
        if let Self::Queue(broker) = self { Some(broker) } else { None }
    }

    pub(super) fn publisher(&self) -> Option<&Arc<Publisher>> {
        if let Self::Publisher(publisher) = self { Some(publisher) } else { None }
    }

    /// What it does of its own accord, until `stop`.
    pub(super) async fn work(&self, stop: &CancellationToken) {
        match self {
            Self::Agent(agent, _) => agent.run(stop.clone()).await,
            Self::Publisher(publisher) => publisher.keep_in_touch(stop).await,
            Self::Queue(_) | Self::Nothing => {}
        }
    }

    /// What makes it log in again, where it logs in.
    pub(super) fn renewal(&self) -> Option<Renewal> {
        match self {
            Self::Agent(agent, _) => Some(agent.renewal()),
            Self::Publisher(publisher) => Some(publisher.renewal()),
            Self::Queue(_) | Self::Nothing => None,
        }
    }

    pub(super) fn inbox(&self) -> Option<&Arc<Inbox>> {
        if let Self::Agent(_, inbox) = self { Some(inbox) } else { None }
    }
}
