//! The whole way at `--profile tiny`: every shipped scenario on every shipped architecture.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

#[path = "support/proof/neighbour.rs"]
mod neighbour;

use scenarios::{
    catalog::{self, Profile},
    event::Stamped,
    runner::{self, Request},
    snapshot::Snapshot,
};
use testbed::{
    architecture,
    launch::Realisation,
    vocabulary::{Asset, Vantage},
};

fn request() -> Request {
    Request {
        architectures: architecture::names().map(|name| architecture::load(name).unwrap()).collect(),
        scenarios: catalog::all().unwrap(),
        seed: 42,
        profile: Profile::Tiny,
        out: None,
        force: false,
        key_log: None,
        realisation: Realisation::default(),
        ballast: Duration::ZERO,
        helper: Some(neighbour::helper()),
        key_mode: testbed::files::KEY_MODE,
        engine: None,
    }
}

#[test]
fn every_cell_is_as_expected() {
    let session = runner::start(request()).unwrap();
    let events: Vec<Stamped> = session.events.iter().collect();
    let snapshot = Snapshot::of(&events);
    let wrong: Vec<_> = snapshot
        .cells
        .iter()
        .filter(|cell| cell.expected.is_some_and(|expected| expected != cell.verdict))
        .map(|cell| {
            format!(
                "{}/{}/{}: {:?}: {}",
                cell.architecture, cell.scenario, cell.asset, cell.verdict, cell.reason
            )
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    // Every pair has its cells, and each is expected something, but where this machine cannot be somebody else.
    let unable = !rustix::process::geteuid().is_root();
    for scenario in catalog::all().unwrap().iter().filter(|scenario| !scenario.technique.is_flood()) {
        for name in architecture::names().filter(|name| scenario.architectures.to(name)) {
            for asset in &scenario.assets {
                let cell = snapshot.cells.iter().find(|cell| {
                    (&*cell.architecture, &cell.scenario, cell.asset) == (name, &scenario.id, *asset)
                });
                let cell = cell.unwrap_or_else(|| panic!("no cell {name}/{}/{asset}", scenario.id));
                let excused = unable && scenario.vantage == Vantage::ApiHostNeighbour;
                assert!(cell.expected.is_some() || excused, "{name}/{}/{asset}", scenario.id);
            }
        }
    }
    // A service's own login is a password like any other, and it crosses in each phase.
    let inside = snapshot.cells.iter().find(|cell| {
        cell.architecture == "proxy-in-front"
            && cell.scenario == "management-sniff"
            && cell.asset == Asset::Password
    });
    let links = inside.unwrap().evidence.iter().map(|evidence| evidence.link.as_str());
    assert!(
        links.clone().any(|link| link == "api-2/compute>api-1/identity"),
        "{:?}",
        links.collect::<Vec<_>>()
    );
    assert_eq!(snapshot.ended, Some(0));
}
