//! The message queue in plans: who logs in with what, and which topic is whose.
//!
//! A login is named after its process; its password is a canary like any other. The topic of a compute host
//! is `compute.<host>`, read by the agent there.

use std::collections::BTreeMap;

use super::{LaunchError, plans::Drawing};
use crate::{
    architecture::{Architecture, DialId, ProcessId, Program},
    node::plan::{ProgramPlan, PublishPlan},
    services::{plant::Plant, queue::QueueLogin},
    vocabulary::Asset,
};

/// The login of every process that dials a queue.
#[derive(Debug)]
pub struct QueueLogins(BTreeMap<ProcessId, QueueLogin>);

impl QueueLogins {
    /// Fresh passwords for all of them.
    pub fn plant(architecture: &Architecture, plant: &dyn Plant) -> Self {
        let login = |process| QueueLogin {
            name: architecture.process_label(process),
            password: plant.plant(Asset::Password),
        };
        let callers = architecture.process_ids().filter(|id| queue_dial(architecture, *id).is_some());
        Self(callers.map(|process| (process, login(process))).collect())
    }

    fn of(&self, process: ProcessId) -> Option<QueueLogin> {
        self.0.get(&process).cloned()
    }
}

impl Drawing<'_> {
    /// The program of a queue: whoever dials it may log in.
    pub(super) fn queue(&self, process: ProcessId) -> Result<ProgramPlan, LaunchError> {
        let listeners = self.architecture[process].listeners.iter().map(|listener| self.listen(*listener));
        let logins = self.queue_callers(process).filter_map(|caller| self.queue_logins.of(caller));
        Ok(ProgramPlan::Queue { listeners: listeners.collect::<Result<_, _>>()?, logins: logins.collect() })
    }

    /// The program of an agent.
    pub(super) fn agent(&self, process: ProcessId) -> Result<ProgramPlan, LaunchError> {
        let lost = || LaunchError::Unplaced { what: self.architecture.process_label(process) };
        Ok(ProgramPlan::Agent {
            queue: self.dial(queue_dial(self.architecture, process).ok_or_else(lost)?)?,
            login: self.queue_logins.of(process).ok_or_else(lost)?,
            topic: topic(self.architecture, process),
        })
    }

    /// How a process publishes; `None` where it dials no queue.
    pub(super) fn publishing(&self, process: ProcessId) -> Result<Option<Box<PublishPlan>>, LaunchError> {
        let (Some(dial), Some(login)) =
            (queue_dial(self.architecture, process), self.queue_logins.of(process))
        else {
            return Ok(None);
        };
        let callers = self.queue_callers(queue_behind(self.architecture, dial));
        let agents = callers.filter(|caller| self.architecture[*caller].program == Program::Agent);
        let topics = agents.map(|agent| topic(self.architecture, agent)).collect();
        Ok(Some(Box::new(PublishPlan { dial: self.dial(dial)?, login, topics })))
    }

    /// Who dials this queue, directly or through proxies.
    fn queue_callers(&self, queue: ProcessId) -> impl Iterator<Item = ProcessId> {
        let architecture = self.architecture;
        architecture.process_ids().filter(move |process| {
            queue_dial(architecture, *process).is_some_and(|dial| queue_behind(architecture, dial) == queue)
        })
    }
}

/// The dial of a program that uses a queue.
fn queue_dial(architecture: &Architecture, process: ProcessId) -> Option<DialId> {
    let process = &architecture[process];
    let uses = matches!(process.program, Program::Compute | Program::Agent);
    process.dials.iter().copied().find(|dial| uses && architecture[*dial].name == "queue")
}

fn queue_behind(architecture: &Architecture, dial: DialId) -> ProcessId {
    architecture[architecture.end_of(architecture[dial].to)].process
}

fn topic(architecture: &Architecture, agent: ProcessId) -> String {
    format!("compute.{}", architecture[architecture[agent].host].name)
}
