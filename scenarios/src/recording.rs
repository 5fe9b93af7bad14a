//! A recorded run on the disk: found, read, and told how far it can be trusted.
//!
//! What a killed run left behind is a run that has no end, and is read up to its last whole line. A damaged
//! line anywhere else is an error: nobody knows which facts it took along. It folds nothing and shows nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    event::{Event, Stamped},
    jsonl::{self, ReadError},
    run_dir::EVENTS,
    runner::SCHEMA_VERSION,
};

/// A recorded run could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// Nothing is there.
    #[error("there is no run at `{}`: neither a directory with `events.jsonl` in it nor such a file", .0.display())]
    NoRun(PathBuf),
    /// A file that holds no line.
    #[error("{}:1: the file is empty: the run was killed before its first event", .0.display())]
    Empty(PathBuf),
    /// The stream begins with something else.
    #[error("{}:1: the first event is no `run-started`: this is not the beginning of a run", .0.display())]
    NoStart(PathBuf),
    /// Written by a program of another time.
    #[error(
        "{}:1: the run is recorded in version {found} of the events; this program reads version {SCHEMA_VERSION}",
        .path.display()
    )]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// A line is damaged, or the file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// A recorded run.
#[derive(Debug)]
pub struct Recording {
    /// The file it was read from.
    pub path: PathBuf,
    /// Its events in order; the first one is `run-started`.
    pub events: Vec<Stamped>,
    /// What a reader should know before believing it, one line each.
    pub warnings: Vec<String>,
}

impl Recording {
    /// Reads the run of a run directory, or of its `events.jsonl`.
    pub fn open(run: &Path) -> Result<Self, RecordingError> {
        let path = if run.is_dir() { run.join(EVENTS) } else { run.to_owned() };
        let bytes = fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => RecordingError::NoRun(run.to_owned()),
            _ => ReadError::Io { path: path.clone(), source }.into(),
        })?;
        Self::read(path, &bytes)
    }

    fn read(path: PathBuf, bytes: &[u8]) -> Result<Self, RecordingError> {
        let first = bytes.split(|byte| *byte == b'\n').next().filter(|line| !line.is_empty());
        let first = first.ok_or_else(|| RecordingError::Empty(path.clone()))?;
        // Another version may know events that this one cannot even name: look before reading strictly.
        if let Some(found) = version(first).filter(|found| *found != u64::from(SCHEMA_VERSION)) {
            return Err(RecordingError::Version { path, found });
        }
        let (mut events, mut warnings) = (Vec::new(), Vec::new());
        for event in jsonl::events(bytes, &path) {
            match event {
                Ok(event) => events.push(event),
                Err(cut @ ReadError::CutOff { .. }) => warnings.push(cut.to_string()),
                Err(error) => return Err(error.into()),
            }
        }
        match events.first().map(|first| &first.event) {
            None => return Err(RecordingError::Empty(path)),
            Some(Event::RunStarted(_)) => {}
            Some(_) => return Err(RecordingError::NoStart(path)),
        }
        if !events.iter().any(|stamped| matches!(stamped.event, Event::RunEnded { .. })) {
            let line = events.len();
            warnings.push(format!(
                "{}:{line}: the record breaks off here, without an end of the run: what was judged until then is shown",
                path.display()
            ));
        }
        Ok(Self { path, events, warnings })
    }
}

/// The version a `run-started` line states.
fn version(line: &[u8]) -> Option<u64> {
    let line: Value = serde_json::from_slice(line).ok()?;
    (line["event"] == "run-started").then(|| line["schema_version"].as_u64()).flatten()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sample;

    fn lines() -> String {
        sample::run().iter().map(jsonl::line).collect()
    }

    fn read(text: &str) -> Result<Recording, RecordingError> {
        Recording::read(PathBuf::from("runs/x/events.jsonl"), text.as_bytes())
    }

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_directory_and_its_file_are_the_same_run() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(EVENTS);
        fs::write(&file, lines()).unwrap();
        for place in [home.path(), file.as_path()] {
            let recording = Recording::open(place).unwrap();
            assert_eq!(recording.events, sample::run());
            assert_eq!((recording.path.as_path(), recording.warnings.len()), (file.as_path(), 0));
        }
    }

    #[test]
    fn what_is_no_run_is_named() {
        let home = tempfile::tempdir().unwrap();
        let error = Recording::open(home.path()).unwrap_err();
        assert!(matches!(&error, RecordingError::NoRun(path) if path == home.path()), "{error}");
        assert!(matches!(Recording::open(Path::new("no/such/run")), Err(RecordingError::NoRun(_))));
    }

    #[test]
    fn a_killed_run_is_used_up_to_its_last_whole_line_with_a_warning() {
        let text = lines();
        let recording = read(&text[..text.len() - 9]).unwrap();
        let whole = sample::run().len() - 1;
        assert_eq!(recording.events.len(), whole);
        let [cut, end] = recording.warnings.as_slice() else { panic!("{:?}", recording.warnings) };
        assert!(cut.starts_with(&format!("runs/x/events.jsonl:{}: ", whole + 1)), "{cut}");
        assert!(end.contains("without an end of the run"), "{end}");
    }

    #[test]
    fn a_damaged_line_before_the_last_is_refused_by_file_and_line() {
        let text = lines();
        let damaged: String = text
            .lines()
            .enumerate()
            .map(|(at, line)| if at == 6 { "{\"at_ms\":1,\n".to_owned() } else { format!("{line}\n") })
            .collect();
        assert!(refused(&damaged).starts_with("runs/x/events.jsonl:7:"), "{}", refused(&damaged));
    }

    #[test]
    fn another_version_is_refused_before_its_events_are_read() {
        let newer = "{\"at_ms\":0,\"event\":\"run-started\",\"schema_version\":9}\n{\"event\":\"new\"}\n";
        let error = refused(newer);
        assert!(error.contains("version 9 of the events; this program reads version 1"), "{error}");
    }

    #[test]
    fn what_does_not_begin_a_run_is_refused() {
        assert!(matches!(read(""), Err(RecordingError::Empty(_))));
        assert!(matches!(read("{\"at_ms\""), Err(RecordingError::Empty(_))));
        let tail: String = sample::run().iter().skip(3).map(jsonl::line).collect();
        assert!(matches!(read(&tail), Err(RecordingError::NoStart(_))));
        assert!(refused("not json\n").starts_with("runs/x/events.jsonl:1:"));
    }
}
