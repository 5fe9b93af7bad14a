//! Numbers as people read them in a narrow column.

/// `12:07`, or `1:02:03` from an hour on.
pub fn clock(ms: u64) -> String {
    let seconds = ms / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}

/// `812`, `4 910`, `41.2k`, `3.1M`: at most six characters.
pub fn count(value: u64) -> String {
    match value {
        0..1_000 => value.to_string(),
        1_000..10_000 => format!("{} {:03}", value / 1_000, value % 1_000),
        10_000..1_000_000 => format!("{:.1}k", value as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", value as f64 / 1e6),
        _ => format!("{:.1}G", value as f64 / 1e9),
    }
}

/// Bytes in powers of 1024: `41.2 KiB`.
pub fn bytes(value: u64) -> String {
    let mut scaled = value as f64;
    for unit in ["B", "KiB", "MiB"] {
        if scaled < 1024.0 {
            return if unit == "B" { format!("{value} B") } else { format!("{scaled:.1} {unit}") };
        }
        scaled /= 1024.0;
    }
    format!("{scaled:.1} GiB")
}

/// Milliseconds with three telling digits; `-` where there were too few samples.
pub fn millis(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(ms) if ms < 10.0 => format!("{ms:.2}"),
        Some(ms) if ms < 100.0 => format!("{ms:.1}"),
        Some(ms) => format!("{ms:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stay_narrow() {
        assert_eq!(clock(61_999), "01:01");
        assert_eq!(clock(3_723_000), "1:02:03");
        assert_eq!(
            [count(999), count(4910), count(41_234), count(3_100_000)],
            ["999", "4 910", "41.2k", "3.1M"]
        );
        assert_eq!([bytes(1023), bytes(42_189)], ["1023 B", "41.2 KiB"]);
        assert_eq!(
            [millis(None), millis(Some(1.904)), millis(Some(14.24)), millis(Some(140.0))],
            ["-", "1.90", "14.2", "140"]
        );
    }
}
