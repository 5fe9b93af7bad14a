//! One repetition of one work with one contender.

use std::time::Duration;

use crate::{
    backend::Backend,
    client::{Ask, Client, Done},
    clock,
    contender::{Contender, Who},
    figures,
    pki::{Failed, Files},
    works::{IDLE, Reading, Work},
};

/// What every repetition needs.
pub(crate) struct Stage {
    pub(crate) files: Files,
    pub(crate) backend: Backend,
    pub(crate) runtime: tokio::runtime::Runtime,
    /// How long each repetition is measured.
    pub(crate) measured: Duration,
}

/// Connections open, buffers grown, branches learned.
const WARM: Duration = Duration::from_millis(300);

/// Figures of a repetition by name; which ones depends on the reading.
pub(crate) type Figures = Vec<(&'static str, f64)>;

impl Stage {
    pub(crate) fn start(&self, who: Who, work: &Work) -> Result<Contender, Failed> {
        Contender::start(who, &self.files, &self.backend, (work.mode, work.behind), (1, &[]))
    }

    /// One repetition with a contender that runs already.
    pub(crate) fn repeat(&self, contender: &Contender, work: &Work) -> Result<Figures, Failed> {
        let client = Client::new(self.files.client.clone(), contender.port);
        let spent = || {
            let own = clock::this_thread();
            [clock::process(contender.pid()), clock::thread(own), clock::thread(self.backend.thread)]
        };
        let mut marks = Vec::new();
        // A tail needs many requests where a mean needs few.
        let measured = if work.reading == Reading::Tail { self.measured * 3 } else { self.measured };
        let load = client.load(work.loops, (WARM, measured), || marks.push(spent()));
        let done = self.runtime.block_on(load)?;
        let [before, after] = marks[..] else { return Err("two marks were to be made".into()) };
        match work.reading {
            Reading::Tail => tail(&done),
            _ => cpu(&done, before, after),
        }
    }

    /// Memory of a fresh process per idle connection.
    pub(crate) fn idle(&self, who: Who, work: &Work) -> Result<Figures, Failed> {
        let contender = self.start(who, work)?;
        let client = Client::new(self.files.client.clone(), contender.port);
        let grown = self.runtime.block_on(async {
            // The first connection pays for what all of them share.
            let first = client.idle(1).await?;
            let before = clock::memory(contender.pid())?;
            let held = client.idle(IDLE).await?;
            let after = clock::memory(contender.pid())?;
            drop((first, held));
            Ok::<_, Failed>(after - before)
        })?;
        contender.end()?;
        Ok(vec![("KiB", grown / IDLE as f64)])
    }
}

fn cpu(done: &Done, before: [Duration; 3], after: [Duration; 3]) -> Result<Figures, Failed> {
    if done.requests == 0 {
        return Err("not one request was finished".into());
    }
    let each = |at: usize| after[at].saturating_sub(before[at]).as_secs_f64() * 1e6 / done.requests as f64;
    let [proxy, client, backend] = [each(0), each(1), each(2)];
    Ok(vec![("proxy µs", proxy), ("sum µs", proxy + client + backend), ("requests", done.requests as f64)])
}

fn tail(done: &Done) -> Result<Figures, Failed> {
    let of = |wanted: Ask| -> Result<f64, Failed> {
        let mut took: Vec<u32> =
            done.took.iter().filter(|(ask, _)| *ask == wanted).map(|(_, took)| *took).collect();
        let count = took.len();
        figures::percentile(&mut took, 0.99)
            .filter(|_| count >= 100)
            .ok_or_else(|| format!("{count} requests give no p99: measure longer").into())
    };
    Ok(vec![("large p99 µs", of(Ask::Large)?), ("small p99 µs", of(Ask::Small)?)])
}
