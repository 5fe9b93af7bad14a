//! What arrived at an agent: the proof that a message was not only sent.
//!
//! A bounded log for whoever judges, and counts. Knows no connection.

use std::{
    collections::VecDeque,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

/// Arrivals remembered; older ones are forgotten and counted.
const MAX_ARRIVALS: usize = 20_000;

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its id as it stands in the message; `None` = a message without one.
    pub id: Option<String>,
    /// The topic it was read from.
    pub topic: String,
    /// Since the run started.
    pub at: Duration,
}

/// The log of one agent.
#[derive(Debug)]
pub struct Inbox {
    epoch: Instant,
    /// Arrivals remembered at most.
    room: usize,
    book: Mutex<Book>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Book {
    arrivals: VecDeque<Arrival>,
    arrived: u64,
    logins: u64,
    losses: u64,
}

impl Inbox {
    /// An empty log; `epoch` is the start of the run, from which `at` counts.
    pub fn new(epoch: Instant) -> Self {
        Self { epoch, room: MAX_ARRIVALS, book: Mutex::default(), news: Notify::new() }
    }

    /// A log that only counts: for a cloud nobody judges.
    pub fn unlogged(epoch: Instant) -> Self {
        Self { room: 0, ..Self::new(epoch) }
    }

    /// What arrived, in order; a message that was delivered twice arrived twice.
    pub fn arrivals(&self) -> Vec<Arrival> {
        self.book().arrivals.iter().cloned().collect()
    }

    /// Messages that arrived, forgotten ones included.
    pub fn arrived(&self) -> u64 {
        self.book().arrived
    }

    /// Waits until its log says so.
    pub async fn until(&self, so: impl Fn(&Self) -> bool) {
        loop {
            let mut news = pin!(self.news.notified());
            news.as_mut().enable();
            if so(self) {
                return;
            }
            news.await;
        }
    }

    /// Times the agent was logged in and its topic granted.
    pub fn logins(&self) -> u64 {
        self.book().logins
    }

    /// Connections that failed or were lost.
    pub fn losses(&self) -> u64 {
        self.book().losses
    }

    pub(super) fn note_arrival(&self, topic: String, body: &[u8]) {
        let at = self.epoch.elapsed();
        let mut book = self.book();
        book.arrived += 1;
        if self.room > 0 {
            if book.arrivals.len() >= self.room {
                book.arrivals.pop_front();
            }
            book.arrivals.push_back(Arrival { id: message_id(body), topic, at });
        }
        drop(book);
        self.news.notify_waiters();
    }

    pub(super) fn note_login(&self) {
        self.book().logins += 1;
        self.news.notify_waiters();
    }

    pub(super) fn note_loss(&self) {
        self.book().losses += 1;
        self.news.notify_waiters();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn message_id(body: &[u8]) -> Option<String> {
    let message: Value = serde_json::from_slice(body).ok()?;
    message.get("message_id")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn arrivals_are_kept_in_order_and_the_oldest_is_forgotten() {
        let inbox = Inbox { room: 2, ..Inbox::new(Instant::now()) };
        for id in ["one", "two", "three"] {
            tokio::time::advance(Duration::from_secs(1)).await;
            inbox.note_arrival("t".into(), format!(r#"{{"message_id":"{id}"}}"#).as_bytes());
        }
        let at = |id: &str, second| Arrival {
            id: Some(id.into()),
            topic: "t".into(),
            at: Duration::from_secs(second),
        };
        assert_eq!(inbox.arrivals(), [at("two", 2), at("three", 3)]);
        assert_eq!(inbox.arrived(), 3);
    }

    #[tokio::test]
    async fn what_has_no_id_arrived_all_the_same() {
        let inbox = Inbox::new(Instant::now());
        for body in [&b"\xff"[..], b"{}", br#"{"message_id":7}"#] {
            inbox.note_arrival("t".into(), body);
        }
        assert!(inbox.arrivals().iter().all(|arrival| arrival.id.is_none()));
        assert_eq!(inbox.arrivals().len(), 3);
    }

    #[tokio::test]
    async fn an_unlogged_inbox_only_counts() {
        let inbox = Inbox::unlogged(Instant::now());
        inbox.note_arrival("t".into(), b"{}");
        assert_eq!((inbox.arrivals(), inbox.arrived()), (vec![], 1));
    }
}
