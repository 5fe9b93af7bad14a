//! What an architecture costs honest users while nobody attacks.

use scenarios::{event::Performance, snapshot::Snapshot};
use testbed::vocabulary::Phase;

/// The baseline row of an architecture, all operations.
pub fn baseline<'a>(snapshot: &'a Snapshot, architecture: &str) -> Option<&'a Performance> {
    snapshot.performance.iter().find(|row| {
        row.architecture == architecture
            && row.phase == Phase::Baseline
            && row.arm == "victim"
            && row.operation == "all"
    })
}

/// Completed requests per second.
pub fn rps(row: &Performance) -> f64 {
    if row.seconds > 0.0 { row.completed as f64 / row.seconds } else { 0.0 }
}

/// CPU microseconds per completed request over all nodes; `-` where it is unknown.
pub fn cpu(row: &Performance) -> String {
    row.cpu_us_per_request.get("total").map_or("-".into(), |cpu| format!("{cpu:.0}"))
}
