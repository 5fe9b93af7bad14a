//! User-space instructions per request, counted by `valgrind --tool=callgrind`: of one and of two threads, and
//! of a TLS front with the wrapper that could observe it against one without.
//!
//! Each figure is the difference of two runs, so that starting and ending fall out.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    client::Client,
    contender::{Contender, Who, shown},
    measure::Stage,
    pki::Failed,
    works::{Behind, Mode},
    wrapper,
};

/// Requests of the two runs, over so many connections; fewer of each than any proxy allows on one.
const REQUESTS: [usize; 2] = [2_000, 8_000];
const CONNECTIONS: usize = 16;

pub(crate) fn run(stage: &Stage, only: &str) -> Result<(), Failed> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: valgrind is not installed");
        return Ok(());
    }
    for (mode, behind) in
        [(Mode::Terminate, Behind::Tcp), (Mode::TerminateL4, Behind::Tcp), (Mode::PassThrough, Behind::Tls)]
    {
        if !mode.name().contains(only) {
            continue;
        }
        let one = per_request(|requests| threads(stage, (mode, behind), 1, requests))?;
        let two = per_request(|requests| threads(stage, (mode, behind), 2, requests))?;
        println!(
            "{:14} instructions per request: {one:.0} with one thread, {two:.0} with two: {:.3} (firm 1.10)",
            mode.name(),
            two / one
        );
    }
    if !"wrapper".contains(only) {
        return Ok(());
    }
    let bare = per_request(|requests| wrapped(stage, false, requests))?;
    let with = per_request(|requests| wrapped(stage, true, requests))?;
    println!(
        "wrapper        instructions per request: {bare:.0} bare, {with:.0} with: {:.4} (firm 1.005)",
        with / bare
    );
    Ok(())
}

fn per_request(mut count: impl FnMut(usize) -> Result<f64, Failed>) -> Result<f64, Failed> {
    let [few, many] = REQUESTS;
    Ok((count(many)? - count(few)?) / (many - few) as f64)
}

fn threads(stage: &Stage, scene: (Mode, Behind), threads: usize, requests: usize) -> Result<f64, Failed> {
    let out = stage.files.path("callgrind.out");
    let around = around(&out);
    let around: Vec<&str> = around.iter().map(String::as_str).collect();
    let contender = Contender::start(Who::Ours, &stage.files, &stage.backend, scene, (threads, &around))?;
    ask(stage, contender.port, requests)?;
    contender.end()?;
    total(&out)
}

fn wrapped(stage: &Stage, wrapped: bool, requests: usize) -> Result<f64, Failed> {
    let out = stage.files.path("callgrind.out");
    let around = around(&out);
    let mut command = Command::new(&around[0]);
    command.args(&around[1..]).arg(std::env::current_exe()?).arg(wrapper::WORD);
    command.arg(stage.files.path("")).arg(stage.backend.clear.to_string()).arg(if wrapped {
        "with"
    } else {
        "bare"
    });
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut port = String::new();
    BufReader::new(child.stdout.as_mut().ok_or("no output")?).read_line(&mut port)?;
    ask(stage, port.trim().parse()?, requests)?;
    // The end of its input ends it.
    drop(child.stdin.take());
    child.wait()?;
    total(&out)
}

fn ask(stage: &Stage, port: u16, requests: usize) -> Result<(), Failed> {
    let client = Client::new(stage.files.client.clone(), port);
    stage.runtime.block_on(client.exactly(requests, CONNECTIONS))
}

fn around(out: &Path) -> Vec<String> {
    let out = format!("--callgrind-out-file={}", shown(out));
    ["valgrind", "--tool=callgrind", "--quiet", "--fair-sched=yes", &out].map(str::to_owned).to_vec()
}

fn total(out: &Path) -> Result<f64, Failed> {
    let written = fs::read_to_string(out)?;
    fs::remove_file(out)?;
    let line = written.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(line.and_then(|line| line.split_whitespace().next()).ok_or("no total")?.parse()?)
}
