//! `run.json`: what was run, with what, on which machine. No result is in it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{ExportError, Exporter, Recorded};
use crate::event::{Host, RunStarted, Topology};

/// Writes `run.json`.
pub struct RunJson;

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    run: &'a RunStarted,
    host: Option<&'a Host>,
    /// Settings as resolved from files, flags and defaults, by name.
    config: &'a BTreeMap<String, Value>,
    /// Every architecture that was launched, controls included, by name.
    topologies: BTreeMap<&'a str, &'a Topology>,
    /// Milliseconds from resolved file to every listener answering, in order.
    launches_ms: &'a [f64],
    exit_code: Option<u8>,
    interrupted: bool,
}

impl Exporter for RunJson {
    fn export(&self, recorded: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let snapshot = &recorded.snapshot;
        let document = Document {
            run: recorded.run()?,
            host: snapshot.host.as_ref(),
            config: &snapshot.config,
            topologies: snapshot
                .topologies
                .iter()
                .map(|topology| (topology.architecture.as_str(), topology))
                .collect(),
            launches_ms: &snapshot.launches_ms,
            exit_code: snapshot.ended,
            interrupted: snapshot.interrupted,
        };
        let mut bytes = serde_json::to_vec_pretty(&document)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_run_can_be_repeated_from_it() {
        let events = sample::run();
        let run: Value = serde_json::from_slice(&RunJson.export(&Recorded::of(&events)).unwrap()).unwrap();
        assert_eq!(run["seed"], 42);
        assert_eq!(run["version"], "0.1.0");
        assert_eq!(run["profile"], "default");
        assert_eq!(run["host"]["cpus"], 2);
        assert_eq!(run["config"]["workload"]["rate_per_second"], 200.5);
        assert_eq!(run["topologies"]["edge-only"]["hosts"][0]["name"], "edge");
        assert_eq!(run["launches_ms"].as_array().unwrap().len(), 12);
        assert_eq!(run["exit_code"], 0);
    }

    #[test]
    fn it_carries_no_result() {
        let events = sample::run();
        let text = String::from_utf8(RunJson.export(&Recorded::of(&events)).unwrap()).unwrap();
        assert!(!text.contains("verdict") && !text.contains("cnry-"), "{text}");
    }
}
