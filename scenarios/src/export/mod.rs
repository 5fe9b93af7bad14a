//! What a run leaves behind: one file per exporter, each a fold of the recorded events.
//!
//! ```text
//! events ─▶ Recorded { snapshot, events } ─▶ Exporter::export ─▶ bytes ─▶ RunDir::write
//! ```
//!
//! An exporter reads no clock, no file and no machine: replaying `events.jsonl` gives the same bytes.

mod cost;
mod csv;
mod grid;
mod hgrm;
mod hlog;
mod markdown;
mod matrix;
mod matrix_json;
mod run_json;
mod table;
mod text;
mod words;

pub use csv::{Csv, Table};
pub use grid::heads;
pub use hgrm::Hgrm;
pub use hlog::Hlog;
pub use markdown::Markdown;
pub(crate) use matrix_json::MatrixDocument;
pub use matrix_json::MatrixJson;
pub use run_json::RunJson;
pub use text::Text;

use std::collections::BTreeSet;

use crate::{
    event::{Event, Interval, RunStarted, Stamped},
    latency::LatencyError,
    snapshot::Snapshot,
};

/// Turns a recorded run into the bytes of one file.
pub trait Exporter {
    /// The whole file.
    fn export(&self, run: &Recorded<'_>) -> Result<Vec<u8>, ExportError>;
}

/// A file cannot be made from these events.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The stream does not begin with what was asked for.
    #[error("the events hold no `run-started`: nothing can be reported of this run")]
    NotStarted,
    /// The start of the run is no time.
    #[error("the run's start `{started}` is no RFC 3339 time: {source}")]
    Started {
        /// As recorded.
        started: String,
        /// Why.
        source: jiff::Error,
    },
    /// A histogram is damaged.
    #[error(transparent)]
    Latency(#[from] LatencyError),
    /// A histogram could not be written as an interval log.
    #[error("the interval log of `{architecture}` could not be written: {reason}")]
    Hlog {
        /// Which architecture.
        architecture: String,
        /// Why.
        reason: String,
    },
    /// JSON could not be written.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// A run as its events tell it: the fold, and the events it is the fold of.
pub struct Recorded<'a> {
    /// The fold.
    pub snapshot: Snapshot,
    /// In order.
    pub events: &'a [Stamped],
}

impl<'a> Recorded<'a> {
    /// Folds `events`.
    pub fn of(events: &'a [Stamped]) -> Self {
        Self { snapshot: Snapshot::of(events), events }
    }

    /// What was asked for.
    pub fn run(&self) -> Result<&RunStarted, ExportError> {
        self.snapshot.run.as_ref().ok_or(ExportError::NotStarted)
    }

    /// Operations of honest work on one architecture.
    pub fn operations(&self, architecture: &str) -> BTreeSet<&'a str> {
        self.intervals(architecture).map(|interval| interval.operation.as_str()).collect()
    }

    /// Every second of honest work of one architecture, in order.
    pub fn intervals<'b>(&'b self, architecture: &'b str) -> impl Iterator<Item = &'a Interval> + 'b {
        let events: &'a [Stamped] = self.events;
        events.iter().filter_map(move |stamped| match &stamped.event {
            Event::Interval(interval) if interval.architecture == architecture => Some(interval),
            _ => None,
        })
    }
}

/// A file of a run directory and what writes it.
pub struct RunFile {
    /// Its name in the directory.
    pub name: String,
    /// What makes its bytes.
    pub exporter: Box<dyn Exporter>,
}

impl RunFile {
    fn new(name: impl Into<String>, exporter: impl Exporter + 'static) -> Self {
        Self { name: name.into(), exporter: Box::new(exporter) }
    }
}

/// Every file of a run directory that is made from events. Architectures that ran only as a control have
/// none of their own.
pub fn files(run: &Recorded<'_>) -> Result<Vec<RunFile>, ExportError> {
    let mut files = vec![
        RunFile::new("run.json", RunJson),
        RunFile::new("matrix.json", MatrixJson),
        RunFile::new("report.md", Markdown),
    ];
    for architecture in &run.run()?.architectures {
        let operations = run.operations(architecture);
        if operations.is_empty() {
            continue;
        }
        let hlog = Hlog { architecture: architecture.clone() };
        files.push(RunFile::new(format!("{architecture}.hlog"), hlog));
        for operation in operations {
            let hgrm = Hgrm::baseline(architecture, Some(operation));
            files.push(RunFile::new(hgrm.file_name(), hgrm));
        }
    }
    Ok(files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{jsonl, sample};

    #[test]
    fn a_run_leaves_these_files() {
        let events = sample::run();
        let names: Vec<String> =
            files(&Recorded::of(&events)).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names[..3], ["run.json", "matrix.json", "report.md"]);
        assert!(names.contains(&String::from("edge-only.hlog")));
        assert!(names.contains(&String::from("edge-only.login.hgrm")));
        assert_eq!(names.len(), 3 + 3 * (1 + 2));
    }

    #[test]
    fn a_replay_gives_the_same_bytes_in_every_file() {
        let live = sample::every_variant();
        let lines: String = live.iter().map(jsonl::line).collect();
        let replayed: Vec<Stamped> =
            jsonl::events(lines.as_bytes(), Path::new("events.jsonl")).collect::<Result<_, _>>().unwrap();
        let (live, replayed) = (Recorded::of(&live), Recorded::of(&replayed));
        for RunFile { name, exporter } in files(&live).unwrap() {
            let bytes = exporter.export(&live).unwrap();
            assert_eq!(bytes, exporter.export(&replayed).unwrap(), "{name}");
            assert!(bytes.ends_with(b"\n"), "{name}");
        }
        assert_eq!(Text.export(&live).unwrap(), Text.export(&replayed).unwrap());
    }

    #[test]
    fn a_stream_without_a_start_is_an_error_and_no_empty_report() {
        let run = Recorded::of(&[]);
        assert!(matches!(files(&run), Err(ExportError::NotStarted)));
        for exporter in [&MatrixJson as &dyn Exporter, &RunJson, &Markdown, &Text] {
            assert!(matches!(exporter.export(&run), Err(ExportError::NotStarted)));
        }
    }
}
