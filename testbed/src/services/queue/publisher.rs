//! What compute tells the compute hosts: one message per server made or deleted, and one to each of them
//! when it is asked to log in again.
//!
//! Each message has a connection of its own: connect, log in, publish, wait for the acknowledgement, leave.
//! That costs a handshake a message, and buys what a run needs: in every phase, however short, password and
//! message cross; a connection that somebody cut or sent elsewhere fails with its own message and is replaced
//! at once; and no connection is kept that would have to be watched. The caller waits [`DEADLINE`] at most and
//! learns nothing but whether the queue has the message. Spawns nothing: [`Publisher::keep_in_touch`] ends with
//! its stop token.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    access::QueueLogin,
    client::{Caller, QueueError},
};
use crate::{
    connect::Connect,
    services::{Renewal, ids, plant::Plant},
    vocabulary::Asset,
};

/// The longest a caller waits for a message to be taken.
pub const DEADLINE: Duration = Duration::from_secs(1);
/// The longest one attempt takes; a far side that keeps silent leaves time for another.
const ATTEMPT_DEADLINE: Duration = Duration::from_millis(400);
/// Attempts at most: failing at once, as a refused handshake does, must not become a storm.
const ATTEMPTS: u32 = 4;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A server was made.
    Build,
    /// A server was deleted.
    Terminate,
    /// Nothing happened: the host is asked how its servers are.
    Sync,
}

impl Task {
    /// The method as Nova's compute hosts know it.
    const fn method(self) -> &'static str {
        match self {
            Self::Build => "build_and_run_instance",
            Self::Terminate => "terminate_instance",
            Self::Sync => "sync_power_states",
        }
    }
}

/// What compute has to tell.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// What happened.
    pub task: Task,
    /// To which server; empty for [`Task::Sync`].
    pub server_id: &'a str,
    /// In which request.
    pub request_id: &'a str,
}

/// What became of the messages of one publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PublisherCounts {
    /// Taken by the queue.
    pub taken: u64,
    /// Given up.
    pub lost: u64,
}

/// Publishes for one compute process.
pub struct Publisher {
    caller: Caller,
    topics: Vec<String>,
    renewal: Renewal,
    taken: AtomicU64,
    lost: AtomicU64,
}

impl Publisher {
    /// Over a dial, with a login, to the topics of these compute hosts.
    pub fn new(
        connect: Arc<dyn Connect>,
        login: QueueLogin,
        topics: Vec<String>,
        plant: Arc<dyn Plant>,
    ) -> Arc<Self> {
        let caller = Caller { connect, login, plant };
        let (renewal, taken, lost) = (Renewal::default(), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { caller, topics, renewal, taken, lost })
    }

    /// What makes it log in again.
    pub fn renewal(&self) -> Renewal {
        self.renewal.clone()
    }

    /// Whenever that is asked for, a word to every host: a login is nothing without a message. May run on
    /// several threads, one of which answers.
    pub async fn keep_in_touch(&self, stop: &CancellationToken) {
        let speaking = async {
            loop {
                let _asked = self.renewal.asked().await;
                for topic in &self.topics {
                    let request_id = ids::request_id();
                    let notice = Notice { task: Task::Sync, server_id: "", request_id: &request_id };
                    self.deliver(topic, notice).await;
                }
            }
        };
        let _: Option<()> = stop.run_until_cancelled(speaking).await;
    }

    /// Sends a message to the one host that has the server; `false` when it was given up.
    pub async fn tell(&self, notice: Notice<'_>) -> bool {
        match host_of(&self.topics, notice.server_id) {
            Some(topic) => self.deliver(topic, notice).await,
            None => false,
        }
    }

    async fn deliver(&self, topic: &str, notice: Notice<'_>) -> bool {
        let canary = self.caller.plant.plant(Asset::InternalMessage);
        let body = body(notice, &canary);
        let attempts = async {
            for attempt in 0..ATTEMPTS {
                let sent = self.send(topic, &body, &canary, attempt > 0);
                if matches!(timeout(ATTEMPT_DEADLINE, sent).await, Ok(Ok(()))) {
                    return true;
                }
            }
            false
        };
        let taken = timeout(DEADLINE, attempts).await.unwrap_or(false);
        let counter = if taken { &self.taken } else { &self.lost };
        counter.fetch_add(1, Ordering::Relaxed);
        taken
    }

    /// What became of its messages so far.
    pub fn counts(&self) -> PublisherCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        PublisherCounts { taken: read(&self.taken), lost: read(&self.lost) }
    }

    async fn send(&self, topic: &str, body: &Bytes, canary: &str, again: bool) -> Result<(), QueueError> {
        // A name of its own for each connection: those of one compute process do not take each other's place.
        let mut channel = self.caller.open(ids::hex_id(), true, 0).await?;
        channel.publish(topic, body.clone(), again, self.caller.sends(canary.to_owned())).await?;
        channel.leave().await;
        Ok(())
    }
}

/// The topic of the host that has a server: always the same one for the same server.
fn host_of<'a>(topics: &'a [String], server_id: &str) -> Option<&'a String> {
    let sum: usize = server_id.bytes().map(usize::from).sum();
    topics.get(sum.checked_rem(topics.len())?)
}

/// The message. Its id is its canary.
fn body(notice: Notice<'_>, canary: &str) -> Bytes {
    let server = json!({"server_id": notice.server_id});
    let message = json!({
        "message_id": canary,
        "method": notice.task.method(),
        "args": if notice.task == Task::Sync { json!({}) } else { server },
        "context": {"request_id": notice.request_id},
    });
    message.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_stays_with_its_host_and_every_host_gets_some() {
        let topics = ["compute.a", "compute.b", "compute.c"].map(str::to_owned);
        let ids: Vec<String> = (0..64).map(|_| ids::uuid()).collect();
        for topic in &topics {
            assert!(ids.iter().any(|id| host_of(&topics, id) == Some(topic)), "{topic} {ids:?}");
        }
        assert!(ids.iter().all(|id| host_of(&topics, id) == host_of(&topics, id)));
        assert_eq!(host_of(&[], "s"), None);
    }
}
