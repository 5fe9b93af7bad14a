//! Readers that are not ours accept our interval log: the Python `hdrhistogram` package.
//!
//! The interpreter is `TESTBED_PYTHON`, else `python3`. Without the package the test is skipped, loudly.
#![allow(clippy::unwrap_used)]

#[path = "support/proof/run.rs"]
mod run;

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use scenarios::{
    catalog::Profile,
    event::{Event, Interval, RunStarted, Stamped},
    export::{Exporter, Hlog, Recorded},
    latency,
};
use serde_json::Value;
use testbed::vocabulary::Phase;

const ARCHITECTURE: &str = "edge-only";
const QUANTILES: [f64; 5] = [0.5, 0.9, 0.99, 0.999, 1.0];

/// One JSON line per interval, as the foreign reader sees it.
const READER: &str = r#"
import json, sys
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
reader = HistogramLogReader(sys.argv[1], HdrHistogram(1, 60000000000, 3))
while True:
    one = reader.get_next_interval_histogram()
    if one is None:
        break
    print(json.dumps({
        "tag": one.get_tag(), "count": one.get_total_count(),
        "start_ms": one.get_start_time_stamp(), "end_ms": one.get_end_time_stamp(),
        "values": [one.get_value_at_percentile(float(p)) for p in sys.argv[2:]],
    }))
"#;

#[test]
fn python_reads_the_same_counts_and_percentiles() {
    let Some(python) = python() else { return };
    let intervals = intervals();
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("edge-only.hlog");
    fs::write(&log, exported(&intervals)).unwrap();

    let read = read(&python, &log);
    assert_eq!(read.len(), intervals.len());
    for (theirs, ours) in read.iter().zip(&intervals) {
        assert_eq!(theirs["tag"], format!("public-sniff/baseline/{}", ours.operation));
        assert_eq!(theirs["count"], ours.completed);
        // 2026-11-22T10:35:00Z, plus the interval's offset.
        assert_eq!(theirs["start_ms"].as_f64(), Some(1_795_343_700_000.0 + ours.start_ms as f64));
        assert_eq!(
            theirs["end_ms"].as_f64(),
            Some(1_795_343_700_000.0 + (ours.start_ms + ours.length_ms) as f64)
        );
        let histogram = latency::decode(ours).unwrap();
        let values: Vec<u64> = QUANTILES.iter().map(|q| histogram.value_at_quantile(*q)).collect();
        assert_eq!(theirs["values"], serde_json::json!(values), "{} {}", ours.operation, ours.start_ms);
    }
}

/// The same with the log that a whole run left behind, against the events of that run.
#[test]
fn python_reads_the_log_of_a_real_run() {
    let Some(python) = python() else { return };
    let names = run::architectures();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let left = run::leave(run::request(&names, &["public-sniff", "direct-connect"], Profile::Tiny));
    let logs = left.files(".hlog");
    assert_eq!(logs.len(), names.len());
    for log in logs {
        let architecture = run::stem(&log);
        let ours: Vec<&Interval> = left.events.iter().filter_map(of(&architecture)).collect();
        let theirs = read(&python, &log);
        assert_eq!(theirs.len(), ours.len(), "{architecture}");
        assert_eq!(counts(theirs.iter().map(tag_and_count)), counts(ours.into_iter().map(expected)));
    }
}

fn of(architecture: &str) -> impl Fn(&Stamped) -> Option<&Interval> {
    move |stamped| match &stamped.event {
        Event::Interval(interval) if interval.architecture == architecture => Some(interval),
        _ => None,
    }
}

fn tag_and_count(theirs: &Value) -> (String, u64) {
    (theirs["tag"].as_str().unwrap().to_owned(), theirs["count"].as_u64().unwrap())
}

fn expected(ours: &Interval) -> (String, u64) {
    (format!("{}/{}/{}", ours.scenario, ours.phase, ours.operation), ours.completed)
}

/// Samples by tag; a log without any proves nothing.
fn counts(tagged: impl Iterator<Item = (String, u64)>) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    tagged.for_each(|(tag, count)| *sums.entry(tag).or_default() += count);
    assert!(sums.values().sum::<u64>() > 0);
    sums
}

/// Every interval histogram the foreign reader finds.
fn read(python: &str, log: &Path) -> Vec<Value> {
    let percentiles = QUANTILES.map(|quantile| (quantile * 100.0).to_string());
    let output = Command::new(python).args(["-c", READER]).arg(log).args(percentiles).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

/// `count` latencies, the n-th being `value(n)` nanoseconds.
struct Shape {
    operation: &'static str,
    count: u64,
    value: fn(u64) -> u64,
}

/// Seconds of very different shape. Counts are 0 or multiples of 1,000, so that every quantile asked for
/// falls on a whole sample and no reader has to round.
fn intervals() -> Vec<Interval> {
    let shapes = [
        Shape { operation: "list", count: 10_000, value: |n| 1_000_000 + n * 137 },
        Shape { operation: "login", count: 2_000, value: |n| 50_000_000 + (n * n * 7_919) % 900_000_000 },
        Shape {
            operation: "list",
            count: 1_000,
            value: |n| if n % 100 == 0 { 59_000_000_000 } else { 1 + n },
        },
        Shape { operation: "login", count: 0, value: |n| n },
    ];
    let second = |(at, Shape { operation, count, value }): (usize, Shape)| {
        let mut histogram = latency::histogram();
        (0..count).map(value).for_each(|value| histogram.saturating_record(value));
        Interval {
            architecture: ARCHITECTURE.to_owned(),
            scenario: String::from("public-sniff"),
            phase: Phase::Baseline,
            operation: operation.to_owned(),
            start_ms: at as u64 * 1_003,
            length_ms: 1_003,
            offered: count,
            completed: count,
            errors: 0,
            late: 0,
            histogram: latency::encode(&histogram),
        }
    };
    shapes.into_iter().enumerate().map(second).collect()
}

fn exported(intervals: &[Interval]) -> Vec<u8> {
    let started = Event::RunStarted(RunStarted {
        schema_version: 1,
        version: String::from("0.1.0"),
        started: String::from("2026-11-22T10:35:00Z"),
        seed: 42,
        profile: String::from("tiny"),
        architectures: vec![ARCHITECTURE.to_owned()],
        scenarios: Vec::new(),
        engine: None,
        steps: 0,
    });
    let work = intervals.iter().cloned().map(Event::Interval);
    let events: Vec<Stamped> =
        [started].into_iter().chain(work).map(|event| Stamped { at_ms: 0, event }).collect();
    Hlog { architecture: ARCHITECTURE.to_owned() }.export(&Recorded::of(&events)).unwrap()
}

/// An interpreter that has the package, or a line on stderr. One that was asked for by name must have it.
fn python() -> Option<String> {
    let named = env::var("TESTBED_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| String::from("python3"));
    let probe = Command::new(&python)
        .args(["-c", "import hdrh"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let usable = probe.is_ok_and(|status| status.success());
    assert!(usable || named.is_none(), "TESTBED_PYTHON={python} has no package `hdrhistogram`");
    if !usable {
        // Straight to the descriptor: the harness hides what a passing test prints.
        let notice = "\nSKIPPED: a python with the package `hdrhistogram` not installed (name one in TESTBED_PYTHON)\n";
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
    }
    usable.then_some(python)
}
