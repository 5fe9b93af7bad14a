//! Who is logged in. Pure: every decision takes the time as a value.
//!
//! A session lives in memory, as long as its token, and dies when the page restarts. There is a bound: the
//! oldest one goes when it is reached, so that a flood of logins costs sessions, never memory.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::services::ids;

/// Sessions at most.
pub(super) const MAX_SESSIONS: usize = 10_000;

/// One login.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Login name.
    pub(super) user: String,
    /// Name of the project.
    pub(super) project: String,
    /// Its token, which no browser sees.
    pub(super) token: String,
    /// Until when the token holds.
    pub(super) expires: Timestamp,
}

/// All of them.
#[derive(Default)]
pub(super) struct Sessions(Mutex<Table>);

#[derive(Default)]
struct Table {
    by_id: HashMap<String, (u64, Arc<Session>)>,
    /// Ids in the order of their logins.
    by_age: BTreeMap<u64, String>,
    next: u64,
}

impl Sessions {
    /// Begins one; what its cookie holds.
    pub(super) fn begin(&self, session: Session, now: Timestamp) -> String {
        let id = ids::hex(&ids::random::<16>());
        let mut table = self.lock();
        while let Some(oldest) = table.oldest()
            && (table.by_id.len() >= MAX_SESSIONS || table.has_expired(&oldest, now))
        {
            table.end(&oldest);
        }
        let age = table.next;
        table.next += 1;
        table.by_age.insert(age, id.clone());
        table.by_id.insert(id.clone(), (age, Arc::new(session)));
        id
    }

    /// The one a cookie stands for, if it has not expired.
    pub(super) fn find(&self, id: &str, now: Timestamp) -> Option<Arc<Session>> {
        let (_, session) = self.lock().by_id.get(id)?.clone();
        (now < session.expires).then_some(session)
    }

    /// Ends one, if there is one.
    pub(super) fn end(&self, id: &str) {
        self.lock().end(id);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn oldest(&self) -> Option<String> {
        self.by_age.first_key_value().map(|(_, id)| id.clone())
    }

    fn has_expired(&self, id: &str, now: Timestamp) -> bool {
        self.by_id.get(id).is_none_or(|(_, session)| session.expires <= now)
    }

    fn end(&mut self, id: &str) {
        if let Some((age, _)) = self.by_id.remove(id) {
            self.by_age.remove(&age);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn session(expires: i64) -> Session {
        let text = |text: &str| text.to_owned();
        Session { user: text("alice"), project: text("demo"), token: text("t"), expires: at(expires) }
    }

    #[test]
    fn a_session_is_found_until_it_expires_or_ends() {
        let sessions = Sessions::default();
        let (first, second) = (sessions.begin(session(60), at(0)), sessions.begin(session(60), at(0)));
        assert_ne!(first, second);
        assert_eq!(sessions.find(&first, at(59)).as_deref(), Some(&session(60)));
        assert_eq!(sessions.find(&first, at(60)), None);
        sessions.end(&first);
        sessions.end("never begun");
        assert_eq!(sessions.find(&first, at(0)), None);
        assert!(sessions.find(&second, at(0)).is_some());
    }

    #[test]
    fn the_oldest_goes_when_there_is_no_room_and_the_expired_before_that() {
        let sessions = Sessions::default();
        let stale = sessions.begin(session(1), at(0));
        let oldest = sessions.begin(session(60), at(1));
        assert!(!sessions.lock().by_id.contains_key(&stale), "expired, so forgotten");
        let second = sessions.begin(session(60), at(1));
        for _ in 2..=MAX_SESSIONS {
            sessions.begin(session(60), at(1));
        }
        let held = {
            let table = sessions.lock();
            (table.by_id.len(), table.by_age.len())
        };
        assert_eq!(held, (MAX_SESSIONS, MAX_SESSIONS));
        assert_eq!(sessions.find(&oldest, at(1)), None);
        assert!(sessions.find(&second, at(1)).is_some());
    }
}
