//! One capture file per architecture, appended scenario by scenario, renamed into place at the end.

use std::{collections::BTreeMap, time::SystemTime};

use testbed::{
    capture::{CaptureWriter, Comment, Existing, FrameIndex, Legend, Taken},
    keylog::KeyLogStore,
    ledger::Ledger,
};

use super::RunError;
use crate::run_dir::RunDir;

/// The capture files of a run; without a run directory nothing is written and frames stay unnumbered.
pub(super) struct Captures {
    directory: Option<(std::path::PathBuf, bool)>,
    segments: BTreeMap<String, Vec<String>>,
    writers: BTreeMap<String, CaptureWriter>,
    secrets: bool,
    started: SystemTime,
}

impl Captures {
    pub(super) fn new(
        directory: Option<&RunDir>,
        segments: Vec<(String, Vec<String>)>,
        secrets: bool,
    ) -> Self {
        Self {
            directory: directory.map(|directory| (directory.path().to_owned(), directory.replaces())),
            segments: segments.into_iter().collect(),
            writers: BTreeMap::new(),
            secrets,
            started: SystemTime::now(),
        }
    }

    /// The file name of an architecture's capture.
    pub(super) fn name(architecture: &str) -> String {
        format!("{architecture}.pcapng")
    }

    /// Appends a scenario's flows; tells where everything went.
    pub(super) fn append(
        &mut self,
        ledger: &Ledger,
        taken: &Taken,
        comments: &[Comment],
        secrets: &KeyLogStore,
    ) -> Result<FrameIndex, RunError> {
        let architecture = &ledger.architecture.name;
        if !self.writers.contains_key(architecture) {
            let Some(writer) = self.create(architecture)? else { return Ok(FrameIndex::default()) };
            self.writers.insert(architecture.clone(), writer);
        }
        let Some(writer) = self.writers.get_mut(architecture) else { return Ok(FrameIndex::default()) };
        writer.write_names(&ledger.names)?;
        if self.secrets {
            writer.write_secrets(&secrets.render())?;
        }
        Ok(writer.append(&taken.flows, comments)?)
    }

    /// Renames every file into place.
    pub(super) fn finish(self) -> Result<(), RunError> {
        for writer in self.writers.into_values() {
            writer.finish()?;
        }
        Ok(())
    }

    fn create(&self, architecture: &str) -> Result<Option<CaptureWriter>, RunError> {
        let Some((directory, replaces)) = &self.directory else { return Ok(None) };
        let segments = self.segments.get(architecture).cloned().unwrap_or_default();
        let legend = Legend { segments: &segments, names: &[], started: self.started };
        let existing = if *replaces { Existing::Replace } else { Existing::Refuse };
        Ok(Some(CaptureWriter::create(&directory.join(Self::name(architecture)), &legend, existing)?))
    }
}
