//! Real programs in the proxies' place: shipped architectures come up with them, carry logins and lists, are billed,
//! let nobody else in, and leave no process behind. Where a program is not installed, it says SKIPPED.
#![allow(clippy::unwrap_used)]

use std::{io::Write, time::Duration};

use proxies::registry::process_tree;
use testbed::{
    architecture::{self, Architecture, Engine},
    engine::{EngineError, installed},
    foothold::Footholds,
    launch::{LaunchError, LaunchOptions, Realisation, launch},
    ledger::Ledger,
    workload::{Bounds, Crowd},
};

/// Those of the programs that are here.
fn engines() -> Vec<Engine> {
    let (here, missing): (Vec<_>, Vec<_>) =
        [Engine::Haproxy, Engine::Nginx].into_iter().partition(|engine| installed(*engine).is_ok());
    for engine in missing {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {} is not installed", engine.word());
    }
    here
}

async fn up(
    architecture: &Architecture,
    realisation: Realisation,
) -> Result<(Footholds, Ledger), LaunchError> {
    launch(architecture, LaunchOptions { realisation, ..LaunchOptions::default() }).await
}

/// What a program is known not to do.
fn may_refuse(engine: Engine, unable: &EngineError) -> bool {
    engine == Engine::Nginx && unable.to_string().contains("has no session-ID affinity")
}

/// Users log in, list and create.
async fn work(ledger: &Ledger) {
    let bounds =
        Bounds { in_flight: 4, patience: Duration::from_secs(10), stragglers: Duration::from_secs(3) };
    let mut crowd = Crowd::start(ledger, bounds).unwrap();
    crowd.enrol(2).await.unwrap();
    crowd.warm_up(2, 2).await.unwrap();
    crowd.stop().unwrap();
}

const SHIPPED: [&str; 6] = [
    "plaintext",
    "proxy-in-front",
    "proxy-on-host",
    "proxy-on-host-unix",
    "over-load-balancer",
    "separate-environments",
];

#[tokio::test]
async fn each_program_carries_logins_and_lists_however_crossings_are_realised() {
    for engine in engines() {
        for (index, name) in SHIPPED.into_iter().enumerate() {
            let realisation = if index % 2 == 0 { Realisation::Acceptor } else { Realisation::Relay };
            let file = architecture::load(name).unwrap().with_engine(engine);
            let (footholds, ledger) = match up(&file, realisation).await {
                Err(LaunchError::Engine(unable)) if unable.is_unable() && may_refuse(engine, &unable) => {
                    continue;
                }
                stood => stood.unwrap(),
            };
            work(&ledger).await;
            ledger.fabric.settle().await.unwrap();
            let cpu = ledger.cpu();
            for running in ledger.engines() {
                assert!(cpu[running.label()] > Duration::ZERO, "{name}: {} costs nothing", running.label());
                let links: Vec<_> = ledger.found().links.keys().map(|(.., link)| link.clone()).collect();
                let end = |link: &String| link.split('>').any(|end| end == running.label());
                assert!(
                    links.iter().any(end),
                    "{name}: nothing of {} was seen in {links:?}",
                    running.label()
                );
            }
            assert_eq!(ledger.fabric.registry().violations(), vec![], "{name} {engine:?}");
            let trees: Vec<u32> = ledger.engines().iter().flat_map(testbed::engine::Running::tree).collect();
            assert!(!trees.is_empty(), "{name}");
            drop(footholds);
            ledger.teardown().unwrap();
            for pid in trees {
                assert_eq!(process_tree(pid), Vec::<u32>::new(), "{name}: {engine:?} left {pid}");
            }
        }
    }
}

fn unable(outcome: Result<(Footholds, Ledger), LaunchError>) -> String {
    let Err(LaunchError::Engine(error)) = outcome else { panic!("it came up, or failed for another reason") };
    assert!(error.is_unable() && matches!(error, EngineError::Unable { .. }), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn what_a_program_cannot_do_is_said_in_plain_words() {
    for engine in engines() {
        let file = architecture::load("mutual-tls").unwrap().with_engine(engine);
        let why = unable(up(&file, Realisation::Acceptor).await);
        let cannot = ["alternative names", "RFC 9440"].iter().any(|what| why.contains(what));
        assert!(why.contains(engine.name()) && cannot, "{why}");
    }
}

/// Callers' certificates are passed on by the one program that can write them as the service reads them.
#[tokio::test]
async fn a_program_at_the_edge_of_mutual_tls_tells_who_called_where_it_can() {
    for engine in engines() {
        let mut file = architecture::load("mutual-tls").unwrap();
        let edge = file.process("edge/tls-proxy").unwrap();
        let at = file.process_ids().position(|id| id == edge).unwrap();
        file.processes[at].engine = engine;
        let outcome = up(&file, Realisation::Acceptor).await;
        if engine == Engine::Nginx {
            assert!(unable(outcome).contains("RFC 9440"));
            continue;
        }
        let (_footholds, ledger) = outcome.unwrap();
        // Tokens are bound to the certificate users show: without the header their second request is refused.
        work(&ledger).await;
        ledger.teardown().unwrap();
    }
}

#[tokio::test]
async fn a_launch_that_is_dropped_leaves_no_process_and_one_that_lost_a_program_says_so() {
    for engine in engines() {
        let file = architecture::load("proxy-in-front").unwrap().with_engine(engine);
        let (footholds, ledger) = up(&file, Realisation::Acceptor).await.unwrap();
        let tree = ledger.engines()[0].tree();
        drop((footholds, ledger));
        for pid in tree {
            assert_eq!(process_tree(pid), Vec::<u32>::new(), "{engine:?}");
        }
        let (_footholds, ledger) = up(&file, Realisation::Acceptor).await.unwrap();
        let killed = ledger.engines()[0].pid();
        let status = std::process::Command::new("kill").args(["-KILL", &killed.to_string()]).status();
        assert!(status.unwrap().success());
        // A process that was killed is one no more as soon as the kernel says so.
        while std::fs::read_to_string(format!("/proc/{killed}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        {
            tokio::task::yield_now().await;
        }
        let told = ledger.teardown().unwrap_err().to_string();
        assert!(told.contains("edge/tls-proxy") && told.contains("ended by itself"), "{told}");
    }
}
