//! Honest users of one launch, on a node thread of their own with a CPU line of their own.
//!
//! Work comes as jobs over a channel; the thread ends when its handle is stopped or dropped.

use std::{io, sync::Arc};

use proxies::limits::Limits;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    accounts::enrol,
    generator::{Bounds, Generator, Record, Tally},
    operations::{Failure, Users, UsersConfig},
    schedule::Arrival,
};
use crate::{
    connect::Connect,
    launch::{PROJECT, users::Doors},
    ledger::Ledger,
    node::{thread::NodeThread, wiring::NodeConnect},
    services::{identity::Identity, plant::Plant},
};

/// Why honest users could not do their work.
#[derive(Debug, thiserror::Error)]
pub enum CrowdError {
    /// The thread or its dials.
    #[error("honest users cannot start: {0}")]
    Start(#[from] io::Error),
    /// The cloud has no door or no identity service for them.
    #[error("honest users have no {0}")]
    Nobody(&'static str),
    /// Accounts could not be made.
    #[error("accounts: {0}")]
    Accounts(String),
    /// The first logins failed: the cloud does not work.
    #[error("the cloud does not serve honest users: {0}")]
    WarmUp(Failure),
    /// The thread is gone.
    #[error("honest users are gone")]
    Gone,
}

enum Job {
    WarmUp {
        sessions: usize,
        servers: usize,
        done: oneshot::Sender<Result<(), Failure>>,
    },
    Work {
        arrivals: Vec<Arrival>,
        record: Arc<dyn Record>,
        stop: CancellationToken,
        done: oneshot::Sender<Tally>,
    },
}

/// Honest users of one launch.
pub struct Crowd {
    thread: NodeThread,
    label: String,
    users: Arc<Users>,
    visits_page: bool,
    identity: Arc<Identity>,
    plant: Arc<dyn Plant>,
    enrolled: usize,
    jobs: mpsc::Sender<Job>,
}

impl Crowd {
    /// The users of the first `users` process.
    pub fn start(ledger: &Ledger, bounds: Bounds) -> Result<Self, CrowdError> {
        let doors: &Doors = ledger.users.first().ok_or(CrowdError::Nobody("door"))?;
        let identity = ledger.nodes().iter().find_map(|node| node.identity().cloned());
        let identity = identity.ok_or(CrowdError::Nobody("identity service"))?;
        let (world, limits) = (ledger.world(), Limits::default());
        let page =
            doors.login_page.as_ref().map(|page| NodeConnect::new(&world, page, limits)).transpose()?;
        let visits_page = page.is_some();
        let users = Users::new(UsersConfig {
            identity: NodeConnect::new(&world, &doors.identity, limits)?,
            compute: NodeConnect::new(&world, &doors.compute, limits)?,
            login_page: page.map(|page| page as Arc<dyn Connect>),
            keep: 0,
            plant: ledger.plant.clone(),
        });
        let (jobs, inbox) = mpsc::channel(4);
        let working = users.clone();
        let thread = NodeThread::start(&doors.label, move |stop| work(working, bounds, inbox, stop))?;
        Ok(Self {
            thread,
            label: doors.label.clone(),
            users,
            visits_page,
            identity,
            plant: ledger.plant.clone(),
            enrolled: 0,
            jobs,
        })
    }

    /// `host/process`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Kernel id of its thread.
    pub fn thread_id(&self) -> i32 {
        self.thread.id()
    }

    /// Whether there is a login page they can visit.
    pub fn visits_page(&self) -> bool {
        self.visits_page
    }

    /// Makes accounts for logins to come, each with a canary for a password.
    pub async fn enrol(&mut self, count: usize) -> Result<(), CrowdError> {
        let made = enrol(&self.identity, &*self.plant, PROJECT, self.enrolled, count).await;
        self.users.add_accounts(made.map_err(|error| CrowdError::Accounts(error.to_string()))?);
        self.enrolled += count;
        Ok(())
    }

    /// First logins and servers, recorded nowhere.
    pub async fn warm_up(&self, sessions: usize, servers: usize) -> Result<(), CrowdError> {
        let (done, outcome) = oneshot::channel();
        self.give(Job::WarmUp { sessions, servers, done }).await?;
        outcome.await.map_err(|_| CrowdError::Gone)?.map_err(CrowdError::WarmUp)
    }

    /// Works a schedule off, to its end or until `stop`.
    pub async fn work(
        &self,
        arrivals: Vec<Arrival>,
        record: Arc<dyn Record>,
        stop: CancellationToken,
    ) -> Result<Tally, CrowdError> {
        let (done, outcome) = oneshot::channel();
        self.give(Job::Work { arrivals, record, stop, done }).await?;
        outcome.await.map_err(|_| CrowdError::Gone)
    }

    /// Ends its thread.
    pub fn stop(self) -> io::Result<()> {
        self.thread.stop()
    }

    async fn give(&self, job: Job) -> Result<(), CrowdError> {
        self.jobs.send(job).await.map_err(|_| CrowdError::Gone)
    }
}

async fn work(
    users: Arc<Users>,
    bounds: Bounds,
    mut inbox: mpsc::Receiver<Job>,
    stop: CancellationToken,
) -> io::Result<()> {
    while let Some(Some(job)) = stop.run_until_cancelled(inbox.recv()).await {
        // Whoever asked may have gone; then nobody needs the answer.
        match job {
            Job::WarmUp { sessions, servers, done } => {
                let _ = done.send(users.warm_up(sessions, servers).await);
            }
            Job::Work { arrivals, record, stop: until, done } => {
                let generator = Generator { performer: users.clone(), record, bounds };
                let working = generator.run(&arrivals, &until);
                if let Some(tally) = stop.run_until_cancelled(working).await {
                    let _ = done.send(tally);
                }
            }
        }
    }
    Ok(())
}
