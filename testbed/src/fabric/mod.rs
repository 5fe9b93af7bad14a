//! Segments as they run: every crossing is seen exactly once, by taps that only copy and rules that
//! interfere.
//!
//! ```text
//!  dialing process ── SegmentDial ──(connection rules)──▶ socket ──▶ CrossingListen ── Tapped ── process
//!                                                                              │ ring (one per node thread)
//!                                                                              ▼
//!                                                 tap thread: canary matcher · capture · sniffers
//! ```
//!
//! A crossing is realised at the acceptor (the default), at the dialer where the acceptor is a program of its own
//! ([`crossing::AtDialer`]), or by a relay the segment owns ([`relay`]); all wrap the stream in the same
//! [`tapped::Tapped`]. What a program of its own dials comes in through its own door of the segment ([`relay::doors`]),
//! which asks the rules and dials for it. Host-local links never come here.
//!
//! The tap thread ends when [`Fabric::close`] is called; relays end with their cancellation token.

pub mod crossing;
pub mod parties;
pub mod relay;
pub mod ring;
pub mod rule;
pub mod tap;
pub mod tapped;

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use proxies::registry::{EntryId, Registry};
use tokio::{sync::mpsc, time::Instant};

use self::{
    parties::Parties,
    ring::Ring,
    rule::Rules,
    tap::{TapCommand, TapThread, Wire},
};
use crate::{architecture::SegmentId, foothold::Target};

/// Everything that segments share in one launch. Clones share it.
#[derive(Clone)]
pub struct Fabric {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    started: Instant,
    parties: Parties,
    rules: Rules,
    flows: AtomicU64,
    phase: AtomicU32,
    acceptors: Mutex<HashMap<EntryId, Acceptor>>,
    at_dialers: RwLock<HashSet<EntryId>>,
    tap: TapThread,
}

/// What the fabric knows of a listening entry on a segment.
#[derive(Clone, Debug)]
pub struct Acceptor {
    /// `host/process` that accepts.
    pub label: String,
    /// The handle attackers know it by.
    pub target: Target,
    /// For an impostor: the `host/process` it stands in for.
    pub instead_of: Option<String>,
}

impl Fabric {
    /// A fabric whose tap thread hands everything to `wire`.
    pub fn new(registry: Registry, started: Instant, wire: Wire) -> std::io::Result<Self> {
        Ok(Self {
            inner: Arc::new(Inner {
                registry,
                started,
                parties: Parties::default(),
                rules: Rules::default(),
                flows: AtomicU64::new(1),
                phase: AtomicU32::new(0),
                acceptors: Mutex::default(),
                at_dialers: RwLock::default(),
                tap: TapThread::start(wire)?,
            }),
        })
    }

    /// The run's addresses.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Who may dial.
    pub fn parties(&self) -> &Parties {
        &self.inner.parties
    }

    /// The rules of all segments.
    pub fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    /// Time since the run started.
    pub fn now(&self) -> Duration {
        self.inner.started.elapsed()
    }

    /// When the run started.
    pub fn started(&self) -> Instant {
        self.inner.started
    }

    /// The phase number new flows are marked with.
    pub fn set_phase(&self, phase: u32) {
        self.inner.phase.store(phase, Ordering::Relaxed);
    }

    /// Names a listening entry, before anything dials it.
    pub fn name_acceptor(&self, entry: EntryId, acceptor: Acceptor) {
        lock(&self.inner.acceptors).insert(entry, acceptor);
    }

    /// What is known of a listening entry.
    pub fn acceptor(&self, entry: EntryId) -> Option<Acceptor> {
        lock(&self.inner.acceptors).get(&entry).cloned()
    }

    /// Connections to this entry are tapped by whoever dials it: nobody there does.
    pub fn tap_at_dialers(&self, entry: EntryId) {
        self.inner.at_dialers.write().unwrap_or_else(PoisonError::into_inner).insert(entry);
    }

    /// Must a dialer tap its connections to this entry?
    pub fn is_tapped_at_dialers(&self, entry: EntryId) -> bool {
        self.inner.at_dialers.read().unwrap_or_else(PoisonError::into_inner).contains(&entry)
    }

    /// A new ring for one node thread.
    pub fn ring(&self) -> Arc<Ring> {
        self.inner.tap.add_ring()
    }

    /// Copies every later chunk of some segments into a channel, until the receiver is dropped.
    pub fn sniff(&self, segments: &[SegmentId]) -> mpsc::UnboundedReceiver<crate::foothold::Sniffed> {
        let (chunks, receiver) = mpsc::unbounded_channel();
        for segment in segments {
            self.inner.tap.command(TapCommand::Sniff { segment: *segment, chunks: chunks.clone() });
        }
        receiver
    }

    /// Resolves when everything that crossed before this call has been matched and captured; fails when the
    /// tap is gone, for then nobody looked.
    pub async fn settle(&self) -> io::Result<()> {
        let (done, settled) = tokio::sync::oneshot::channel();
        self.inner.tap.command(TapCommand::Settle { done });
        settled.await.map_err(|_| io::Error::other("the tap thread is gone: what crossed was not seen"))
    }

    /// Bytes that entered the taps, counted where they crossed.
    pub fn tapped(&self) -> u64 {
        self.inner.tap.sent()
    }

    /// Thread id of the tap, for its CPU line.
    pub fn tap_thread(&self) -> i32 {
        self.inner.tap.thread_id()
    }

    /// Times a node waited for ring space so far.
    pub fn stalls(&self) -> u64 {
        self.inner.tap.stalls()
    }

    /// Ends the tap thread, after it drained what is there.
    pub fn close(&self) {
        self.inner.tap.close();
    }

    fn next_flow(&self) -> u64 {
        self.inner.flows.fetch_add(1, Ordering::Relaxed)
    }

    fn phase(&self) -> u32 {
        self.inner.phase.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
