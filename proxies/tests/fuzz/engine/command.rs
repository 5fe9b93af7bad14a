//! The command line of a runner: `TARGET|all [--executions N] [--threads 1|2] [--seed N] [--out FOLDER]`.

use std::{
    collections::hash_map::DefaultHasher,
    env, fs,
    hash::{Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use super::{Crash, Plan, Target, corpus, fuzz};

/// More would take both cores of a small machine from everybody else.
const MOST_THREADS: u64 = 2;

struct Asked {
    targets: Vec<Target>,
    plan: Plan,
    out: PathBuf,
}

/// Runs what the command line asks for: 0 when nothing broke, 1 at the first crash, 2 for a wrong command line.
pub(crate) fn run(targets: &[Target], corpus: &Path) -> ExitCode {
    let asked = match read(targets, env::args().skip(1)) {
        Ok(asked) => asked,
        Err(wrong) => {
            let names: Vec<_> = targets.iter().map(|target| target.name).collect();
            say(&format!(
                "{wrong}; expected: TARGET|all [--executions N] [--threads N] [--seed N] [--out FOLDER]"
            ));
            say(&format!("targets: {}", names.join(" ")));
            return ExitCode::from(2);
        }
    };
    // A panic is an answer here; it is told once, at the end.
    std::panic::set_hook(Box::new(|_| {}));
    for target in &asked.targets {
        let seeds =
            corpus::read(&corpus.join(target.name)).into_iter().map(|(_, seed)| seed).collect::<Vec<_>>();
        let Plan { executions, threads, seed } = asked.plan;
        say(&format!("{}: {executions} executions, {threads} threads, seed {seed}", target.name));
        match fuzz(target, &seeds, asked.plan) {
            Ok(done) => say(&format!(
                "{}: {} executions in {:.1} s, {:.0}/s, slowest {} µs, no crash",
                target.name,
                done.executions,
                done.took.as_secs_f64(),
                done.executions as f64 / done.took.as_secs_f64(),
                done.slowest.as_micros(),
            )),
            Err(crash) => {
                say(&format!("{}: {}", target.name, crash.message));
                match keep(&asked.out, target.name, &crash) {
                    Ok(file) => say(&format!("{}: the input is in {}", target.name, file.display())),
                    Err(error) => say(&format!("{}: {error}\n{}", target.name, corpus::as_hex(&crash.input))),
                }
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn read(targets: &[Target], mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let name = words.next().ok_or("no target")?;
    let targets: Vec<_> =
        targets.iter().filter(|target| name == "all" || name == target.name).copied().collect();
    if targets.is_empty() {
        return Err(format!("no target `{name}`"));
    }
    let mut asked = Asked {
        targets,
        plan: Plan { executions: 1_000_000, threads: 1, seed: 1 },
        out: PathBuf::from("target/fuzz"),
    };
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("{option} without a value"))?;
        let number = || value.parse::<u64>().map_err(|error| format!("{option} {value}: {error}"));
        match option.as_str() {
            "--executions" => asked.plan.executions = number()?,
            "--threads" => asked.plan.threads = number()?.clamp(1, MOST_THREADS),
            "--seed" => asked.plan.seed = number()?,
            "--out" => asked.out = PathBuf::from(value),
            _ => return Err(format!("no option `{option}`")),
        }
    }
    Ok(asked)
}

/// Writes the input where it can become a seed.
pub(crate) fn keep(folder: &Path, target: &str, crash: &Crash) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let mut hasher = DefaultHasher::new();
    crash.input.hash(&mut hasher);
    let file = folder.join(format!("{target}-{:016x}.hex", hasher.finish()));
    let comment = crash.message.lines().next().unwrap_or_default();
    fs::write(&file, format!("# {comment}\n{}", corpus::as_hex(&crash.input)))?;
    Ok(file)
}

fn say(line: &str) {
    // Nobody listens any more: the exit code still tells.
    let _ = writeln!(io::stdout(), "{line}");
}
