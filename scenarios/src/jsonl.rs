//! Events as lines of JSON, and back: `events.jsonl`.
//!
//! Reading is strict. A damaged line is an error with `file:line`; a last line without its newline is told
//! apart, since that is what a killed run leaves behind.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use crate::event::Stamped;

/// A recorded stream could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is no event.
    #[error("{}:{line}:{column}: no event of this version: {reason}", .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// The last line has no end.
    #[error("{}:{line}: the last line is cut off: the run was killed while writing it", .path.display())]
    CutOff {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
}

/// One event as a line, newline included.
pub fn line(event: &Stamped) -> String {
    // Every type of the stream is a struct or enum with string keys; JSON can hold all of them.
    let mut line = serde_json::to_string(event).unwrap_or_else(|error| unreachable!("{error}"));
    line.push('\n');
    line
}

/// The whole stream of a file.
pub fn read(path: &Path) -> Result<Vec<Stamped>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    events(BufReader::new(file), path).collect()
}

/// The events of `lines`, one by one; `path` is for messages. What a killed run left behind is everything
/// before [`ReadError::CutOff`].
pub fn events(mut lines: impl BufRead, path: &Path) -> impl Iterator<Item = Result<Stamped, ReadError>> {
    let mut number = 0;
    let mut buffer = Vec::new();
    std::iter::from_fn(move || {
        buffer.clear();
        number += 1;
        match lines.read_until(b'\n', &mut buffer) {
            Ok(0) => None,
            Ok(_) => Some(event(&buffer, path, number)),
            Err(source) => Some(Err(ReadError::Io { path: path.to_owned(), source })),
        }
    })
}

fn event(line: &[u8], path: &Path, number: usize) -> Result<Stamped, ReadError> {
    if !line.ends_with(b"\n") {
        return Err(ReadError::CutOff { path: path.to_owned(), line: number });
    }
    serde_json::from_slice(line).map_err(|error| ReadError::Line {
        path: path.to_owned(),
        line: number,
        column: error.column().max(1),
        reason: error.to_string(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::{event::Event, sample};

    fn back(line: &str) -> Stamped {
        event(line.as_bytes(), Path::new("events.jsonl"), 1).unwrap()
    }

    /// The tag of each variant. No wildcard arm: a new variant must be added here, and to the sample.
    fn tag(event: &Event) -> &'static str {
        match event {
            Event::RunStarted(_) => "run-started",
            Event::Host(_) => "host",
            Event::Config { .. } => "config",
            Event::Topology(_) => "topology",
            Event::Launched { .. } => "launched",
            Event::PhaseStarted { .. } => "phase-started",
            Event::Interval(_) => "interval",
            Event::Link(_) => "link",
            Event::Exposed(_) => "exposed",
            Event::Attempt(_) => "attempt",
            Event::Impact(_) => "impact",
            Event::Flood(_) => "flood",
            Event::AttackStopped { .. } => "attack-stopped",
            Event::Cell(_) => "cell",
            Event::Performance(_) => "performance",
            Event::ScenarioEnded { .. } => "scenario-ended",
            Event::Invalid { .. } => "invalid",
            Event::Note { .. } => "note",
            Event::RunEnded { .. } => "run-ended",
        }
    }
    const VARIANTS: usize = 19;

    #[test]
    fn every_variant_survives_the_round_trip() {
        let mut seen = BTreeSet::new();
        for stamped in sample::every_variant() {
            let line = line(&stamped);
            assert_eq!(line.matches('\n').count(), 1, "one event, one line: {line}");
            assert!(line.contains(&format!("\"event\":\"{}\"", tag(&stamped.event))), "{line}");
            assert_eq!(back(&line), stamped, "{line}");
            seen.insert(tag(&stamped.event));
        }
        assert_eq!(seen.len(), VARIANTS, "{seen:?}");
    }

    #[test]
    fn a_damaged_line_is_named_by_file_line_and_column() {
        let good = line(&sample::run()[0]);
        let text = format!("{good}{{\"at_ms\":1,\"event\":\"nothing-known\"}}\n");
        let read: Vec<_> = events(text.as_bytes(), Path::new("runs/x/events.jsonl")).collect();
        assert!(read[0].is_ok());
        let message = read[1].as_ref().unwrap_err().to_string();
        assert!(message.starts_with("runs/x/events.jsonl:2:"), "{message}");
        assert!(message.contains("nothing-known"), "{message}");
    }

    #[test]
    fn a_killed_run_is_read_up_to_its_last_whole_line() {
        let text: String = sample::run().iter().take(3).map(line).collect();
        let cut = &text[..text.len() - 5];
        let read: Vec<_> = events(cut.as_bytes(), Path::new("events.jsonl")).collect();
        assert_eq!(read.iter().filter(|event| event.is_ok()).count(), 2);
        assert!(matches!(read[2], Err(ReadError::CutOff { line: 3, .. })));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(Path::new("no/such/events.jsonl")).unwrap_err().to_string();
        assert!(error.starts_with("cannot read `no/such/events.jsonl`"), "{error}");
    }

    proptest! {
        #[test]
        fn figures_come_back_bit_by_bit(value in any::<f64>().prop_filter("finite", |v| v.is_finite()), at_ms: u64, text: String) {
            let launched = Stamped {
                at_ms,
                event: Event::Launched { architecture: text.clone(), scenario: text, launch_ms: value },
            };
            let again = back(&line(&launched));
            prop_assert_eq!(line(&again), line(&launched));
            prop_assert_eq!(again, launched);
        }

        #[test]
        fn no_bytes_panic_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let read: Vec<_> = events(bytes.as_slice(), Path::new("events.jsonl")).collect();
            prop_assert!(read.len() <= bytes.len());
        }
    }
}
