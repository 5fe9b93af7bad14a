//! Processes: what runs where, as whom, and whether it has the listeners and dials its program needs.

use toml::Spanned;

use super::{
    super::{
        DialId, Engine, HostId, Listener, ListenerId, Process, Program,
        diagnose::Finding,
        literal::{Item, Literal, ProcessLiteral},
        suggest::{help_for, quoted_list},
    },
    Draft, at, each, names,
};

/// Threads of one node or hashing pool at most.
const MOST_THREADS: i64 = 32;

/// Threads of a whole architecture at most: a file must not exhaust the machine it is tried on.
const MOST_THREADS_IN_ALL: usize = 256;

/// Threads of the hashing pool where the file says nothing.
const HASH_THREADS: usize = 1;

const PROGRAMS: [&str; 7] = ["proxy", "identity", "compute", "login-page", "queue", "agent", "users"];

pub(super) fn processes(literal: &Literal, findings: &mut Vec<Finding>) -> Vec<Option<Process>> {
    let processes = each(&literal.processes, |index, item, body| {
        let before = findings.len();
        names::check(&body.user, findings);
        let threads = count(body.threads.as_ref(), 1, 1, findings);
        let program = program(body, findings)?;
        let bind_tokens = bind_tokens(body, program, findings);
        let engine = engine(body, program, findings);
        let of = |parent: usize| parent == index;
        (findings.len() == before).then(|| Process {
            name: item.name.get_ref().clone(),
            host: HostId(item.parent),
            user: body.user.get_ref().clone(),
            threads,
            program,
            engine,
            listeners: positions(&literal.listeners, of).map(ListenerId).collect(),
            dials: positions(&literal.dials, of).map(DialId).collect(),
            bind_tokens,
        })
    });
    check_total(literal, &processes, findings);
    processes
}

fn positions<T>(items: &[Item<T>], of: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
    items.iter().enumerate().filter(move |(_, item)| of(item.parent)).map(|(index, _)| index)
}

fn program(body: &ProcessLiteral, findings: &mut Vec<Finding>) -> Option<Program> {
    let word = &body.program;
    let program = match word.get_ref().as_str() {
        "proxy" => Program::Proxy,
        "identity" => {
            let hash_threads = count(body.hash_threads.as_ref(), 0, HASH_THREADS, findings);
            return Some(Program::Identity { hash_threads });
        }
        "compute" => Program::Compute,
        "login-page" => Program::LoginPage,
        "queue" => Program::Queue,
        "agent" => Program::Agent,
        "users" => Program::Users,
        other => {
            findings.push(
                Finding::new(word.span(), format!("there is no program `{other}`"))
                    .maybe_help(help_for(other, &PROGRAMS)),
            );
            return None;
        }
    };
    if let Some(threads) = &body.hash_threads {
        let message = format!("program `{}` hashes no passwords", word.get_ref());
        findings.push(Finding::new(threads.span(), message).help("`hash_threads` belongs to `identity`"));
    }
    Some(program)
}

fn bind_tokens(body: &ProcessLiteral, program: Program, findings: &mut Vec<Finding>) -> bool {
    let Some(flag) = &body.bind_tokens else { return false };
    if !matches!(program, Program::Identity { .. } | Program::Compute) {
        let message = format!("program `{}` neither gives nor takes tokens", program.word());
        findings.push(
            Finding::new(flag.span(), message).help("`bind_tokens` belongs to `identity` and `compute`"),
        );
    }
    *flag.get_ref()
}

fn engine(body: &ProcessLiteral, program: Program, findings: &mut Vec<Finding>) -> Engine {
    let Some(word) = &body.engine else { return Engine::default() };
    if program != Program::Proxy {
        let message = format!("program `{}` has no other engine", program.word());
        findings.push(Finding::new(word.span(), message).help("`engine` belongs to `proxy`"));
    }
    let known = Engine::ALL.into_iter().find(|engine| engine.word() == word.get_ref());
    known.unwrap_or_else(|| {
        let words = Engine::ALL.map(Engine::word);
        findings.push(
            Finding::new(word.span(), format!("there is no engine `{}`", word.get_ref()))
                .maybe_help(help_for(word.get_ref(), &words)),
        );
        Engine::default()
    })
}

fn count(wanted: Option<&Spanned<i64>>, least: i64, otherwise: usize, findings: &mut Vec<Finding>) -> usize {
    let Some(wanted) = wanted else { return otherwise };
    let count = *wanted.get_ref();
    if !(least..=MOST_THREADS).contains(&count) {
        let message = format!("{count} threads: expected {least} to {MOST_THREADS}");
        findings.push(Finding::new(wanted.span(), message));
        return otherwise;
    }
    usize::try_from(count).unwrap_or(otherwise)
}

fn check_total(literal: &Literal, processes: &[Option<Process>], findings: &mut Vec<Finding>) {
    let mut total = 0;
    for (item, process) in literal.processes.iter().zip(processes) {
        let Some(process) = process else { continue };
        let before = total;
        total += process.threads
            + match process.program {
                Program::Identity { hash_threads } => hash_threads,
                _ => 0,
            };
        if before <= MOST_THREADS_IN_ALL && total > MOST_THREADS_IN_ALL {
            let message =
                format!("with this process the file asks for more than {MOST_THREADS_IN_ALL} threads");
            findings.push(Finding::new(item.name.span(), message));
        }
    }
}

/// The dials a program must have. Proxies open what their listeners forward to.
pub(super) fn needs(program: Program) -> &'static [&'static str] {
    match program {
        Program::Users => &["identity", "compute"],
        Program::Compute | Program::LoginPage => &["identity"],
        Program::Agent => &["queue"],
        Program::Identity { .. } | Program::Queue | Program::Proxy => &[],
    }
}

/// Every dial a program opens by name, whether it must have it or not.
pub(super) fn opens(program: Program) -> &'static [&'static str] {
    match program {
        Program::Users => &["identity", "compute", "login-page"],
        Program::Compute => &["identity", "queue"],
        other => needs(other),
    }
}

/// Every program has what it needs, and nothing it would never use.
pub(super) fn check_wiring(literal: &Literal, draft: &Draft, findings: &mut Vec<Finding>) {
    for (index, item) in literal.processes.iter().enumerate() {
        let (Some(process), Some(body)) = (at(&draft.processes, index), &item.body) else { continue };
        let word = body.program.get_ref();
        check_listeners(process, item, word, findings);
        for need in needs(process.program) {
            if !process.dials.iter().any(|dial| literal.dials[dial.0].name.get_ref() == need) {
                let name = item.name.get_ref();
                let message = format!("`{name}` has no dial `{need}`, which program `{word}` needs");
                findings.push(
                    Finding::new(body.program.span(), message)
                        .help(format!("add `dials.{need} = {{ to = \"host/process/listener\" }}`")),
                );
            }
        }
        check_idle_dials((literal, draft), process, word, findings);
    }
}

fn check_listeners(process: &Process, item: &Item<ProcessLiteral>, word: &str, findings: &mut Vec<Finding>) {
    let name = item.name.get_ref();
    let message = match (process.program, process.listeners.is_empty()) {
        (Program::Users, false) => format!("`{name}` runs `users`, which listen on nothing"),
        (Program::Agent, false) => format!("`{name}` runs `agent`, which listens on nothing"),
        (Program::Users | Program::Agent, true) | (_, false) => return,
        (_, true) => format!("`{name}` runs `{word}` and has no listener"),
    };
    findings.push(Finding::new(item.name.span(), message));
}

fn check_idle_dials(
    (literal, draft): (&Literal, &Draft),
    process: &Process,
    word: &str,
    findings: &mut Vec<Finding>,
) {
    let listeners: Option<Vec<&Listener>> =
        process.listeners.iter().map(|listener| at(&draft.listeners, listener.0)).collect();
    // A listener with an error of its own may well have meant the dial that seems idle.
    let Some(listeners) = listeners else { return };
    let opens = opens(process.program);
    for dial in &process.dials {
        let name = &literal.dials[dial.0].name;
        let forwarded = listeners.iter().any(|listener| {
            listener.forward == Some(*dial) || listener.routes.iter().any(|route| route.to.contains(dial))
        });
        if forwarded || opens.contains(&name.get_ref().as_str()) {
            continue;
        }
        let help = match process.program {
            Program::Proxy => format!("a listener would use it with `forward = \"{}\"`", name.get_ref()),
            _ if opens.is_empty() => format!("program `{word}` opens no connections"),
            _ => format!("program `{word}` opens dials named {}", quoted_list(opens)),
        };
        let message = format!("nothing uses dial `{}`", name.get_ref());
        findings.push(Finding::new(name.span(), message).help(help));
    }
}
