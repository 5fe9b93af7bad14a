//! Launch and teardown, over and over: nothing is left of a launch, neither thread nor task, descriptor or file;
//! nor of whole runs.
//!
//! `TESTBED_CYCLES` says how often (50 unless told). Nothing else runs in this binary, so that every count is the
//! launches' own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "support/proof/child.rs"]
mod child;
#[path = "support/proof/run.rs"]
mod run;

use std::{env, fs, thread, time::Duration};

use scenarios::{catalog::Profile, runner::Request};
use testbed::{
    architecture::{self, Architecture},
    launch::{LaunchOptions, launch},
};
use tokio::{runtime::Handle, time::Instant};

const CYCLES: usize = 50;
/// Cycles before counting begins: what a process opens once (a signal pipe, a random source) is no leak.
const WARM_UP: usize = 3;
/// How long the kernel may take to strike a joined thread off its list.
const STRUCK_OFF: Duration = Duration::from_secs(2);

#[test]
fn nothing_is_left_of_a_launch() {
    if child::is_child() {
        return cycle();
    }
    let nest = child::Nest::new();
    let output = nest.alone("nothing_is_left_of_a_launch", &[]);
    let (said, complained) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("median launch"), "the cycles did not run: {said}");
    assert_eq!(nest.left(), Vec::<String>::new(), "files were left");
}

/// The same for whole runs, attackers and honest users included.
#[test]
fn nothing_is_left_of_a_run() {
    if child::is_child() {
        return runs();
    }
    let nest = child::Nest::new();
    let output = nest.alone("nothing_is_left_of_a_run", &[]);
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("after a run"), "nothing was run: {said}");
    assert_eq!(nest.left(), Vec::<String>::new(), "files were left");
}

fn runs() {
    let names = run::architectures();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // One of each family that a tiny run has.
    let ids = ["management-sniff", "public-in-path", "direct-connect", "escaped-host"];
    let threads = Counts::now().threads;
    let after = [1, 2].map(|seed| {
        let request = Request { seed, ..run::request(&names, &ids, Profile::Tiny) };
        drop(run::leave(request));
        Counts::settled(|counts| counts.threads == threads)
    });
    println!("after a run {:?}, after another {:?}", after[0], after[1]);
    assert_eq!(after[0].threads, threads);
    assert_eq!(after[0], after[1]);
}

#[tokio::main(flavor = "current_thread")]
async fn cycle() {
    let cycles = env::var("TESTBED_CYCLES").map_or(CYCLES, |count| count.parse().unwrap());
    let architectures: Vec<Architecture> =
        architecture::names().map(|name| architecture::load(name).unwrap()).collect();
    let threads = Counts::now().threads;
    for architecture in architectures.iter().cycle().take(WARM_UP) {
        once(architecture, 0).await;
    }
    let before = Counts::settled(|counts| counts.threads == threads);
    let (footholds, standing) = launch(&architectures[0], LaunchOptions::default()).await.unwrap();
    let during = Counts::now();
    assert!(during.threads > threads && during.descriptors > before.descriptors, "{during:?} {before:?}");
    drop(footholds);
    standing.teardown().unwrap();
    let began = Instant::now();
    let mut launches = Vec::with_capacity(cycles);
    for (seed, architecture) in (1..).zip(architectures.iter().cycle().take(cycles)) {
        launches.push(once(architecture, seed).await);
    }
    let took = began.elapsed();
    let after = Counts::settled(|counts| *counts == before);
    launches.sort();
    println!(
        "{cycles} cycles in {took:.1?}: median launch {:.1?}, slowest {:.1?}; before {before:?}, after {after:?}",
        launches[launches.len() / 2],
        launches[launches.len() - 1],
    );
    assert_eq!(after, before);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), 0, "tasks were left");
}

/// One launch and its teardown; every other one with a bystander. Returns how long the launch took.
async fn once(architecture: &Architecture, seed: u64) -> Duration {
    let options = LaunchOptions { seed, bystander: seed % 2 == 1, ..LaunchOptions::default() };
    let (footholds, ledger) = launch(architecture, options).await.unwrap();
    let launched_in = ledger.launched_in;
    drop(footholds);
    ledger.teardown().unwrap();
    launched_in
}

/// What this process holds.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    threads: usize,
    descriptors: usize,
}

impl Counts {
    fn now() -> Self {
        Self { threads: entries("/proc/self/task"), descriptors: entries("/proc/self/fd") }
    }

    /// Read once `fit` takes them, or when the kernel had its time.
    fn settled(fit: impl Fn(&Self) -> bool) -> Self {
        let began = Instant::now();
        loop {
            let counts = Self::now();
            if fit(&counts) || began.elapsed() > STRUCK_OFF {
                return counts;
            }
            thread::yield_now();
        }
    }
}

fn entries(directory: &str) -> usize {
    fs::read_dir(directory).unwrap().count()
}
