//! Twelve kinds of fault of a service behind every mode of the proxy: whatever happens behind, no caller gets an
//! answer that looks whole and is not, nor waits past the deadline that applies.
// Stand-ins run until their set is dropped.
#![allow(clippy::unwrap_used)]

mod caller;
mod fault;
mod mode;
mod plan;
mod service;
#[path = "../support/mod.rs"]
mod support;
mod wire;

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use caller::Answer;
use fault::Fault;
use mode::{Mode, Place};
use plan::{Hang, Kind, Plan};
use proxies::{
    limits::Limits,
    transport::{Dial, Party, memory},
};
use service::Service;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use wire::PipeDialer;

const SEEDS: u64 = 100;

/// How one exchange came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The service's whole answer.
    Right,
    /// The proxy's own word that there is none.
    Told,
    /// Broken off, and plainly so.
    Broken,
}

/// What the caller's answer is worth; the words say what is wrong with it.
fn outcome(mode: Mode, fault: Fault, plan: &Plan, answer: Answer) -> Result<Outcome, String> {
    match answer {
        Answer::Broken => Ok(Outcome::Broken),
        Answer::Whole { status: 500..=599, .. } if mode.is_l7() => Ok(Outcome::Told),
        Answer::Whole { status: 200, body } if fault.may_be_answered() && body == plan.body => {
            Ok(Outcome::Right)
        }
        Answer::Whole { status, body } => {
            Err(format!("an answer that looks whole: {status}, {} of {} bytes", body.len(), plan.body.len()))
        }
    }
}

/// The longest a caller may wait for the end of one exchange, with a second to send and two to spare.
fn deadline(mode: Mode, fault: Fault, plan: &Plan, limits: &Limits) -> Duration {
    let spare = Duration::from_secs(3);
    match (fault, plan.hang) {
        (Fault::Hangs, Hang::NeverConnects) => limits.connect + spare,
        (Fault::Hangs, Hang::NeverShakesHands) if mode.re_encrypts() => limits.handshake + spare,
        (Fault::Hangs, _) => limits.idle + spare,
        (Fault::Trickles, _) => Duration::from_secs(plan.answer.len() as u64) + spare,
        _ => spare,
    }
}

/// One exchange over pipes.
async fn exchange(place: &Place, fault: Fault, seed: u64) -> Result<Outcome, String> {
    let (mode, limits) = (place.mode, Limits::default());
    let plan = Arc::new(Plan::of(fault, mode.is_sealed_behind(), seed));
    let (callers, at_proxy) = memory::pair(Party(1));
    let (queue, mut arrivals) = mpsc::unbounded_channel();
    let dial = match fault {
        Fault::Refuses => PipeDialer::Refused,
        Fault::Hangs if plan.hang == Hang::NeverConnects => PipeDialer::Silent,
        fault => PipeDialer::Served(queue, fault.resets()),
    };
    let asked = Arc::new(AtomicUsize::new(0));
    let service = Service { fault, plan: plan.clone(), codec: place.service.clone(), asked: asked.clone() };
    let (mut around, stop) = (JoinSet::<()>::new(), CancellationToken::new());
    around.spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(wire) = arrivals.recv().await {
            connections.spawn(service.clone().serve(wire));
        }
        std::future::pending().await
    });
    let mut proxy = JoinSet::new();
    proxy.spawn(place.clone().run(at_proxy, dial, limits, stop.clone()));
    let asking = async {
        let (wire, _) = callers.dial().await.unwrap();
        // In pass-through the handshake is the service's, and as faulty as it is.
        match place.caller.connect(wire, limits.idle * 2).await {
            Ok(stream) => caller::ask(stream, &plan).await,
            Err(_) => Answer::Broken,
        }
    };
    let longest = deadline(mode, fault, &plan, &limits);
    let answer = timeout(longest, asking).await.map_err(|_| format!("no end after {longest:?}"))?;
    stop.cancel();
    let drained = timeout(limits.drain * 2, proxy.join_next()).await.map_err(|_| "no end of drain")?;
    drained.unwrap().map_err(|panic| panic.to_string())?;
    let posted = matches!(plan.kind, Kind::Sized | Kind::Chunked);
    let asked = asked.load(Ordering::Relaxed);
    if posted && asked > 1 {
        return Err(format!("one request that may be sent once only was sent {asked} times"));
    }
    outcome(mode, fault, &plan, answer)
}

/// Every fault and seed in one mode; prints how they came out.
async fn matrix(mode: Mode) {
    let place = Place::of(mode);
    let (mut counts, mut wrong) = (BTreeMap::<_, usize>::new(), Vec::new());
    for fault in Fault::ALL {
        for seed in 0..SEEDS {
            match exchange(&place, fault, seed).await {
                Ok(outcome) => *counts.entry((fault, outcome)).or_default() += 1,
                Err(words) => wrong.push(format!("{mode:?}, {fault:?}, seed {seed}: {words}")),
            }
        }
    }
    let mut lines = String::new();
    for fault in Fault::ALL {
        let count = |outcome| counts.get(&(fault, outcome)).copied().unwrap_or_default();
        let [right, told, broken] = [Outcome::Right, Outcome::Told, Outcome::Broken].map(count);
        lines += &format!(
            "{:<12} {:<18} {right:>4} {told:>4} {broken:>6}\n",
            format!("{mode:?}"),
            format!("{fault:?}")
        );
    }
    let _ = write!(std::io::stdout(), "mode         fault             right told broken\n{lines}");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    // The faults are real: those after which nothing can be right, and those that leave the answer whole.
    let right = |fault| counts.get(&(fault, Outcome::Right)).copied().unwrap_or_default() as u64;
    if !mode.is_l7() {
        assert_eq!((right(Fault::Trickles), right(Fault::HugeHead)), (SEEDS, SEEDS));
    }
    let told = |fault| counts.get(&(fault, Outcome::Told)).copied().unwrap_or_default() as u64;
    if mode.is_l7() {
        for fault in
            [Fault::Refuses, Fault::Hangs, Fault::ResetsBeforeHead, Fault::ResetsInHead, Fault::Garbage]
        {
            assert_eq!(told(fault), SEEDS, "{fault:?}: a caller is told");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn terminate() {
    matrix(Mode::Terminate).await;
}

#[tokio::test(start_paused = true)]
async fn terminate_l4() {
    matrix(Mode::TerminateL4).await;
}

#[tokio::test(start_paused = true)]
async fn re_encrypt() {
    matrix(Mode::ReEncrypt).await;
}

#[tokio::test(start_paused = true)]
async fn re_encrypt_l4() {
    matrix(Mode::ReEncryptL4).await;
}

#[tokio::test(start_paused = true)]
async fn pass_through() {
    matrix(Mode::PassThrough).await;
}
