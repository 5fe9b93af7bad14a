//! Who said, within this run, "that connection is mine".
//!
//! A dialer announces its 4-tuple in the same breath as `connect()`, without an await between; an acceptor
//! claims it. An announcement whose connection is never accepted stays until the run ends: withdrawing it
//! could turn a slow accept into a false stranger.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::transport::{Party, loopback::Loopback};

#[derive(Default)]
pub(crate) struct Announcements {
    known: Mutex<HashMap<(Loopback, Loopback), Party>>,
    arrived: Notify,
}

impl Announcements {
    pub(crate) fn announce(&self, dialer: Loopback, acceptor: Loopback, party: Party) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert((dialer, acceptor), party);
        self.arrived.notify_waiters();
    }

    /// Takes back an announcement whose connection the kernel refused.
    pub(crate) fn withdraw(&self, dialer: Loopback, acceptor: Loopback) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(dialer, acceptor));
    }

    pub(crate) fn claim(&self, dialer: Loopback, acceptor: Loopback) -> Option<Party> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&(dialer, acceptor))
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
