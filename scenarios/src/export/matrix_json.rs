//! `matrix.json`: the result of a run for programs. Fields may be added, never renamed.

use schemars::JsonSchema;
use serde::Serialize;
use testbed::vocabulary::Method;

use super::{
    ExportError, Exporter, Recorded,
    matrix::{Matrix, invalid_reasons},
};
use crate::{
    event::{Cell, Performance, ValidityFlag},
    verdict::{Counts, counts},
};

/// Version of this shape.
const SCHEMA_VERSION: u32 = 1;

/// Writes `matrix.json`.
pub struct MatrixJson;

/// What `matrix.json` holds.
#[derive(JsonSchema, Serialize)]
#[schemars(title = "Matrix")]
pub(crate) struct MatrixDocument<'a> {
    schema_version: u32,
    seed: u64,
    valid: Valid,
    invalid_reasons: Vec<String>,
    architectures: &'a [String],
    cells: Vec<&'a Cell>,
    performance: Vec<&'a Performance>,
    /// Cells judged only because a control needed them.
    controls: Vec<&'a Cell>,
    /// Cells by method and verdict; the two methods are never added up.
    summary: Summary,
    /// In matrix order; floods have no cells.
    scenarios: Vec<&'a str>,
    version: &'a str,
    started: &'a str,
    profile: &'a str,
    /// The program that stood in every proxy's place; null where the architecture files decide.
    engine: Option<&'a str>,
    /// True when stopped early, or when the record breaks off: what was finished is here.
    interrupted: bool,
    steps: Steps,
}

#[derive(JsonSchema, Serialize)]
struct Valid {
    exposure: bool,
    performance: bool,
}

#[derive(JsonSchema, Serialize)]
struct Summary {
    measured: Tally,
    modelled: Tally,
}

#[derive(JsonSchema, Serialize)]
struct Tally {
    held: u64,
    broken: u64,
    not_exercised: u64,
    inconclusive: u64,
}

#[derive(JsonSchema, Serialize)]
struct Steps {
    planned: usize,
    finished: usize,
}

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        let Counts { held, broken, not_exercised, inconclusive } = counts;
        Self { held, broken, not_exercised, inconclusive }
    }
}

impl Exporter for MatrixJson {
    fn export(&self, recorded: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let matrix = Matrix::of(recorded)?;
        let (run, snapshot) = (matrix.run, &recorded.snapshot);
        let count = |method| counts(matrix.cells.iter().copied(), method).into();
        let document = MatrixDocument {
            schema_version: SCHEMA_VERSION,
            seed: run.seed,
            valid: Valid {
                exposure: snapshot.valid(ValidityFlag::Exposure),
                performance: snapshot.valid(ValidityFlag::Performance),
            },
            invalid_reasons: invalid_reasons(recorded),
            architectures: &run.architectures,
            summary: Summary { measured: count(Method::Measured), modelled: count(Method::Modelled) },
            cells: matrix.cells,
            performance: matrix.performance,
            controls: matrix.controls,
            scenarios: run.scenarios.iter().map(|scenario| scenario.id.as_str()).collect(),
            version: &run.version,
            started: &run.started,
            profile: &run.profile,
            engine: run.engine.as_deref(),
            interrupted: snapshot.interrupted || snapshot.ended.is_none(),
            steps: Steps { planned: run.steps, finished: snapshot.steps_done },
        };
        let mut bytes = serde_json::to_vec_pretty(&document)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{event::Verdict, sample};

    fn exported() -> Value {
        let events = sample::run();
        serde_json::from_slice(&MatrixJson.export(&Recorded::of(&events)).unwrap()).unwrap()
    }

    #[test]
    fn the_documented_fields_are_there_with_their_words() {
        let matrix = exported();
        assert_eq!(matrix["schema_version"], 1);
        assert_eq!(matrix["seed"], 42);
        assert_eq!(matrix["valid"], json!({ "exposure": true, "performance": false }));
        let reason = "performance: edge-only/connect-flood: the generator lagged 40 ms";
        assert_eq!(matrix["invalid_reasons"], json!([reason]));
        assert_eq!(matrix["architectures"], json!(sample::ARCHITECTURES));
        let cell = matrix["cells"]
            .as_array()
            .unwrap()
            .iter()
            .find(|cell| cell["architecture"] == "edge-only" && cell["scenario"] == "management-sniff")
            .unwrap();
        let expected = json!({ "vantage": "management-sniffer", "asset": "password", "verdict": "broken",
            "method": "measured", "sent": 48, "exposed": 48, "weakness": null,
            "control": { "positive": "passed", "crossed": true } });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&cell[field], value, "{field}");
        }
        let evidence = &cell["evidence"][0];
        assert_eq!(evidence["capture"], "edge-only.pcapng");
        assert_eq!(evidence["segment"], "management");
        assert_eq!(evidence["link"], sample::LINK);
        assert_eq!(evidence["frames"], json!([118, 121]));
        assert_eq!(evidence["encoding"], "raw");
    }

    #[test]
    fn performance_rows_have_every_documented_field() {
        let matrix = exported();
        let row = matrix["performance"][0].as_object().unwrap();
        for field in [
            "architecture",
            "scenario",
            "arm",
            "phase",
            "operation",
            "offered",
            "completed",
            "errors",
            "late",
            "p50_ms",
            "p90_ms",
            "p99_ms",
            "p999_ms",
            "max_ms",
            "cpu_us_per_request",
        ] {
            assert!(row.contains_key(field), "{field}");
        }
        assert_eq!(row["completed"], 1_200);
        assert!(row["p99_ms"].is_number() && row["p999_ms"].is_null());
        assert_eq!(row["cpu_us_per_request"], json!({ "edge/tls-proxy": 41.0, "total": 41.0 }));
    }

    #[test]
    fn the_summary_counts_what_the_cells_say() {
        let matrix = exported();
        let broken = |cell: &&Value| cell["verdict"] == Verdict::Broken.word();
        let cells = matrix["cells"].as_array().unwrap();
        assert_eq!(matrix["summary"]["measured"]["broken"], cells.iter().filter(broken).count());
        assert_eq!(matrix["summary"]["modelled"]["broken"], 0);
    }
}
