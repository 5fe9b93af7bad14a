//! Looks at the memory of programs of their own, over and over while an attack goes on, on a thread of their own.
//!
//! Noted at each look: what is readable, and which records of the process's links lie there as they crossed. Nothing is
//! looked at where our own record is kept, or where nobody stands. It decides nothing. The thread ends when it is told
//! to, or when its handle is dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use testbed::{
    canary::{Canaries, CanaryId, search},
    capture::{Chunk, FlowRecord, FlowStore},
    custody::process::{Image, process_tree},
    fabric::Fabric,
    foothold::hosts::taken,
    ledger::Ledger,
    vocabulary::{Asset, Direction, Vantage},
};
use tokio::time::Instant;

/// Between two looks, at least: the processor is the victim's, too, so that a long look rests longer.
const REST: Duration = Duration::from_millis(5);
/// Times a look's own length it rests.
const RESTS: u32 = 2;
/// Connections whose records are sought at each look, the newest ones.
const FLOWS: usize = 64;
/// Bytes of a record that are unlike those of any other.
const PIECE: usize = 16;
/// Where they are taken: whatever comes into the same buffer next overwrites its beginning.
const PIECES: [usize; 3] = [8, 72, 200];

/// What was seen in one process.
#[derive(Default)]
pub(super) struct Seen {
    /// Each readable canary where it was first seen.
    pub(super) found: BTreeMap<CanaryId, Sighting>,
    /// Records that lay there: number of the flow, whether they went to the acceptor, where in that stream they begin.
    pub(super) sealed: BTreeSet<(u64, bool, u64)>,
    /// Why it could not be read.
    pub(super) unread: Option<String>,
}

/// A canary in memory.
pub(super) struct Sighting {
    pub(super) asset: Asset,
    pub(super) at: Duration,
    pub(super) pid: u32,
    pub(super) region: String,
    pub(super) address: u64,
    pub(super) encoding: String,
}

/// Everything seen, by `host/process`.
pub(super) type Looks = BTreeMap<String, Seen>;

/// Looks while it lives.
#[derive(Default)]
pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    watching: Option<JoinHandle<Looks>>,
}

impl Watch {
    /// Begins to look at every program whose memory someone at this vantage can read.
    pub(super) fn start(ledger: &Ledger, vantage: Vantage) -> io::Result<Self> {
        let Ok(Some(taken)) = taken(&ledger.architecture, vantage) else { return Ok(Self::default()) };
        let labels: Vec<String> =
            taken.processes.iter().map(|id| ledger.architecture.process_label(*id)).collect();
        let programs =
            ledger.engines().iter().filter(|program| labels.iter().any(|at| at == program.label()));
        let programs: Vec<(String, u32)> =
            programs.map(|program| (program.label().to_owned(), program.pid())).collect();
        if programs.is_empty() {
            return Ok(Self::default());
        }
        let eyes = Eyes {
            canaries: ledger.canaries.clone(),
            fabric: ledger.fabric.clone(),
            capture: ledger.capture.clone(),
        };
        let stop = Arc::new(AtomicBool::new(false));
        let asked = stop.clone();
        let watching = Builder::new().name("memory".to_owned()).spawn(move || {
            let mut looks = Looks::new();
            loop {
                let (last, began) = (asked.load(Ordering::Relaxed), Instant::now());
                for (label, pid) in &programs {
                    eyes.look(label, *pid, looks.entry(label.clone()).or_default());
                }
                if last {
                    return looks;
                }
                std::thread::park_timeout(REST.max(began.elapsed() * RESTS));
            }
        })?;
        Ok(Self { stop, watching: Some(watching) })
    }

    /// Looks once more and tells.
    pub(super) fn finish(&mut self) -> Looks {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(watching) = &self.watching {
            watching.thread().unpark();
        }
        // A panic there has been reported by the panic hook; then nothing was seen.
        self.watching.take().and_then(|watching| watching.join().ok()).unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.finish());
    }
}

struct Eyes {
    canaries: Canaries,
    fabric: Fabric,
    capture: Arc<Mutex<FlowStore>>,
}

impl Eyes {
    fn look(&self, label: &str, pid: u32, seen: &mut Seen) {
        let image = match Image::of(label, self.fabric.now(), &process_tree(pid)) {
            Ok(image) => image,
            Err(why) => {
                seen.unread = Some(format!("{label}: {why}"));
                return;
            }
        };
        for stretch in &image.stretches {
            for hit in search(&self.canaries, &stretch.bytes) {
                seen.found.entry(hit.canary).or_insert_with(|| Sighting {
                    asset: hit.asset,
                    at: image.at,
                    pid: stretch.pid,
                    region: if stretch.name.is_empty() {
                        "anonymous".to_owned()
                    } else {
                        stretch.name.clone()
                    },
                    address: stretch.address + hit.start,
                    encoding: hit.encoding.word().to_owned(),
                });
            }
        }
        let records: Vec<_> =
            self.records(label).into_iter().filter(|(at, _)| !seen.sealed.contains(at)).collect();
        let pieces: Vec<&[u8]> = records.iter().map(|(_, piece)| piece.as_slice()).collect();
        let there = image.holds(&pieces);
        seen.sealed.extend(records.iter().zip(there).filter(|(_, there)| *there).map(|((at, _), _)| *at));
    }

    /// A piece of every TLS record that crossed the newest connections of a process.
    fn records(&self, label: &str) -> Vec<((u64, bool, u64), Vec<u8>)> {
        let ours: Vec<(u64, Vec<Chunk>)> = {
            // Whoever captures waits for this lock: nothing is copied under it but handles.
            let capture = self.capture.lock().unwrap_or_else(PoisonError::into_inner);
            let of_process = |flow: &&FlowRecord| flow.link.split('>').any(|end| end == label);
            let newest = capture.flows().rev().filter(of_process).take(FLOWS);
            newest.map(|flow| (flow.id, flow.chunks.clone())).collect()
        };
        let mut records = Vec::new();
        for (flow, chunks) in &ours {
            for direction in [Direction::ToAcceptor, Direction::ToDialer] {
                let chunks = chunks.iter().filter(|chunk| chunk.direction == direction);
                let stream: Vec<u8> = chunks.flat_map(|chunk| chunk.bytes.iter().copied()).collect();
                let id = |at: usize| (*flow, direction == Direction::ToAcceptor, at as u64);
                for (at, end) in spans(&stream) {
                    let pieces = PIECES.map(|from| at + from).into_iter().chain([end.saturating_sub(PIECE)]);
                    let pieces = pieces.filter(|from| *from > at + 5 && from + PIECE <= end);
                    records.extend(pieces.map(|from| (id(at), stream[from..from + PIECE].to_vec())));
                }
            }
        }
        records
    }
}

/// Where each whole record of a TLS stream begins and ends.
fn spans(stream: &[u8]) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let [kind, 3, _, high, low] = *stream.get(at..at + 5)? else { return None };
        let begin = at;
        at += 5 + usize::from(u16::from_be_bytes([high, low]));
        ((20..=24).contains(&kind) && at <= stream.len()).then_some((begin, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_begin_where_their_headers_say_and_clear_text_has_none() {
        let stream = [&[22, 3, 1, 0, 2, 9, 9][..], &[23, 3, 3, 0, 1, 9], &[23, 3, 3, 1]].concat();
        assert_eq!(spans(&stream).collect::<Vec<_>>(), [(0, 7), (7, 13)]);
        assert_eq!(spans(b"GET / HTTP/1.1").count(), 0);
    }
}
