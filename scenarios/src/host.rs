//! Facts of the machine that figures depend on, read once at the start of a run.
//!
//! What cannot be read stays empty or 0; a run never fails for it.

use std::{fs, thread};

use crate::event::Host;

/// This machine.
pub fn here() -> Host {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    Host {
        os: std::env::consts::OS.to_owned(),
        kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        machine: std::env::consts::ARCH.to_owned(),
        cpu: field(&read("/proc/cpuinfo"), "model name").to_owned(),
        cpus: thread::available_parallelism().map_or(1, |cpus| cpus.get() as u64),
        memory_bytes: kibibytes(field(&read("/proc/meminfo"), "MemTotal")),
    }
}

/// Processor time of the whole machine so far, in the kernel's ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    stolen: u64,
    all: u64,
}

impl Ticks {
    /// Now; zero where the kernel does not say.
    pub fn now() -> Self {
        Self::read(&fs::read_to_string("/proc/stat").unwrap_or_default())
    }

    /// Share of processor time that the hypervisor gave to someone else since `earlier`.
    pub fn stolen_since(self, earlier: Self) -> f64 {
        let all = self.all.saturating_sub(earlier.all);
        let stolen = self.stolen.saturating_sub(earlier.stolen);
        if all == 0 { 0.0 } else { stolen as f64 / all as f64 }
    }

    /// `cpu  user nice system idle iowait irq softirq steal …`, proc(5).
    fn read(stat: &str) -> Self {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let ticks: Vec<u64> = line.split_whitespace().take(8).filter_map(|tick| tick.parse().ok()).collect();
        Self { stolen: ticks.get(7).copied().unwrap_or_default(), all: ticks.iter().sum() }
    }
}

/// The value of the first `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    };
    text.lines().find_map(value).unwrap_or_default()
}

/// `8029876 kB` in bytes.
fn kibibytes(text: &str) -> u64 {
    let number = text.strip_suffix("kB").unwrap_or(text).trim();
    number.parse::<u64>().map_or(0, |kib| kib.saturating_mul(1024))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_the_kernel_writes_them() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2.00GHz\nmodel name\t: another\n";
        assert_eq!(field(cpuinfo, "model name"), "Some CPU @ 2.00GHz");
        assert_eq!(field(cpuinfo, "bogomips"), "");
        assert_eq!(kibibytes(field("MemTotal:        2048 kB\nMemFree: 1 kB\n", "MemTotal")), 2_097_152);
        assert_eq!(kibibytes(""), 0);
    }

    #[test]
    fn stolen_time_is_a_share_of_all_time() {
        let before = Ticks::read("cpu  10 0 10 70 0 0 0 10 0 0\ncpu0 1 2 3\n");
        let after = Ticks::read("cpu  20 0 20 135 0 0 0 25 0 0\n");
        assert_eq!(before, Ticks { stolen: 10, all: 100 });
        assert!((after.stolen_since(before) - 0.15).abs() < 1e-9);
        assert!(Ticks::read("").stolen_since(before) <= 0.0, "a kernel that says nothing");
    }

    #[test]
    fn a_machine_has_a_processor_and_a_system() {
        let host = here();
        assert!(host.cpus > 0 && !host.os.is_empty() && !host.machine.is_empty());
    }
}
