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
    fmt::Write as _,
    io::Write as _,
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
    registry::{Admit, Registry},
    transport::{
        Dial, Listen, Party, memory,
        tcp::{TcpDialer, TcpListen},
    },
};
use service::Service;
use socket2::SockRef;
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
fn deadline(mode: Mode, fault: Fault, plan: &Plan) -> Duration {
    let (spare, limits) = (Duration::from_secs(3), Limits::default());
    match (fault, plan.hang) {
        (Fault::Hangs, Hang::Connecting) => limits.connect + spare,
        (Fault::Hangs, Hang::ShakingHands) if mode.re_encrypts() => limits.handshake + spare,
        (Fault::Hangs, _) => limits.idle + spare,
        (Fault::Trickles, _) => Duration::from_secs(plan.answer.len() as u64) + spare,
        _ => spare,
    }
}

/// One exchange, whatever it crosses.
struct Exchange<'a> {
    place: &'a Place,
    fault: Fault,
    plan: Arc<Plan>,
    asked: Arc<AtomicUsize>,
}

impl<'a> Exchange<'a> {
    fn new(place: &'a Place, fault: Fault, seed: u64) -> Self {
        let plan = Arc::new(Plan::of(fault, place.mode.is_sealed_behind(), seed));
        Self { place, fault, plan, asked: Arc::default() }
    }

    fn service(&self) -> Service {
        let (plan, codec) = (self.plan.clone(), self.place.service.clone());
        Service { fault: self.fault, plan, codec, asked: self.asked.clone() }
    }

    /// Asks through a proxy of its own, which is drained afterwards; `longest`: to the end of the answer.
    async fn run<C: Dial, L: Listen, D: Dial>(
        &self,
        callers: &C,
        listen: L,
        dial: D,
        longest: Duration,
    ) -> Result<Outcome, String> {
        let (mut proxy, stop) = (JoinSet::new(), CancellationToken::new());
        proxy.spawn(self.place.clone().run(listen, dial, stop.clone()));
        let asking = async {
            let (wire, _) = callers.dial().await.unwrap();
            // In pass-through the handshake is the service's, and as faulty as it is.
            match self.place.caller.connect(wire, longest).await {
                Ok(stream) => caller::ask(stream, &self.plan).await,
                Err(_) => Answer::Broken,
            }
        };
        let answer = timeout(longest, asking).await.map_err(|_| format!("no end after {longest:?}"))?;
        stop.cancel();
        let drained = timeout(Limits::default().drain * 2, proxy.join_next()).await;
        drained.map_err(|_| "no end of drain")?.unwrap().map_err(|panic| panic.to_string())?;
        let asked = self.asked.load(Ordering::Relaxed);
        if matches!(self.plan.kind, Kind::Sized | Kind::Chunked) && asked > 1 {
            return Err(format!("one request that may be sent once only was sent {asked} times"));
        }
        outcome(self.place.mode, self.fault, &self.plan, answer)
    }
}

/// One exchange over pipes.
async fn over_pipes(place: &Place, fault: Fault, seed: u64) -> Result<Outcome, String> {
    let exchange = Exchange::new(place, fault, seed);
    let (callers, at_proxy) = memory::pair(Party(1));
    let (queue, mut arrivals) = mpsc::unbounded_channel();
    let dial = match fault {
        Fault::Refuses => PipeDialer::Refused,
        Fault::Hangs if exchange.plan.hang == Hang::Connecting => PipeDialer::Silent,
        fault => PipeDialer::Served(queue, fault.resets()),
    };
    let (mut serving, service) = (JoinSet::new(), exchange.service());
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(wire) = arrivals.recv().await {
            connections.spawn(service.clone().serve(wire));
        }
        // Nobody dials any more; what was accepted goes on.
        while connections.join_next().await.is_some() {}
    });
    let longest = deadline(place.mode, fault, &exchange.plan);
    exchange.run(&callers, at_proxy, dial, longest).await
}

/// One exchange over real sockets; a reset is one of the kernel's.
async fn over_tcp(place: &Place, fault: Fault, seed: u64) -> Result<Outcome, String> {
    let exchange = Exchange::new(place, fault, seed);
    let registry = Registry::new();
    let hold = || registry.hold(registry.draw_ip(), None, 1, Admit::Announced).unwrap();
    let edge = hold();
    let behind =
        if fault == Fault::Refuses { registry.reserve(registry.draw_ip(), None).unwrap() } else { hold() };
    let dial = |entry| {
        TcpDialer::new(registry.clone(), registry.source(registry.draw_ip()), Party(1), entry).unwrap()
    };
    let mut serving = JoinSet::new();
    if fault != Fault::Refuses {
        let (service, mut listen) = (exchange.service(), TcpListen::take(&registry, behind).unwrap());
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((wire, _)) = listen.accept().await {
                if service.fault.resets() {
                    SockRef::from(&wire).set_linger(Some(Duration::ZERO)).unwrap();
                }
                connections.spawn(service.clone().serve(wire));
            }
        });
    }
    let listen = TcpListen::take(&registry, edge).unwrap();
    exchange.run(&dial(edge), listen, dial(behind), Duration::from_mins(1)).await
}

/// Every fault and seed in one mode; prints how they came out.
async fn matrix(mode: Mode) {
    let place = Place::of(mode);
    let (mut counts, mut wrong) = (BTreeMap::<_, usize>::new(), Vec::new());
    for fault in Fault::ALL {
        for seed in 0..SEEDS {
            match over_pipes(&place, fault, seed).await {
                Ok(outcome) => *counts.entry((fault, outcome)).or_default() += 1,
                Err(words) => wrong.push(format!("{mode:?}, {fault:?}, seed {seed}: {words}")),
            }
        }
    }
    let mut lines = String::new();
    for fault in Fault::ALL {
        let count = |outcome| counts.get(&(fault, outcome)).copied().unwrap_or_default();
        let [right, told, broken] = [Outcome::Right, Outcome::Told, Outcome::Broken].map(count);
        let (mode, fault) = (format!("{mode:?}"), format!("{fault:?}"));
        let _ = writeln!(lines, "{mode:<12} {fault:<18} {right:>4} {told:>4} {broken:>6}");
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

/// Those that need no waiting; nothing is said of time.
#[tokio::test]
async fn a_sample_over_real_sockets() {
    let modes = [Mode::Terminate, Mode::TerminateL4, Mode::ReEncrypt, Mode::ReEncryptL4, Mode::PassThrough];
    for mode in modes {
        let (place, mut exchanges) = (Place::of(mode), JoinSet::new());
        for fault in Fault::ALL.into_iter().filter(|fault| !matches!(fault, Fault::Hangs | Fault::Trickles)) {
            for seed in 0..4 {
                let place = place.clone();
                exchanges.spawn(async move { (fault, seed, over_tcp(&place, fault, seed).await) });
            }
        }
        while let Some(done) = exchanges.join_next().await {
            let (fault, seed, came) = done.unwrap();
            assert!(came.is_ok(), "{mode:?}, {fault:?}, seed {seed}: {came:?}");
        }
    }
}
