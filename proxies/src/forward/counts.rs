//! How requests went, counted per listener.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Counts of the requests of one listener, shared by the threads of its node.
#[derive(Debug, Default)]
pub struct HttpCounts {
    /// Request heads that were well-formed.
    pub requests: AtomicU64,
    /// Requests that went out, each once however often it was tried.
    pub forwarded: AtomicU64,
    /// Requests that found a kept connection.
    pub reused: AtomicU64,
    /// Requests sent a second time, because a kept connection turned out dead.
    pub retried: AtomicU64,
    /// Kept connections thrown away because something came on them that nobody had asked for.
    pub unsolicited: AtomicU64,
    own: Mutex<BTreeMap<u16, u64>>,
    rules: Mutex<BTreeMap<String, u64>>,
}

impl HttpCounts {
    pub(super) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_own(&self, status: u16) {
        *self.own.lock().unwrap_or_else(PoisonError::into_inner).entry(status).or_default() += 1;
    }

    pub(super) fn count_rule(&self, rule: &str) {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        *rules.entry(rule.to_owned()).or_default() += 1;
    }

    /// Answers of the proxy itself, by status.
    pub fn own_answers(&self) -> BTreeMap<u16, u64> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Messages a filter would not have, by rule.
    pub fn objections(&self) -> BTreeMap<String, u64> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
