//! Real programs in the proxies' place: shipped architectures come up with them, carry logins and lists, are billed,
//! let nobody else in, and leave no process behind. Where a program is not installed, it says SKIPPED.
#![allow(clippy::unwrap_used)]

use std::{io::Write, time::Duration};

use proxies::registry::process_tree;
use testbed::{
    architecture::{self, Architecture, Engine},
    engine::installed,
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
            let (footholds, ledger) = up(&file, realisation).await.unwrap();
            eprintln!("{name} {realisation:?} {engine:?} {:?}", ledger.launched_in);
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
