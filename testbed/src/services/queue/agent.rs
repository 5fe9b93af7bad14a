//! The program of a compute host: reads the topic of its own host and acknowledges what comes.
//!
//! It has one connection. When that is cut, or its TLS refused, it comes again: first after 10 ms, later less
//! often. Ends with its stop token; the future *is* the agent, nothing is spawned.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    access::QueueLogin,
    client::{Caller, Channel, QueueError},
    inbox::Inbox,
    packet::Packet,
};
use crate::{
    connect::Connect,
    services::{Renewal, plant::Plant, renewal::Asked},
};

/// What the agent waits before it comes again, at first; doubled with every failure in a row.
const FIRST_RETRY: Duration = Duration::from_millis(10);
/// What it waits at most: short, because a phase may last no longer than this.
const LONGEST_RETRY: Duration = Duration::from_millis(160);
/// Logging in may take this long once the connection stands.
const LOGIN_DEADLINE: Duration = Duration::from_secs(2);
/// What the agent promises the queue, in seconds.
const KEEP_ALIVE: u16 = 10;
/// Silence of its own after which it says that it is still there.
const PING_AFTER: Duration = Duration::from_secs(5);
/// Silence of the queue after which the connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(15);
/// What saying goodbye may take.
const FAREWELL: Duration = Duration::from_millis(100);

/// The agent of one compute host.
pub struct Agent {
    caller: Caller,
    topic: String,
    inbox: Arc<Inbox>,
    renewal: Renewal,
}

/// Why a connection was left.
enum Left {
    /// Somebody asked for that, or for the end.
    Asked(Option<Asked>),
    /// It was not to be had, or lost.
    Lost,
}

impl Agent {
    /// Over a dial, with a login, for one topic.
    pub fn new(
        connect: Arc<dyn Connect>,
        login: QueueLogin,
        topic: String,
        inbox: Arc<Inbox>,
        plant: Arc<dyn Plant>,
    ) -> Self {
        Self { caller: Caller { connect, login, plant }, topic, inbox, renewal: Renewal::default() }
    }

    /// What makes it log in again.
    pub fn renewal(&self) -> Renewal {
        self.renewal.clone()
    }

    /// Reads until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let (mut wait, mut asked) = (FIRST_RETRY, None);
        while !stop.is_cancelled() {
            match self.attend(&stop, &mut wait, asked.take()).await {
                Left::Asked(again) => (wait, asked) = (FIRST_RETRY, again),
                Left::Lost => {
                    self.inbox.note_loss();
                    asked =
                        tokio::select! { again = self.interrupted(&stop) => again, () = sleep(wait) => None };
                    wait = (wait * 2).min(LONGEST_RETRY);
                }
            }
        }
    }

    /// One connection, from dialling to its end. Who asked for it is told when it was tried.
    async fn attend(&self, stop: &CancellationToken, wait: &mut Duration, asked: Option<Asked>) -> Left {
        let opened = tokio::select! {
            biased;
            again = self.interrupted(stop) => return Left::Asked(again),
            opened = self.open() => opened,
        };
        drop(asked);
        let Ok(mut channel) = opened else { return Left::Lost };
        let again = tokio::select! {
            biased;
            again = self.interrupted(stop) => again,
            Err(_) = self.read(&mut channel, wait) => return Left::Lost,
        };
        // A queue that does not take the goodbye in time is left without.
        let _ = timeout(FAREWELL, channel.leave()).await;
        Left::Asked(again)
    }

    /// A connection on which the topic was asked for.
    async fn open(&self) -> Result<Channel, QueueError> {
        let login = self.caller.login.name.clone();
        let opening = async {
            let mut channel = self.caller.open(login, false, KEEP_ALIVE).await?;
            let topics = vec![self.topic.clone()];
            channel.write(&Packet::Subscribe { id: 1, topics }).await?;
            Ok(channel)
        };
        // The dial has deadlines of its own; this one is for whoever answers it and then keeps silent.
        timeout(LOGIN_DEADLINE, opening).await.unwrap_or(Err(QueueError::Silent))
    }

    /// Acknowledges everything until the connection is lost; never ends well.
    async fn read(&self, channel: &mut Channel, wait: &mut Duration) -> Result<(), QueueError> {
        let (mut heard_at, mut said_at) = (Instant::now(), Instant::now());
        loop {
            let heard = tokio::select! {
                heard = timeout_at(heard_at + PATIENCE, channel.read()) => heard,
                () = sleep_until(said_at + PING_AFTER) => {
                    said_at = Instant::now();
                    channel.write(&Packet::Ping).await?;
                    continue;
                }
            };
            heard_at = Instant::now();
            match heard.map_err(|_| QueueError::Silent)?? {
                Packet::Publish(message) => {
                    self.inbox.note_arrival(message.topic, &message.body);
                    if let Some(id) = message.id {
                        said_at = Instant::now();
                        channel.write(&Packet::Puback(id)).await?;
                    }
                }
                Packet::Suback { granted, .. } if granted == [true] => {
                    self.inbox.note_login();
                    *wait = FIRST_RETRY;
                }
                Packet::Suback { .. } => return Err(QueueError::Topic),
                Packet::Pong => {}
                _ => return Err(QueueError::Answer),
            }
        }
    }

    /// The end, or a wish for a new login.
    async fn interrupted(&self, stop: &CancellationToken) -> Option<Asked> {
        stop.run_until_cancelled(self.renewal.asked()).await
    }
}
