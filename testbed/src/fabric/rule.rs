//! Interference: a rule is asked per connection and per chunk, and lifted when its guard is dropped.
//!
//! The first rule of a segment that does not pass decides. `Hold` waits until the segment's rules change.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::Waker,
};

use bytes::Bytes;
use proxies::registry::EntryId;
use tokio::sync::Notify;

use super::{parties::Known, tap::Flow};
use crate::{architecture::SegmentId, vocabulary::Direction};

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing happens.
    Pass,
    /// The connection goes elsewhere. Asked per chunk: this one is cut, so that its next one does.
    Redirect(EntryId),
    /// Other bytes go on instead (asked per connection: the same as `Pass`).
    Replace(Bytes),
    /// Swallowed: a connection is never answered, a chunk never arrives.
    Drop,
    /// Waits until the rules of the segment change.
    Hold,
}

/// A connection about to be opened across a segment.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionAsk<'a> {
    /// Who dials.
    pub dialer: &'a Known,
    /// What it dials.
    pub to: EntryId,
}

/// A chunk about to be delivered across a segment.
#[derive(Clone, Copy, Debug)]
pub struct ChunkAsk<'a> {
    /// Which flow, and whose.
    pub flow: &'a Flow,
    /// Which way.
    pub direction: Direction,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// Interference on a segment. Called on the victim's own thread: decide, do not wait.
pub trait Rule: Send + Sync + 'static {
    /// Asked once before a connection is opened.
    fn connection(&self, _ask: ConnectionAsk<'_>) -> Verdict {
        Verdict::Pass
    }

    /// Asked for each chunk.
    fn chunk(&self, _ask: ChunkAsk<'_>) -> Verdict {
        Verdict::Pass
    }
}

/// The rules of all segments of a launch.
#[derive(Clone, Default)]
pub struct Rules {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    rules: RwLock<Vec<Installed>>,
    held: Mutex<Vec<Waker>>,
    installed: AtomicUsize,
    next: AtomicU64,
    changed: Notify,
}

type Installed = (u64, SegmentId, Arc<dyn Rule>);

/// Keeps a rule in force; dropping it lifts the rule.
#[must_use = "a rule is lifted when its guard is dropped"]
pub struct RuleGuard {
    inner: Arc<Inner>,
    id: u64,
}

impl Rules {
    /// Adds a rule after those already there.
    pub fn install(&self, segment: SegmentId, rule: Arc<dyn Rule>) -> RuleGuard {
        let id = self.inner.next.fetch_add(1, Ordering::Relaxed);
        self.inner.change(|rules| rules.push((id, segment, rule)));
        RuleGuard { inner: self.inner.clone(), id }
    }

    /// Where a connection really goes; `None` when it is dropped. Waits while held.
    pub async fn route(&self, segment: SegmentId, dialer: &Known, to: EntryId) -> Option<EntryId> {
        loop {
            let changed = self.inner.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.ask(segment, |rule| rule.connection(ConnectionAsk { dialer, to })) {
                Verdict::Pass | Verdict::Replace(_) => return Some(to),
                Verdict::Redirect(elsewhere) => return Some(elsewhere),
                Verdict::Drop => return None,
                Verdict::Hold => changed.await,
            }
        }
    }

    /// True while any rule is in force.
    pub fn any(&self) -> bool {
        self.inner.installed.load(Ordering::Acquire) > 0
    }

    /// What happens to a chunk; `Hold` keeps `waker` until the rules change.
    pub fn chunk(&self, segment: SegmentId, ask: ChunkAsk<'_>, waker: &Waker) -> Verdict {
        if !self.any() {
            return Verdict::Pass;
        }
        // Locked before asking: a rule lifted in between finds the waker, or is not asked any more.
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = self.ask(segment, |rule| rule.chunk(ask));
        if verdict == Verdict::Hold {
            held.push(waker.clone());
        }
        verdict
    }

    fn ask(&self, segment: SegmentId, ask: impl Fn(&dyn Rule) -> Verdict) -> Verdict {
        let rules = self.inner.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules
            .iter()
            .filter(|(_, on, _)| *on == segment)
            .map(|(_, _, rule)| ask(&**rule))
            .find(|verdict| *verdict != Verdict::Pass)
            .unwrap_or(Verdict::Pass)
    }
}

impl Inner {
    fn change(&self, edit: impl FnOnce(&mut Vec<Installed>)) {
        {
            let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
            edit(&mut rules);
            self.installed.store(rules.len(), Ordering::Release);
        }
        self.changed.notify_waiters();
        for waker in self.held.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            waker.wake();
        }
    }
}

impl Drop for RuleGuard {
    fn drop(&mut self) {
        self.inner.change(|rules| rules.retain(|(id, _, _)| *id != self.id));
    }
}
