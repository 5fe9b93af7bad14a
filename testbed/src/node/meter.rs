//! CPU time of threads, read from the kernel by thread id, without asking the thread.
//!
//! Linux: the first number of `/proc/self/task/TID/schedstat`, nanoseconds on a processor; for a child, the sum over
//! all threads of its process tree. Loopback bills
//! receive work to the sender, so a share is always shown beside the sum over all nodes.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use proxies::registry::process_tree;

/// CPU time of one thread since it began; `None` once it is gone.
pub fn thread_cpu(thread_id: i32) -> Option<Duration> {
    clock(Path::new(&format!("/proc/self/task/{thread_id}/schedstat")))
}

/// CPU time of every thread of a process and of what it started.
pub fn process_cpu(pid: u32) -> Duration {
    let threads =
        process_tree(pid).into_iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).ok());
    threads.flatten().flatten().filter_map(|thread| clock(&thread.path().join("schedstat"))).sum()
}

fn clock(schedstat: &Path) -> Option<Duration> {
    let line = fs::read_to_string(schedstat).ok()?;
    line.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Whose clock.
#[derive(Clone, Copy, Debug)]
enum Clock {
    Thread(i32),
    Process(u32),
}

/// Reads the clocks of named groups of threads.
#[derive(Clone, Debug, Default)]
pub struct CpuMeter {
    groups: BTreeMap<String, Vec<Clock>>,
}

impl CpuMeter {
    /// Adds threads under a name (`host/process`).
    pub fn add(&mut self, name: &str, threads: impl IntoIterator<Item = i32>) {
        self.groups.entry(name.to_owned()).or_default().extend(threads.into_iter().map(Clock::Thread));
    }

    /// Adds a process and whatever it starts.
    pub fn add_process(&mut self, name: &str, pid: u32) {
        self.groups.entry(name.to_owned()).or_default().push(Clock::Process(pid));
    }

    /// CPU time by name, now. Threads that are gone count as zero.
    pub fn read(&self) -> BTreeMap<String, Duration> {
        let read = |clock: &Clock| match clock {
            Clock::Thread(id) => thread_cpu(*id).unwrap_or_default(),
            Clock::Process(pid) => process_cpu(*pid),
        };
        self.groups.iter().map(|(name, clocks)| (name.clone(), clocks.iter().map(read).sum())).collect()
    }

    /// CPU time by name since an earlier reading.
    pub fn since(&self, earlier: &BTreeMap<String, Duration>) -> BTreeMap<String, Duration> {
        let mut spent = self.read();
        for (name, cpu) in &mut spent {
            *cpu = cpu.saturating_sub(earlier.get(name).copied().unwrap_or_default());
        }
        spent
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_billed_and_a_resting_one_is_not() {
        let busy = crate::node::thread::NodeThread::start("busy", |stop| async move {
            stop.cancelled().await;
            Ok(())
        })
        .unwrap();
        let mut meter = CpuMeter::default();
        let me = rustix::thread::gettid().as_raw_nonzero().get();
        meter.add("me", [me]);
        meter.add("resting", [busy.id()]);
        let before = meter.read();
        let mut sum = 0_u64;
        while meter.since(&before)["me"] < Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        let spent = meter.since(&before);
        assert!(spent["resting"] < spent["me"] / 4, "{spent:?}");
        busy.stop().unwrap();
        assert_eq!(thread_cpu(0), None);
    }
}
