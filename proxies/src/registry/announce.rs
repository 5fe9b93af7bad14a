//! Who said, within this run, "that connection is mine".
//!
//! A dialer announces its 4-tuple (on a Unix socket: its own name there) in the same breath as `connect()`, without an await between; an acceptor
//! claims it. An announcement whose connection is never accepted stays until the run ends: withdrawing it
//! could turn a slow accept into a false stranger.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::transport::Party;

pub(crate) struct Announcements<K> {
    known: Mutex<HashMap<K, Party>>,
    arrived: Notify,
}

impl<K> Default for Announcements<K> {
    fn default() -> Self {
        Self { known: Mutex::default(), arrived: Notify::default() }
    }
}

impl<K: Eq + Hash> Announcements<K> {
    pub(crate) fn announce(&self, connection: K, party: Party) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(connection, party);
        self.arrived.notify_waiters();
    }

    /// Takes back an announcement whose connection the kernel refused.
    pub(crate) fn withdraw(&self, connection: &K) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(connection);
    }

    pub(crate) fn claim<Q: Eq + Hash + ?Sized>(&self, connection: &Q) -> Option<Party>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(connection)
    }

    /// Connections of a party that nobody claimed yet.
    pub(crate) fn unclaimed(&self, party: Party) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|of| **of == party).count()
    }

    /// Resolves at the next announcement after the returned future was enabled.
    pub(crate) fn next(&self) -> tokio::sync::futures::Notified<'_> {
        self.arrived.notified()
    }
}
