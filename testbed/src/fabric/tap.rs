//! The tap thread: takes every ring empty about once a millisecond while anyone looks, and shows what crossed
//! to observers and sniffers. Its CPU is its own line, so that the victim's clock stays the victim's.
//!
//! It ends when closed, after draining what is in the rings.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, TryRecvError, channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use proxies::{registry::EntryId, transport::loopback::Loopback};
use tokio::sync::{mpsc, oneshot};

use super::{
    parties::Kind,
    ring::{Gauge, Record, Ring},
};
use crate::{
    architecture::SegmentId,
    foothold::{FlowView, Sniffed, Target},
    vocabulary::Direction,
};

/// How long the tap thread rests when every ring was empty.
const REST: Duration = Duration::from_millis(1);
/// The same where nobody looks: rings must still be emptied, but nothing waits for it.
const LONG_REST: Duration = Duration::from_millis(20);
/// Records taken from one ring before looking at the next: no node starves another's.
const BATCH: usize = 1024;

/// One connection across a segment.
#[derive(Debug)]
pub struct Flow {
    /// Unique in a launch.
    pub id: u64,
    /// Where it crossed.
    pub segment: SegmentId,
    /// `host/process>host/process`.
    pub link: String,
    /// On whose side the dialer is.
    pub kind: Kind,
    /// The dialing end.
    pub dialer: Loopback,
    /// The accepting end.
    pub acceptor: Loopback,
    /// The accepting entry.
    pub entry: EntryId,
    /// How attackers name the accepting end.
    pub target: Target,
    /// Where the dialer meant to go, if a rule sent it here: `host/process>host/process`.
    pub meant: Option<String>,
    /// The phase it opened in.
    pub phase: u32,
    /// When, since the run started.
    pub opened: Duration,
    /// Bytes a rule swallowed or changed.
    pub altered: AtomicU64,
}

/// What a flow begins with.
pub(super) struct FlowStart {
    pub(super) id: u64,
    pub(super) segment: SegmentId,
    pub(super) link: String,
    pub(super) kind: Kind,
    pub(super) dialer: Loopback,
    pub(super) acceptor: Loopback,
    pub(super) entry: EntryId,
    pub(super) target: Target,
    pub(super) meant: Option<String>,
    pub(super) phase: u32,
    pub(super) opened: Duration,
}

impl Flow {
    pub(super) fn new(start: FlowStart) -> Self {
        let FlowStart { id, segment, link, kind, dialer, acceptor, entry, target, meant, phase, opened } =
            start;
        let altered = AtomicU64::new(0);
        Self { id, segment, link, kind, dialer, acceptor, entry, target, meant, phase, opened, altered }
    }
}

/// Sees everything that crosses, in order per flow, on the tap thread.
pub trait Observer: Send {
    /// A flow opened.
    fn opened(&mut self, flow: &Arc<Flow>);
    /// A chunk was delivered; an empty one: the side sending this way finished.
    fn crossed(&mut self, flow: &Flow, direction: Direction, at: Duration, bytes: &Bytes);
    /// A flow ended; `cut` names the way whose sender broke it.
    fn ended(&mut self, flow: &Flow, at: Duration, cut: Option<Direction>);
}

/// Everyone who sees what crosses.
pub type Wire = Vec<Box<dyn Observer>>;

pub(super) enum TapCommand {
    AddRing { consumer: rtrb::Consumer<Record>, ring: Arc<Ring>, gauge: Arc<Gauge> },
    Sniff { segment: SegmentId, chunks: mpsc::UnboundedSender<Sniffed> },
    Settle { done: oneshot::Sender<()> },
    Close,
}

/// The handle on the tap thread.
pub(super) struct TapThread {
    commands: Mutex<Sender<TapCommand>>,
    gauges: Mutex<Vec<Arc<Gauge>>>,
    join: Mutex<Option<JoinHandle<()>>>,
    thread_id: i32,
}

impl TapThread {
    pub(super) fn start(wire: Wire) -> io::Result<Self> {
        let (commands, inbox) = channel();
        let (ready, started) = channel();
        let join = Builder::new().name("segment/tap".to_owned()).spawn(move || {
            // The starter waits for exactly this.
            let _ = ready.send(rustix::thread::gettid().as_raw_nonzero().get());
            Tap { inbox, wire, rings: Vec::new(), flows: HashMap::new(), sniffers: Vec::new() }.run();
        })?;
        let thread_id = started.recv().map_err(|_| io::Error::other("the tap thread did not start"))?;
        Ok(Self {
            commands: Mutex::new(commands),
            gauges: Mutex::default(),
            join: Mutex::new(Some(join)),
            thread_id,
        })
    }

    pub(super) fn thread_id(&self) -> i32 {
        self.thread_id
    }

    pub(super) fn add_ring(&self) -> Arc<Ring> {
        let (ring, consumer, gauge) = Ring::new();
        lock(&self.gauges).push(gauge.clone());
        self.command(TapCommand::AddRing { consumer, ring: ring.clone(), gauge });
        ring
    }

    pub(super) fn command(&self, command: TapCommand) {
        // A closed tap has nothing left to do; a `Settle` then resolves because its sender is dropped.
        let _ = lock(&self.commands).send(command);
    }

    pub(super) fn stalls(&self) -> u64 {
        lock(&self.gauges).iter().map(|gauge| gauge.stalls.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn sent(&self) -> u64 {
        lock(&self.gauges).iter().map(|gauge| gauge.sent.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn close(&self) {
        self.command(TapCommand::Close);
        if let Some(join) = lock(&self.join).take() {
            // A panic there has been reported by the panic hook; there is nothing to hand on.
            let _ = join.join();
        }
    }
}

impl Drop for TapThread {
    fn drop(&mut self) {
        self.close();
    }
}

struct Source {
    consumer: rtrb::Consumer<Record>,
    ring: Arc<Ring>,
    gauge: Arc<Gauge>,
}

struct Tap {
    inbox: Receiver<TapCommand>,
    wire: Wire,
    rings: Vec<Source>,
    flows: HashMap<u64, (Arc<Flow>, Option<Arc<FlowView>>)>,
    sniffers: Vec<(SegmentId, mpsc::UnboundedSender<Sniffed>)>,
}

impl Tap {
    fn run(mut self) {
        loop {
            match self.inbox.try_recv() {
                Ok(TapCommand::AddRing { consumer, ring, gauge }) => {
                    self.rings.push(Source { consumer, ring, gauge });
                }
                Ok(TapCommand::Sniff { segment, chunks }) => self.sniffers.push((segment, chunks)),
                Ok(TapCommand::Settle { done }) => {
                    while self.sweep() {}
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
                Ok(TapCommand::Close) | Err(TryRecvError::Disconnected) => {
                    while self.sweep() {}
                    return;
                }
                Err(TryRecvError::Empty) => {
                    if !self.sweep() {
                        let unseen = self.wire.is_empty() && self.sniffers.is_empty();
                        std::thread::park_timeout(if unseen { LONG_REST } else { REST });
                    }
                }
            }
        }
    }

    /// Takes a batch from every ring; true when anything was there.
    fn sweep(&mut self) -> bool {
        let mut records = Vec::new();
        let mut worked = false;
        for index in 0..self.rings.len() {
            let source = &mut self.rings[index];
            while records.len() < BATCH {
                match source.consumer.pop() {
                    Ok(record) => records.push(record),
                    Err(rtrb::PopError::Empty) => {
                        let mut behind = source.ring.take_overflow(&source.consumer);
                        if behind.is_empty() && !source.consumer.is_empty() {
                            continue;
                        }
                        records.append(&mut behind);
                        break;
                    }
                }
            }
            let mut moved = 0;
            for record in records.drain(..) {
                worked = true;
                if let Record::Data { bytes, .. } = &record {
                    moved += bytes.len();
                }
                self.take(record);
            }
            let gauge = &self.rings[index].gauge;
            gauge.release(moved);
            gauge.wake();
        }
        // A ring whose node is gone and which is empty will never fill again.
        self.rings.retain(|source| {
            Arc::strong_count(&source.ring) > 1 || source.consumer.slots() > 0 || source.ring.overflows()
        });
        worked
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Open(flow) => {
                for observer in &mut self.wire {
                    observer.opened(&flow);
                }
                self.flows.insert(flow.id, (flow, None));
            }
            Record::Data { flow, direction, at, bytes } => {
                let Some((flow, view)) = self.flows.get_mut(&flow) else { return };
                for observer in &mut self.wire {
                    observer.crossed(flow, direction, at, &bytes);
                }
                if !bytes.is_empty() {
                    show(&mut self.sniffers, flow, view, direction, at, Some(bytes));
                }
            }
            Record::End { flow, at, cut } => {
                let Some((flow, mut view)) = self.flows.remove(&flow) else { return };
                for observer in &mut self.wire {
                    observer.ended(&flow, at, cut);
                }
                show(&mut self.sniffers, &flow, &mut view, Direction::ToAcceptor, at, None);
            }
        }
    }
}

/// Hands a chunk (or, with `None`, the end) to whoever sniffs that segment.
fn show(
    sniffers: &mut Vec<(SegmentId, mpsc::UnboundedSender<Sniffed>)>,
    flow: &Flow,
    view: &mut Option<Arc<FlowView>>,
    direction: Direction,
    at: Duration,
    bytes: Option<Bytes>,
) {
    // An attacker does not sniff its own connections.
    if sniffers.is_empty() || matches!(flow.kind, Kind::Attacker | Kind::Flood) {
        return;
    }
    let view = view.get_or_insert_with(|| {
        Arc::new(FlowView { id: flow.id, from: flow.dialer.to_string(), to: flow.target.clone() })
    });
    let end = bytes.is_none();
    let bytes = bytes.unwrap_or_default();
    sniffers.retain(|(segment, chunks)| {
        *segment != flow.segment
            || chunks.send(Sniffed { flow: view.clone(), direction, at, bytes: bytes.clone(), end }).is_ok()
    });
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
