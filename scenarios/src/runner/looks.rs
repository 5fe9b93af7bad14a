//! Looks at the memory of programs of their own while an attack goes on, and once more at its end.
//!
//! What is readable is noted at each look; the last image is kept until it was judged, to be searched for what passed
//! sealed. Nothing is looked at where our own record is kept, or where nobody stands. It decides nothing.

use std::{collections::BTreeMap, time::Duration};

use testbed::{
    canary::{CanaryId, search},
    custody::process::Image,
    engine::Running,
    foothold::hosts::taken,
    ledger::Ledger,
    vocabulary::{Asset, Vantage},
};

/// What was seen in one process.
#[derive(Default)]
pub(super) struct Seen {
    /// Each readable canary where it was first seen.
    pub(super) found: BTreeMap<CanaryId, Sighting>,
    /// The newest image.
    pub(super) last: Option<Image>,
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
#[derive(Default)]
pub(super) struct Looks(pub(super) BTreeMap<String, Seen>);

impl Looks {
    /// Looks once at every program whose memory someone at this vantage can read.
    pub(super) fn look(&mut self, ledger: &Ledger, vantage: Vantage) {
        let Ok(Some(taken)) = taken(&ledger.architecture, vantage) else { return };
        let labels: Vec<String> =
            taken.processes.iter().map(|id| ledger.architecture.process_label(*id)).collect();
        for program in ledger.engines().iter().filter(|program| labels.iter().any(|at| at == program.label()))
        {
            self.0.entry(program.label().to_owned()).or_default().look(ledger, program);
        }
    }
}

impl Seen {
    fn look(&mut self, ledger: &Ledger, program: &Running) {
        let image = match Image::of(program.label(), ledger.fabric.now(), &program.tree()) {
            Ok(image) => image,
            Err(why) => {
                self.unread = Some(format!("{}: {why}", program.label()));
                return;
            }
        };
        for stretch in &image.stretches {
            for hit in search(&ledger.canaries, &stretch.bytes) {
                self.found.entry(hit.canary).or_insert_with(|| Sighting {
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
        self.last = Some(image);
    }
}
