//! Feeds functions changed inputs until one of them panics: mutations without coverage, reproducible by a seed.
//!
//! ```text
//!   corpus ─▶ Mutator (bits, numbers, pieces, words) ─▶ Target::check ─ panics ─▶ Crash, kept as a file
//! ```
//!
//! A target says what must hold of any bytes and panics where it does not. Threads are scoped and end with the
//! call that started them. It measures no coverage: what it finds rests on good seeds and words.

pub(crate) mod command;
pub(crate) mod corpus;
pub(crate) mod mutate;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use tokio::time::Instant;

use mutate::Mutator;

/// No input that fits the bounds may take longer: what does is a hang.
const PATIENCE: Duration = Duration::from_secs(2);

/// A function that takes any bytes.
#[derive(Clone, Copy)]
pub(crate) struct Target {
    /// Also the name of its folder of seeds.
    pub(crate) name: &'static str,
    /// Panics where something does not hold.
    pub(crate) check: fn(&[u8]),
    /// Words that inputs are made of, to be put anywhere.
    pub(crate) words: &'static [&'static [u8]],
    /// Bytes of the longest input.
    pub(crate) longest: usize,
}

/// How much is tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// Inputs, over all threads.
    pub(crate) executions: u64,
    /// Threads at once.
    pub(crate) threads: u64,
    /// The same seed and number of threads gives the same inputs.
    pub(crate) seed: u64,
}

/// What was tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    /// Inputs.
    pub(crate) executions: u64,
    /// Wall-clock time.
    pub(crate) took: Duration,
    /// The longest single execution.
    pub(crate) slowest: Duration,
}

/// An input that broke something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Crash {
    /// The input.
    pub(crate) input: Vec<u8>,
    /// What the panic said.
    pub(crate) message: String,
}

/// One execution.
pub(crate) fn execute(target: &Target, input: &[u8]) -> Result<Duration, Crash> {
    let crash = |message: String| Crash { input: input.to_vec(), message };
    let began = Instant::now();
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(input)));
    let took = began.elapsed();
    match outcome {
        Ok(()) if took < PATIENCE => Ok(took),
        Ok(()) => Err(crash(format!("took {took:?}"))),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(crash(text.unwrap_or("a panic without words").to_owned()))
        }
    }
}

/// All of a plan, or the first crash.
pub(crate) fn fuzz(target: &Target, seeds: &[Vec<u8>], plan: Plan) -> Result<Done, Crash> {
    let (began, stop, slowest) = (Instant::now(), AtomicBool::new(false), AtomicU64::new(0));
    let one = |thread: u64| {
        let mut mutator = Mutator::new(seeds.to_vec(), target, plan.seed.wrapping_add(thread << 32));
        let share = plan.executions / plan.threads + u64::from(thread < plan.executions % plan.threads);
        for _ in 0..share {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match execute(target, mutator.next()) {
                Ok(took) => drop(slowest.fetch_max(took.as_micros() as u64, Ordering::Relaxed)),
                Err(crash) => {
                    stop.store(true, Ordering::Relaxed);
                    return Err(crash);
                }
            }
        }
        Ok(())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..plan.threads).map(|thread| scope.spawn(move || one(thread))).collect();
        running.into_iter().try_for_each(|thread| thread.join().expect("it catches panics"))
    })?;
    let slowest = Duration::from_micros(slowest.into_inner());
    Ok(Done { executions: plan.executions, took: began.elapsed(), slowest })
}

/// Every seed as it is, then a short plan: what a plain test does with a target.
pub(crate) fn replay(target: &Target, folder: &Path, plan: Plan) {
    let seeds = corpus::read(&folder.join(target.name));
    for (name, seed) in &seeds {
        if let Err(Crash { message, .. }) = execute(target, seed) {
            panic!("{}: seed {name}: {message}", target.name);
        }
    }
    let seeds: Vec<_> = seeds.into_iter().map(|(_, seed)| seed).collect();
    if let Err(Crash { input, message }) = fuzz(target, &seeds, plan) {
        panic!("{}: {message}\n{}", target.name, corpus::as_hex(&input));
    }
}
