//! A whole run of shipped architectures and scenarios, to its last event, with its files where asked.
//!
//! It starts runs and reads what they left; it judges nothing.
#![allow(dead_code, reason = "every test takes the part it needs")]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use scenarios::{
    catalog::{self, Profile},
    event::{Cell, Stamped},
    runner::{self, Request},
};
use serde::Deserialize;
use tempfile::TempDir;
use testbed::{architecture, launch::Realisation};

/// The shipped architectures, in matrix order.
pub(crate) fn architectures() -> Vec<String> {
    architecture::names().map(str::to_owned).collect()
}

/// A request for shipped architectures and scenarios that writes nothing.
pub(crate) fn request(architectures: &[&str], scenarios: &[&str], profile: Profile) -> Request {
    Request {
        architectures: architectures.iter().map(|name| architecture::load(name).unwrap()).collect(),
        scenarios: scenarios.iter().map(|id| catalog::load(id).unwrap()).collect(),
        seed: 42,
        profile,
        out: None,
        force: false,
        key_log: None,
        realisation: Realisation::default(),
        ballast: Duration::ZERO,
        helper: None,
        key_mode: testbed::files::KEY_MODE,
        engine: None,
    }
}

/// Every event of a run.
pub(crate) fn events(request: Request) -> Vec<Stamped> {
    runner::start(request).unwrap().events.iter().collect()
}

/// What a run left behind; gone when this is dropped.
pub(crate) struct Left {
    folder: TempDir,
    /// Every event, as its session told it.
    pub(crate) events: Vec<Stamped>,
}

/// Runs with a run directory and a key log.
pub(crate) fn leave(request: Request) -> Left {
    let folder = tempfile::tempdir().unwrap();
    let out = Some(folder.path().join("run"));
    let key_log = Some(folder.path().join("keys.log"));
    let events = events(Request { out, key_log, ..request });
    Left { folder, events }
}

impl Left {
    /// The run directory.
    pub(crate) fn directory(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// The key log.
    pub(crate) fn key_log(&self) -> PathBuf {
        self.folder.path().join("keys.log")
    }

    /// The cells of `matrix.json`.
    pub(crate) fn cells(&self) -> Vec<Cell> {
        #[derive(Deserialize)]
        struct Matrix {
            cells: Vec<Cell>,
        }
        let file = std::fs::read(self.directory().join("matrix.json")).unwrap();
        serde_json::from_slice::<Matrix>(&file).unwrap().cells
    }

    /// The files of the run directory with this ending.
    pub(crate) fn files(&self, ending: &str) -> Vec<PathBuf> {
        let ends = |path: &PathBuf| path.to_string_lossy().ends_with(ending);
        let entries = std::fs::read_dir(self.directory()).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(ends).collect();
        files.sort();
        files
    }
}

/// The name of a file without its ending.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}
