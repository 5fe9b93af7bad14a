//! `<architecture>.hlog`: every second of honest work as HDR interval-log readers take it.
//!
//! Tags are `scenario/phase/operation`; timestamps are seconds since the run's start; `Interval_Max` is in
//! milliseconds, the histograms themselves in nanoseconds from the intended start.

use std::{
    fmt::Write,
    time::{Duration, SystemTime},
};

use hdrhistogram::serialization::{
    V2DeflateSerializer,
    interval_log::{IntervalLogWriterBuilder, Tag},
};

use super::{ExportError, Exporter, Recorded};
use crate::{event::Interval, latency};

/// Nanoseconds in the unit of `Interval_Max`.
const DIVISOR: f64 = 1e6;
/// The line that names the columns; readers skip it, people do not.
const LEGEND: &str =
    "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// Writes the interval log of one architecture.
pub struct Hlog {
    /// Which architecture.
    pub architecture: String,
}

impl Exporter for Hlog {
    fn export(&self, run: &Recorded<'_>) -> Result<Vec<u8>, ExportError> {
        let mut intervals: Vec<(String, &Interval)> =
            run.intervals(&self.architecture).map(|interval| (tag(interval), interval)).collect();
        // Readers expect time to advance.
        intervals.sort_by(|(a, one), (b, other)| (one.start_ms, a).cmp(&(other.start_ms, b)));
        let mut bytes = header(&run.run()?.started)?.into_bytes();
        self.write(&intervals, &mut bytes)?;
        Ok(bytes)
    }
}

impl Hlog {
    fn write(&self, intervals: &[(String, &Interval)], bytes: &mut Vec<u8>) -> Result<(), ExportError> {
        let failed = |reason: String| ExportError::Hlog { architecture: self.architecture.clone(), reason };
        let mut serializer = V2DeflateSerializer::new();
        let mut writer = IntervalLogWriterBuilder::new()
            .with_max_value_divisor(DIVISOR)
            .begin_log_with(bytes, &mut serializer)
            .map_err(|error| failed(error.to_string()))?;
        for (tag, interval) in intervals {
            let histogram = latency::decode(interval)?;
            let (start, length) =
                (Duration::from_millis(interval.start_ms), Duration::from_millis(interval.length_ms));
            writer
                .write_histogram(&histogram, start, length, Tag::new(tag))
                .map_err(|error| failed(format!("{error:?}")))?;
        }
        Ok(())
    }
}

/// Version, times and legend, in the order of the Java writer, which this crate's writer leaves out.
fn header(started: &str) -> Result<String, ExportError> {
    let time: jiff::Timestamp =
        started.parse().map_err(|source| ExportError::Started { started: started.to_owned(), source })?;
    let since_epoch =
        SystemTime::from(time).duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let mut text = String::from("#[Histogram log format version 1.3]\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "#[StartTime: {since_epoch:.3} (seconds since epoch), {time}]");
    let _ = writeln!(text, "#[BaseTime: {since_epoch:.3} (seconds since epoch)]");
    text.push_str(LEGEND);
    Ok(text)
}

/// `scenario/phase/operation`; a tag holds no comma and no white space.
fn tag(interval: &Interval) -> String {
    format!("{}/{}/{}", interval.scenario, interval.phase, interval.operation)
        .replace(|letter: char| letter == ',' || letter.is_whitespace() || letter.is_control(), "_")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::sample;

    fn exported() -> Vec<u8> {
        let events = sample::run();
        let hlog = Hlog { architecture: String::from("edge-only") };
        hlog.export(&Recorded::of(&events)).unwrap()
    }

    #[test]
    fn the_header_is_the_java_writers() {
        let text = String::from_utf8(exported()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "#[Histogram log format version 1.3]");
        assert_eq!(lines[1], "#[StartTime: 1795343700.000 (seconds since epoch), 2026-11-22T10:35:00Z]");
        assert_eq!(lines[2], "#[BaseTime: 1795343700.000 (seconds since epoch)]");
        assert_eq!(lines[3], LEGEND.trim_end());
        assert_eq!(lines[4], "#[MaxValueDivisor: 1000000.000]");
        assert!(lines[5].starts_with("Tag=connect-flood/attack/list,0.000,1.000,"), "{}", lines[5]);
    }

    #[test]
    fn every_second_is_there_in_time_order() {
        let bytes = exported();
        let mut starts = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                starts.push(interval.start_timestamp());
            }
        }
        // Four scenarios, three phases, two operations, three seconds.
        assert_eq!(starts.len(), 4 * 3 * 2 * 3);
        assert!(starts.is_sorted());
    }

    #[test]
    fn a_name_cannot_break_a_line() {
        let mut interval = sample::interval(0, [1]);
        interval.scenario = String::from("my, own\nscenario");
        assert_eq!(tag(&interval), "my__own_scenario/baseline/login");
    }

    #[test]
    fn a_start_that_is_no_time_is_named() {
        assert!(header("yesterday").unwrap_err().to_string().contains("`yesterday`"));
    }
}
