//! The engine of the shipped binary: requests become runs of `scenarios::runner`.
//!
//! It resolves names and files, draws what was not given (seed, directory), and hands the session on. The
//! run's own thread ends by itself; see `scenarios::runner`.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use scenarios::{
    catalog,
    export::Recorded,
    jsonl, run_dir,
    runner::{self, RunError},
    snapshot::Snapshot,
};
use testbed::launch::Realisation;

use crate::{
    cli::compare::Format,
    commands::neighbour,
    engine::{self, Controls, Engine, Profile, Session, Stand},
    exit::Failure,
    recorded, shelf,
};

/// Runs comparisons for real.
#[derive(Debug, Default)]
pub struct Runs {
    directory: OnceLock<PathBuf>,
}

impl Engine for Runs {
    fn start(&self, request: &engine::Request) -> Result<Session, Failure> {
        let scenarios = shelf::scenarios(&request.scenarios, request.skip_floods)?;
        let seed = request.seed.unwrap_or_else(draw);
        let what = match scenarios.as_slice() {
            [one] => one.id.clone(),
            _ => "compare".to_owned(),
        };
        let out =
            request.out.clone().unwrap_or_else(|| run_dir::default_path(jiff::Timestamp::now(), &what, seed));
        let run = runner::Request {
            architectures: shelf::architectures(&request.architectures)?,
            scenarios,
            seed,
            profile: profile(request.profile),
            out: Some(out.clone()),
            force: request.force,
            key_log: request.keylog.clone(),
            realisation: Realisation::default(),
            ballast: Duration::ZERO,
            helper: neighbour::helper(),
            key_mode: testbed::files::KEY_MODE,
            engine: request.engine.map(program),
        };
        let session = runner::start(run).map_err(|error| failure(&error))?;
        // One process starts one run.
        let _ = self.directory.set(out);
        Ok(Session { events: session.events, controls: Arc::new(Handles(session.controls)) })
    }

    fn directory(&self) -> Option<&Path> {
        self.directory.get().map(PathBuf::as_path)
    }

    fn result(&self, _snapshot: &Snapshot, format: Format) -> Result<String, Failure> {
        let directory = self.directory.get().ok_or_else(|| Failure::runtime("no run was started"))?;
        let events = jsonl::read(&directory.join(run_dir::EVENTS))
            .map_err(|error| Failure::runtime(error.to_string()))?;
        recorded::matrix(&Recorded::of(&events), format)
    }
}

struct Handles(runner::Controls);

impl Controls for Handles {
    fn pause(&self, paused: bool) {
        self.0.pause(paused);
    }
    fn skip(&self) {
        self.0.skip();
    }
    fn stop_attack(&self) {
        self.0.stop_attack();
    }
    fn stop(&self) {
        self.0.stop();
    }
}

fn program(stand: Stand) -> testbed::architecture::Engine {
    match stand {
        Stand::Builtin => testbed::architecture::Engine::Builtin,
        Stand::Haproxy => testbed::architecture::Engine::Haproxy,
        Stand::Nginx => testbed::architecture::Engine::Nginx,
    }
}

fn profile(profile: Profile) -> catalog::Profile {
    match profile {
        Profile::Tiny => catalog::Profile::Tiny,
        Profile::Default => catalog::Profile::Default,
        Profile::Long => catalog::Profile::Long,
    }
}

fn failure(error: &RunError) -> Failure {
    match error {
        RunError::Plan(_) => Failure::usage(error.to_string()),
        _ => Failure::runtime(error.to_string()),
    }
}

/// Small enough to be typed again.
fn draw() -> u64 {
    u64::from(rand::random::<u32>())
}
