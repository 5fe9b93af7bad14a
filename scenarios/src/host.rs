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
    fn a_machine_has_a_processor_and_a_system() {
        let host = here();
        assert!(host.cpus > 0 && !host.os.is_empty() && !host.machine.is_empty());
    }
}
