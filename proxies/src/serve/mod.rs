//! The accept loop: one per listener and thread, with a bound, a drain and counts.
//!
//! ```text
//!   accept ─▶ permit ─▶ handler task ─┐
//!      ▲                              ├─ stop: no more accepts, then handlers get `drain`, then they are cut
//!      └── error: back off, until ────┘
//!          a connection ends at most
//! ```
//!
//! Out of descriptors it asks again as soon as one of its own connections ends, and every half second at least: what
//! makes room may be anything in the process.
//!
//! Every handler runs on a tracker that this loop awaits; none outlives it.

mod back_off;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

pub use back_off::BACK_OFF;
use back_off::BackOff;
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    forward::HttpCounts,
    limits::Limits,
    pass_through::Hellos,
    refusal::Refused,
    transport::{Ends, Listen, Party},
};

/// Counts of one listener, shared by the threads of its node.
#[derive(Debug, Default)]
pub struct Tally {
    /// Connections accepted; those over a rate are not.
    pub accepted: AtomicU64,
    /// Connections reset at once because too many came to the listener.
    pub over_rate: AtomicU64,
    /// Connections turned away because too many came from their source address.
    pub over_source_rate: AtomicU64,
    /// PROXY headers taken.
    pub proxy_headers: AtomicU64,
    /// Connections dropped because a PROXY header was due and something else came.
    pub proxy_headers_refused: AtomicU64,
    /// Handshakes completed.
    pub handshakes: AtomicU64,
    /// Handshakes that failed.
    pub handshakes_failed: AtomicU64,
    /// Upstream connections that could not be opened.
    pub upstream_failed: AtomicU64,
    /// Connections turned away for what their first bytes were.
    pub refused: Refused,
    /// What the hellos offered that were looked at.
    pub hellos: Hellos,
    /// Connections that ended.
    pub ended: AtomicU64,
    /// Accept errors.
    pub accept_errors: AtomicU64,
    /// How requests went, where HTTP is forwarded.
    pub http: HttpCounts,
    parties: Mutex<BTreeMap<Option<Party>, Visits>>,
}

/// What one party did at a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Visits {
    /// Connections accepted.
    pub accepted: u64,
    /// Handshakes completed.
    pub handshakes: u64,
}

impl Tally {
    /// A connection of `party` was accepted.
    pub fn count_accepted(&self, party: Option<Party>) {
        Self::count(&self.accepted);
        self.parties().entry(party).or_default().accepted += 1;
    }

    /// A handshake of `party` was completed.
    pub fn count_handshake(&self, party: Option<Party>) {
        Self::count(&self.handshakes);
        self.parties().entry(party).or_default().handshakes += 1;
    }

    /// What a party did here.
    pub fn visits(&self, party: Option<Party>) -> Visits {
        self.parties().get(&party).copied().unwrap_or_default()
    }

    fn parties(&self) -> MutexGuard<'_, BTreeMap<Option<Party>, Visits>> {
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// How a served listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections still running at the drain deadline, which were cut.
    pub cut: usize,
}

/// Accepts until `stop`, running `handler` on each connection.
pub async fn serve<L, H, F>(
    mut listener: L,
    handler: H,
    limits: Limits,
    tally: Arc<Tally>,
    stop: CancellationToken,
) -> Drained
where
    L: Listen,
    H: Fn(L::Stream, Ends) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(limits.connections));
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    let (freed, mut back_off) = (Arc::new(Notify::new()), BackOff::default());
    while let Some(permit) = unless(&stop, permits.clone().acquire_owned()).await.and_then(Result::ok) {
        let (stream, ends) = match unless(&stop, listener.accept()).await {
            None => break,
            Some(Ok(accepted)) => accepted,
            Some(Err(error)) => {
                Tally::count(&tally.accept_errors);
                let room = tokio::time::timeout(back_off.after(&error), freed.notified());
                if unless(&stop, room).await.is_none() {
                    break;
                }
                continue;
            }
        };
        back_off.accepted();
        tally.count_accepted(ends.party);
        let (work, cut, tally) = (handler(stream, ends), cut.clone(), tally.clone());
        let freed = freed.clone();
        tasks.spawn(async move {
            tokio::select! { () = work => {} () = cut.cancelled() => {} }
            Tally::count(&tally.ended);
            drop(permit);
            freed.notify_one();
        });
    }
    drop(listener);
    drain(&tasks, &cut, limits.drain).await
}

async fn drain(tasks: &TaskTracker, cut: &CancellationToken, deadline: Duration) -> Drained {
    tasks.close();
    if tokio::time::timeout(deadline, tasks.wait()).await.is_ok() {
        return Drained { cut: 0 };
    }
    let left = tasks.len();
    cut.cancel();
    tasks.wait().await;
    Drained { cut: left }
}

async fn unless<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.cancelled() => None,
        done = work => Some(done),
    }
}
