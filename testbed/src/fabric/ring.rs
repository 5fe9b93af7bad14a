//! One single-producer ring per node thread: from the victim's thread to the tap thread, bytes copied once.
//!
//! Nothing is lost: a read or write first asks how much it may move. No room means `Pending` with a waker
//! the tap thread fires; the stall is counted. The mutex is only ever taken by tasks of one thread, so it
//! is never contended.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;

use super::tap::Flow;
use crate::vocabulary::Direction;

/// Records a ring holds.
const RECORDS: usize = 8 * 1024;
/// Record slots kept back, so that ends of flows (which cannot wait) always fit beside data.
const KEPT_BACK: usize = 2 * 1024;
/// Bytes on their way to the tap thread, per ring.
const BYTES: usize = 4 * 1024 * 1024;

/// What crosses a ring.
pub enum Record {
    /// A flow opened.
    Open(Arc<Flow>),
    /// A chunk crossed.
    Data {
        /// Which flow.
        flow: u64,
        /// Which way.
        direction: Direction,
        /// When.
        at: Duration,
        /// What; empty: the side sending this way finished.
        bytes: Bytes,
    },
    /// A flow ended.
    End {
        /// Which flow.
        flow: u64,
        /// When.
        at: Duration,
        /// The way whose sender cut it, if it broke.
        cut: Option<Direction>,
    },
}

/// The producer's end.
pub struct Ring {
    producer: Mutex<rtrb::Producer<Record>>,
    // Ends of flows that found no slot; the tap thread takes them after the ring.
    overflow: Mutex<Vec<Record>>,
    gauge: Arc<Gauge>,
}

/// What both ends share.
#[derive(Default)]
pub(super) struct Gauge {
    bytes: AtomicUsize,
    waiting: Mutex<Vec<Waker>>,
    someone_waits: AtomicBool,
    pub(super) stalls: AtomicU64,
    /// Bytes that ever entered the ring.
    pub(super) sent: AtomicU64,
}

impl Ring {
    /// A ring and its consumer.
    pub(super) fn new() -> (Arc<Self>, rtrb::Consumer<Record>, Arc<Gauge>) {
        let (producer, consumer) = rtrb::RingBuffer::new(RECORDS);
        let gauge = Arc::new(Gauge::default());
        let ring = Self { producer: Mutex::new(producer), overflow: Mutex::default(), gauge: gauge.clone() };
        (Arc::new(ring), consumer, gauge)
    }

    /// How many bytes may move now, at most `wanted`; ready with at least one.
    pub fn poll_room(&self, cx: &mut Context<'_>, wanted: usize) -> Poll<usize> {
        if let Some(room) = self.room() {
            return Poll::Ready(wanted.min(room));
        }
        self.gauge.stalls.fetch_add(1, Ordering::Relaxed);
        lock(&self.gauge.waiting).push(cx.waker().clone());
        self.gauge.someone_waits.store(true, Ordering::SeqCst);
        // Looked at again after registering: the tap thread may have drained in between.
        match self.room() {
            Some(room) => Poll::Ready(wanted.min(room)),
            None => Poll::Pending,
        }
    }

    /// Sends a chunk; call only after [`Self::poll_room`] gave room for it in the same poll.
    pub fn data(&self, flow: u64, direction: Direction, at: Duration, bytes: Bytes) {
        self.gauge.bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        self.gauge.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.push(Record::Data { flow, direction, at, bytes });
    }

    /// Sends the opening of a flow.
    pub fn open(&self, flow: Arc<Flow>) {
        self.push(Record::Open(flow));
    }

    /// Sends the end of a flow.
    pub fn end(&self, flow: u64, at: Duration, cut: Option<Direction>) {
        self.push(Record::End { flow, at, cut });
    }

    /// Takes what found no slot, if the ring is empty: what is in the ring is older. The lock keeps the
    /// producer out while both are looked at.
    pub(super) fn take_overflow(&self, consumer: &rtrb::Consumer<Record>) -> Vec<Record> {
        let mut overflow = lock(&self.overflow);
        if consumer.is_empty() { std::mem::take(&mut *overflow) } else { Vec::new() }
    }

    /// True while something waits behind the ring.
    pub(super) fn overflows(&self) -> bool {
        !lock(&self.overflow).is_empty()
    }

    fn push(&self, record: Record) {
        let mut overflow = lock(&self.overflow);
        // Order is kept: once something overflowed, everything follows it until the tap took it.
        if overflow.is_empty() {
            if let Err(rtrb::PushError::Full(record)) = lock(&self.producer).push(record) {
                overflow.push(record);
            }
        } else {
            overflow.push(record);
        }
    }

    fn room(&self) -> Option<usize> {
        let bytes = BYTES.saturating_sub(self.gauge.bytes.load(Ordering::Relaxed));
        let slots = lock(&self.producer).slots();
        (bytes > 0 && slots > KEPT_BACK).then_some(bytes)
    }
}

impl Gauge {
    /// The tap thread is done with `bytes`.
    pub(super) fn release(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Wakes whoever waits for room.
    pub(super) fn wake(&self) {
        if self.someone_waits.swap(false, Ordering::SeqCst) {
            for waker in lock(&self.waiting).drain(..) {
                waker.wake();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
