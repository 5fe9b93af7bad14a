//! Ours beside HAProxy and nginx: `cargo bench --bench peers`.
//!
//! ```text
//!   client (TLS 1.3, one thread) ──▶ proxy (a process, one thread) ──▶ backend (one thread)
//!       processor 1                     processor 0                       processor 1
//! ```
//!
//! `testbed proxy` runs as it comes: all limits on, forwarded headers set. The peers found on this machine are
//! set up alike (`configs`). Contenders take turns within each repetition; what is read is CPU time of the
//! proxy's process per request, from the kernel, not a rate: the client is the bottleneck of most rows. Printed
//! are ours ÷ HAProxy and nginx ÷ HAProxy as least–median–greatest of the paired repetitions, and, because
//! loopback moves the kernel's work between the roles, the same of the sum of client, proxy and backend.
//! `proxies/PERFORMANCE.md` says how to read it.
//!
//! ```text
//!   cargo bench --bench peers                         everything, about six minutes
//!   cargo bench --bench peers -- --only handshake     works whose name contains it
//!   cargo bench --bench peers -- --repetitions 15 --seconds 2
//!   cargo bench --bench peers -- --callgrind          instructions per request instead (needs valgrind)
//!   cargo bench --bench peers -- --callgrind --only wrapper
//!   cargo bench --bench peers -- --list               names of the works
//! ```
//!
//! Everything stays on 127.0.0.1; load is at most 2,000 connections. Its processes end with it.

// These stand for outside programs, which have sockets, clocks and patience of their own.
#![allow(clippy::disallowed_methods)]

mod backend;
mod callgrind;
mod client;
mod clock;
mod configs;
mod contender;
mod figures;
mod measure;
mod pki;
mod report;
mod works;
mod wrapper;

use std::{process::ExitCode, time::Duration};

use self::{
    backend::Backend,
    contender::{Contender, Who},
    measure::Stage,
    pki::{Failed, Files},
    report::Results,
    works::{Reading, WORKS, Work},
};

struct Options {
    repetitions: usize,
    seconds: f64,
    only: String,
    callgrind: bool,
    list: bool,
}

/// A median of fewer says nothing about a tail.
const LEAST_OF_A_TAIL: usize = 9;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match words.first().map(String::as_str) {
        Some(wrapper::WORD) => wrapper(&words[1..]),
        _ if words.iter().any(|word| word == "--bench") => {
            options(&words).and_then(|options| bench(&options))
        }
        // `cargo test --all-targets` calls benchmarks, too.
        _ => {
            eprintln!("nothing is measured but by `cargo bench`");
            Ok(())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(words: &[String]) -> Result<Options, Failed> {
    let mut options =
        Options { repetitions: 5, seconds: 1.0, only: String::new(), callgrind: false, list: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bench" => {}
            "--repetitions" => options.repetitions = value()?.parse()?,
            "--seconds" => options.seconds = value()?.parse()?,
            "--only" => options.only.clone_from(value()?),
            "--callgrind" => options.callgrind = true,
            "--list" => options.list = true,
            other => {
                return Err(format!("no option {other}; the header of benches/peers/main.rs has them").into());
            }
        }
    }
    Ok(options)
}

fn bench(options: &Options) -> Result<(), Failed> {
    let works: Vec<&Work> = WORKS.iter().filter(|work| work.name.contains(&options.only)).collect();
    if options.list {
        for work in works {
            println!("{}", work.name);
        }
        return Ok(());
    }
    room_for_connections();
    let files = Files::new()?;
    let backend = Backend::start(&files)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = Duration::try_from_secs_f64(options.seconds)?;
    let stage = Stage { files, backend, runtime, measured };
    report::environment(options.repetitions, options.seconds);
    if options.callgrind {
        return callgrind::run(&stage, &options.only);
    }
    report::heading();
    let stolen = clock::stolen();
    for work in works {
        report::rows(work, &interleaved(&stage, work, options.repetitions)?);
    }
    println!("\nstolen by the hypervisor meanwhile: {} ticks", clock::stolen().saturating_sub(stolen));
    Ok(())
}

/// All repetitions of a work, contenders taking turns.
fn interleaved(stage: &Stage, work: &Work, repetitions: usize) -> Result<Results, Failed> {
    let mut results = Results::default();
    let here: Vec<Who> = Who::ALL.into_iter().filter(|who| who.can(work.mode)).collect();
    let repetitions =
        if work.reading == Reading::Tail { repetitions.max(LEAST_OF_A_TAIL) } else { repetitions };
    if work.reading == Reading::Memory {
        for turn in 0..repetitions {
            for who in rotated(&here, turn) {
                results.add(who, stage.idle(who, work)?);
            }
        }
        return Ok(results);
    }
    let start = |who: &Who| stage.start(*who, work).map(|contender| (*who, contender));
    let running: Vec<(Who, Contender)> = here.iter().map(start).collect::<Result<_, Failed>>()?;
    for turn in 0..repetitions {
        for who in rotated(&here, turn) {
            for (_, contender) in running.iter().filter(|(running, _)| *running == who) {
                let figures = clock::pinned(clock::ENDS, || stage.repeat(contender, work));
                let failed = |error| {
                    eprintln!("{}, {}: {error}; this repetition does not count", work.name, who.name());
                    Vec::new()
                };
                results.add(who, figures.unwrap_or_else(failed));
            }
        }
    }
    running.into_iter().try_for_each(|(_, contender)| contender.end())?;
    Ok(results)
}

/// Nobody is always the first after the others.
fn rotated(all: &[Who], turn: usize) -> Vec<Who> {
    let mut turned = all.to_vec();
    turned.rotate_left(turn % all.len().max(1));
    turned
}

fn room_for_connections() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    // Refused, opening the idle connections says so.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, limit);
}

/// The inner program of the comparison of instructions.
fn wrapper(words: &[String]) -> Result<(), Failed> {
    let [folder, backend, wrapped] = words else { return Err("folder, port and `with` or `bare`".into()) };
    wrapper::run(&pki::server_of(folder.as_ref())?, backend.parse()?, wrapped == "with")
}
