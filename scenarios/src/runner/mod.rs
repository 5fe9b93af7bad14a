//! Runs scenarios against architectures: baseline → attack → recovery, then judgement, as one stream of facts.
//!
//! ```text
//!  Request ─▶ plan (pure: which pairs, controls first) ─▶ step ─▶ launch, crowd, assault
//!                                                          └────▶ gather (facts) ─▶ judge ─▶ Event::Cell
//!  Event ─▶ emit ─▶ events.jsonl, and whoever holds the Session
//! ```
//!
//! [`start`] returns at once; the run lives on a thread of its own, which ends when `RunEnded` was sent and
//! every file is written. Facts climb through the session's channel; only [`Controls`] come down.

mod assault;
mod captures;
mod controls;
mod deluge;
mod emit;
mod flood;
mod gather;
mod honest;
mod judge;
mod live;
mod looks;
mod memory;
mod neighbour;
mod plan;
mod pulse;
mod raid;
mod step;
mod validity;

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use testbed::{
    Helper,
    architecture::{Architecture, Engine, UnknownWeakness},
    engine::installed,
    launch::{LaunchError, Realisation},
};

use self::{captures::Captures, emit::Emitter, plan::Plan, step::Stage};
pub use self::{controls::Controls, flood::DESCRIPTORS as FLOOD_DESCRIPTORS};
use crate::{
    catalog::{Profile, Scenario},
    event::{Event, RunStarted, Stamped, ValidityFlag},
    export::{self, Recorded},
    host,
    run_dir::{RunDir, RunDirError},
    snapshot::Snapshot,
    verdict::{Finding, exit_code, failed_controls, findings},
};

/// Version of the event stream and of `matrix.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// What to run.
#[derive(Clone, Debug)]
pub struct Request {
    /// Architectures, in matrix order.
    pub architectures: Vec<Architecture>,
    /// Scenarios, in matrix order.
    pub scenarios: Vec<Scenario>,
    /// Seed of everything drawn.
    pub seed: u64,
    /// How much.
    pub profile: Profile,
    /// The run directory; `None` writes nothing.
    pub out: Option<PathBuf>,
    /// May an existing run directory be replaced?
    pub force: bool,
    /// Where the key log goes, if it is wanted: NSS format, mode 0600.
    pub key_log: Option<PathBuf>,
    /// How crossings are realised.
    pub realisation: Realisation,
    /// CPU burnt per handshake on public fronts: the test switch of the floods' attribution.
    pub ballast: Duration,
    /// How to start a child that is another user; without it, scenarios that need one are not exercised.
    pub helper: Option<Helper>,
    /// Mode of key files: the test switch that makes them readable.
    pub key_mode: u32,
    /// Which program stands in every proxy's place; `None` = what the files say.
    pub engine: Option<Engine>,
}

/// A run that was started.
pub struct Session {
    /// Its facts in order; hangs up after `RunEnded`, when every file is written.
    pub events: Receiver<Stamped>,
    /// Its controls.
    pub controls: Controls,
}

/// Why a run, or one step of it, could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A control names a cell nobody can make.
    #[error("{0}")]
    Plan(String),
    /// The cloud did not come up.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// The scenario's weakness is not in the file.
    #[error(transparent)]
    Weakness(#[from] UnknownWeakness),
    /// Honest users.
    #[error(transparent)]
    Crowd(#[from] testbed::workload::CrowdError),
    /// The attacker's place.
    #[error(transparent)]
    Grant(#[from] testbed::foothold::GrantError),
    /// A thread.
    #[error("{0}")]
    Thread(#[from] std::io::Error),
    /// The capture.
    #[error(transparent)]
    Capture(#[from] testbed::capture::CaptureError),
    /// Files of the run.
    #[error(transparent)]
    Files(#[from] RunDirError),
    /// A figure.
    #[error(transparent)]
    Latency(#[from] crate::latency::LatencyError),
    /// An exporter.
    #[error("{0}")]
    Export(String),
}

/// Starts a run on a thread of its own. Files and plan are checked before it returns.
pub fn start(request: Request) -> Result<Session, RunError> {
    let plan = Plan::of(&request)?;
    let directory = request.out.as_ref().map(|path| RunDir::create(path, request.force)).transpose()?;
    let (sender, events) = channel();
    let controls = Controls::default();
    let emitter = Emitter::new(sender, directory.as_ref())?;
    let run = Run { request, plan, directory, emitter, controls: controls.clone() };
    std::thread::Builder::new().name("runner".to_owned()).spawn(move || run.finish())?;
    Ok(Session { events, controls })
}

struct Run {
    request: Request,
    plan: Plan,
    directory: Option<RunDir>,
    emitter: Emitter,
    controls: Controls,
}

impl Run {
    fn finish(mut self) {
        let outcome = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(RunError::from)
            .and_then(|runtime| runtime.block_on(self.run()));
        let failed = outcome.is_err();
        if let Err(error) = outcome {
            self.emitter.send(Event::Note { text: format!("error: {error}") });
        }
        // A control that someone cut short did not fail; its cells say so themselves.
        if !self.controls.interfered() {
            for (place, reason) in failed_controls(&Snapshot::of(self.emitter.events()).cells) {
                self.emitter.send(Event::Invalid { flag: ValidityFlag::Exposure, place, reason });
            }
        }
        let snapshot = Snapshot::of(self.emitter.events());
        let mut found = findings(&snapshot, false);
        let interrupted = self.controls.stopped();
        if interrupted {
            found.push(Finding::Interrupted);
        }
        if failed {
            found.push(Finding::RuntimeError);
        }
        let Self { emitter, directory, .. } = self;
        emitter.end(exit_code(found), interrupted, |events| match &directory {
            Some(directory) => write_files(directory, events),
            None => Ok(()),
        });
    }

    async fn run(&mut self) -> Result<(), RunError> {
        self.introduce();
        let names = self.plan.pcap_names();
        let mut captures = Captures::new(self.directory.as_ref(), names, self.request.key_log.is_some());
        let mut key_logs = String::new();
        let steps = self.steps(&mut captures, &mut key_logs).await;
        // What was captured is put in place even if a later step failed: cells point there.
        captures.finish()?;
        if let Some(path) = &self.request.key_log {
            crate::run_dir::write_private(path, key_logs.as_bytes(), self.request.force)?;
        }
        steps
    }

    async fn steps(&mut self, captures: &mut Captures, key_logs: &mut String) -> Result<(), RunError> {
        for pair in self.plan.steps.clone() {
            if self.controls.stopped() {
                break;
            }
            self.controls.go_on().await;
            let stage = Stage {
                request: &self.request,
                plan: &self.plan,
                pair,
                controls: &self.controls,
                emitter: &mut self.emitter,
                captures: &mut *captures,
                key_logs: &mut *key_logs,
            };
            step::run(stage).await?;
        }
        Ok(())
    }

    fn introduce(&mut self) {
        let Self { request, plan, emitter, .. } = self;
        emitter.send(Event::RunStarted(RunStarted {
            schema_version: SCHEMA_VERSION,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: jiff::Timestamp::now().to_string(),
            seed: request.seed,
            profile: request.profile.word().to_owned(),
            architectures: request.architectures.iter().map(|shown| shown.name.clone()).collect(),
            scenarios: request.scenarios.iter().map(Scenario::info).collect(),
            engine: request.engine.map(|engine| engine.word().to_owned()),
            steps: plan.steps.len(),
        }));
        emitter.send(Event::Host(host::here()));
        for engine in plan.architectures.iter().flat_map(Architecture::engines).collect::<BTreeSet<_>>() {
            let found = installed(engine).map_or_else(|missing| missing.to_string(), |found| found.version);
            emitter.config(&format!("engine/{}", engine.word()), &found);
        }
        for architecture in &plan.architectures {
            emitter.config(&format!("architecture/{}", architecture.name), architecture);
            emitter.send(Event::Topology(crate::event::Topology::of(architecture)));
        }
        for scenario in &plan.scenarios {
            emitter.config(&format!("scenario/{}", scenario.id), scenario);
        }
    }
}

fn write_files(directory: &RunDir, events: &[Stamped]) -> Result<(), RunError> {
    let recorded = Recorded::of(events);
    let failed = |error: export::ExportError| RunError::Export(error.to_string());
    for file in export::files(&recorded).map_err(failed)? {
        let bytes = file.exporter.export(&recorded).map_err(failed)?;
        directory.write(&file.name, &bytes)?;
    }
    Ok(())
}
