//! A recorded run for the faces: opened, its faults told, its matrix rendered.
//!
//! Live and recorded runs are rendered here alike; what the formats hold is the exporters' business.

use std::path::Path;

use scenarios::{
    export::{Exporter, Markdown, MatrixJson, Recorded, Text},
    jsonl::ReadError,
    recording::{Recording, RecordingError},
};

use crate::{cli::compare::Format, exit::Failure, output::plain};

/// Opens the run of a directory or of its `events.jsonl`.
pub fn open(run: &Path) -> Result<Recording, Failure> {
    Recording::open(run).map_err(|error| {
        let what = plain(&error.to_string());
        match error {
            RecordingError::NoRun(_) => {
                Failure::runtime(what).help("a run says where it went when it ends: `written to DIR`")
            }
            RecordingError::Read(ReadError::Io { .. }) => Failure::runtime(what),
            RecordingError::Version { .. } => {
                Failure::usage(what).help("read it with the release that recorded it, or a later one")
            }
            RecordingError::Read(_) => Failure::usage(what)
                .help("the file was changed or damaged: what follows that line is not trusted"),
            RecordingError::Empty(_) | RecordingError::NoStart(_) => Failure::usage(what),
        }
    })
}

/// The matrix of a run.
pub fn matrix(recorded: &Recorded<'_>, format: Format) -> Result<String, Failure> {
    let exporter: &dyn Exporter = match format {
        Format::Text => &Text,
        Format::Json => &MatrixJson,
        Format::Markdown => &Markdown,
    };
    render(exporter, recorded)
}

/// What an exporter makes of a run.
pub fn render(exporter: &dyn Exporter, recorded: &Recorded<'_>) -> Result<String, Failure> {
    let bytes = exporter.export(recorded).map_err(|error| Failure::runtime(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Failure::runtime(error.to_string()))
}
