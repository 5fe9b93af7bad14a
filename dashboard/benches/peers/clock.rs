//! What threads and processes spent and hold, by the kernel's own account (Linux), and which processor they use.

use std::{fs, time::Duration};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::pki::Failed;

/// The processor of the proxy.
pub(crate) const PROXY: usize = 0;
/// The processor of client and backend.
pub(crate) const ENDS: usize = 1;

/// CPU time of every thread of a process since it began.
pub(crate) fn process(pid: u32) -> Duration {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    tasks.filter_map(|task| on_processor(&task.ok()?.path().join("schedstat"))).sum()
}

/// CPU time of one thread of ours.
pub(crate) fn thread(id: i32) -> Duration {
    on_processor(format!("/proc/self/task/{id}/schedstat").as_ref()).unwrap_or_default()
}

/// The kernel's number of this thread.
pub(crate) fn this_thread() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

fn on_processor(file: &std::path::Path) -> Option<Duration> {
    let line = fs::read_to_string(file).ok()?;
    line.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

/// Proportional memory of a process, KiB.
pub(crate) fn memory(pid: u32) -> Result<f64, Failed> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("no Pss")?;
    Ok(line.trim_end_matches("kB").trim().parse()?)
}

/// Time the hypervisor took away, over all processors.
pub(crate) fn stolen() -> u64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    stat.lines().next().and_then(|line| line.split_whitespace().nth(8)?.parse().ok()).unwrap_or_default()
}

/// Puts this thread, and what it starts, on one processor; nothing where there is only one.
pub(crate) fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    // Refused, the figures are noisier and no less true.
    let _ = sched_setaffinity(None, &set);
}

/// Does `work` on one processor and comes back to those of before.
pub(crate) fn pinned<T>(processor: usize, work: impl FnOnce() -> T) -> T {
    let before = sched_getaffinity(None);
    pin(processor);
    let done = work();
    if let Ok(before) = before {
        let _ = sched_setaffinity(None, &before);
    }
    done
}
