//! Who is logged in, who reads which topic, and what waits for whom: the state that connections share.
//!
//! A session outlives its connection unless its client asked for a clean one, and a topic nobody reads yet
//! keeps what was sent there: a receiver that comes late, or comes back, misses nothing that fits its bounds.
//! Knows no stream and no clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::{
    access::{Access, Act},
    mailbox::{Delivery, Mailbox, Message},
    packet::{Connect, Publish, Welcome},
};

/// Sessions at most, and topics at most that nobody reads yet.
pub const MAX_SESSIONS: usize = 256;
/// Topics one session reads at most.
pub const MAX_TOPICS: usize = 16;

/// What a queue did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueCounts {
    /// Logins taken.
    pub logins: u64,
    /// Logins refused.
    pub refused: u64,
    /// Messages taken from publishers.
    pub published: u64,
    /// Messages acknowledged by receivers; each receiver counts.
    pub delivered: u64,
    /// Messages that had to make room for newer ones.
    pub dropped: u64,
    /// Publishes and subscriptions that were not permitted.
    pub denied: u64,
}

/// One message queue.
#[derive(Debug)]
pub struct Broker {
    access: Access,
    tables: Mutex<Tables>,
}

/// The name it logged in with, and what it calls itself: nobody takes over another's session.
type Who = (String, String);

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<Who, Session>,
    unread: BTreeMap<String, Mailbox>,
    seats: u64,
    counts: QueueCounts,
}

#[derive(Debug)]
struct Session {
    topics: BTreeSet<String>,
    mailbox: Mailbox,
    clean: bool,
    /// The connection that holds it now.
    seat: u64,
    news: Arc<Notify>,
}

impl Broker {
    /// An empty queue with these rules.
    pub fn new(access: Access) -> Arc<Self> {
        Arc::new(Self { access, tables: Mutex::default() })
    }

    /// What it did so far.
    pub fn counts(&self) -> QueueCounts {
        self.tables().counts
    }

    /// Logs a connection in, taking the session over from an older one; the flag says whether there was a
    /// session.
    pub(super) fn seat(self: &Arc<Self>, connect: &Connect) -> Result<(Seat, bool), Welcome> {
        let mut tables = self.tables();
        if !self.access.admits(&connect.name, &connect.password) {
            tables.counts.refused += 1;
            return Err(Welcome::Refused);
        }
        // A client without a name of its own gets one that nobody else has (MQTT 3.1.1, 3.1.3.1).
        let client = Some(connect.client.clone()).filter(|client| !client.is_empty());
        let client = client.unwrap_or_else(|| format!("nameless {}", tables.seats));
        let who = (connect.name.clone(), client);
        if !tables.sessions.contains_key(&who) && tables.sessions.len() >= MAX_SESSIONS {
            return Err(Welcome::Full);
        }
        tables.counts.logins += 1;
        tables.seats += 1;
        let (number, news) = (tables.seats, Arc::new(Notify::new()));
        let mut session = Session {
            topics: BTreeSet::new(),
            mailbox: Mailbox::default(),
            clean: connect.clean || connect.client.is_empty(),
            seat: number,
            news: news.clone(),
        };
        let mut known = false;
        if let Some(old) = tables.sessions.remove(&who) {
            old.news.notify_one();
            if !(connect.clean || old.clean) {
                known = true;
                (session.topics, session.mailbox) = (old.topics, old.mailbox);
                tables.counts.dropped += session.mailbox.rewind();
            }
        }
        tables.sessions.insert(who.clone(), session);
        Ok((Seat { broker: self.clone(), who, number, news }, known))
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change is complete before its next step can panic.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's hold on its session; dropping it lets go.
#[derive(Debug)]
pub(super) struct Seat {
    broker: Arc<Broker>,
    who: Who,
    number: u64,
    news: Arc<Notify>,
}

/// What a session has for its connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Send(Delivery),
    Nothing,
    /// A newer connection holds the session.
    Taken,
}

impl Seat {
    /// Something may have changed for this session.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    /// What to do next.
    pub(super) fn next(&self) -> Next {
        self.on_session(|session, _| session.mailbox.next().map_or(Next::Nothing, Next::Send))
            .unwrap_or(Next::Taken)
    }

    /// The receiver has a message.
    pub(super) fn acknowledge(&self, id: u16) {
        self.on_session(|session, counts| {
            counts.delivered += u64::from(session.mailbox.acknowledge(id));
        });
    }

    /// Gives a message to everyone who reads its topic; `false` where that is not permitted.
    pub(super) fn publish(&self, publish: Publish) -> bool {
        let mut tables = self.broker.tables();
        if !self.broker.access.permits(&self.who.0, Act::Publish, &publish.topic) {
            tables.counts.denied += 1;
            return false;
        }
        tables.publish(Message { topic: publish.topic, body: publish.body });
        true
    }

    /// Reads these topics from now on; says which were granted.
    pub(super) fn subscribe(&self, topics: Vec<String>) -> Vec<bool> {
        let permitted = |topic: &String| self.broker.access.permits(&self.who.0, Act::Subscribe, topic);
        let asked: Vec<(bool, String)> = topics.into_iter().map(|topic| (permitted(&topic), topic)).collect();
        let mut tables = self.broker.tables();
        let Tables { sessions, unread, counts, .. } = &mut *tables;
        let mut session = sessions.get_mut(&self.who).filter(|session| session.seat == self.number);
        let mut grant = |(permitted, topic): (bool, String)| {
            let room =
                |session: &&mut Session| session.topics.len() < MAX_TOPICS || session.topics.contains(&topic);
            let Some(session) = session.as_mut().filter(|session| permitted && room(session)) else {
                counts.denied += 1;
                return false;
            };
            if let Some(backlog) = unread.remove(&topic) {
                counts.dropped += session.mailbox.take_over(backlog);
            }
            session.topics.insert(topic);
            true
        };
        asked.into_iter().map(&mut grant).collect()
    }

    /// The session, as long as this connection holds it.
    fn on_session<T>(&self, then: impl FnOnce(&mut Session, &mut QueueCounts) -> T) -> Option<T> {
        let mut tables = self.broker.tables();
        let Tables { sessions, counts, .. } = &mut *tables;
        let session = sessions.get_mut(&self.who).filter(|session| session.seat == self.number)?;
        Some(then(session, counts))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut tables = self.broker.tables();
        let Some(session) = tables.sessions.get_mut(&self.who).filter(|it| it.seat == self.number) else {
            return;
        };
        if session.clean || session.topics.is_empty() {
            tables.sessions.remove(&self.who);
        } else {
            let dropped = session.mailbox.rewind();
            tables.counts.dropped += dropped;
        }
    }
}

impl Tables {
    fn publish(&mut self, message: Message) {
        self.counts.published += 1;
        let message = Arc::new(message);
        let mut read = false;
        for session in self.sessions.values_mut().filter(|it| it.topics.contains(&message.topic)) {
            read = true;
            self.counts.dropped += session.mailbox.push(message.clone());
            session.news.notify_one();
        }
        if read {
            return;
        }
        if !self.unread.contains_key(&message.topic) && self.unread.len() >= MAX_SESSIONS {
            self.counts.dropped += 1;
            return;
        }
        let mailbox = self.unread.entry(message.topic.clone()).or_default();
        self.counts.dropped += mailbox.push(message);
    }
}
