//! Names mean nothing to the tool: with random words for all of them, every cell is judged the same.
//!
//! The words are new in each run; `RENAME_SEED` repeats those of a failed one.

use std::{collections::BTreeMap, env};

use scenarios::catalog::{self, Scenario};
use testbed::architecture::{self, Architecture};

use crate::support::{
    Judged, Key, judged,
    names::{Kind, Names},
    reference, request, run, shipped,
};

#[test]
fn random_names_for_everything_change_no_verdict() {
    let seed = env::var("RENAME_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("RENAME_SEED={seed}");
    let mut names = Names::new(seed);
    let architectures: Vec<Architecture> = shipped().iter().map(|base| renamed(base, &mut names)).collect();
    let scenarios: Vec<Scenario> = catalog::names()
        .map(|id| {
            let text = names.rename_scenario(catalog::source(id).unwrap());
            catalog::parse("renamed.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}"))
        })
        .collect();
    let wanted: BTreeMap<Key, Judged> = judged(reference())
        .into_iter()
        .map(|((architecture, scenario, asset), judged)| {
            ((names.of(Kind::Architecture, &architecture), scenario, asset), judged)
        })
        .collect();
    assert!(wanted.values().all(|judged| judged.expected.is_some()));
    assert_eq!(judged(&run(request(architectures, scenarios))), wanted, "RENAME_SEED={seed}");
}

/// The same file with other names, and not one old name left but those the format fixes.
fn renamed(base: &Architecture, names: &mut Names) -> Architecture {
    let text = names.rename_architecture(architecture::source(&base.name).unwrap());
    let renamed =
        architecture::parse("renamed.toml", &text).unwrap_or_else(|wrong| panic!("{wrong}\n{text}"));
    let old = given(base);
    let kept: Vec<String> = given(&renamed).into_iter().filter(|name| old.contains(name)).collect();
    assert_eq!(kept, Vec::<String>::new(), "still in {text}");
    renamed
}

/// Every name of an architecture, dials apart.
fn given(architecture: &Architecture) -> Vec<String> {
    let Architecture { segments, hosts, processes, listeners, dials, authorities, identities, .. } =
        architecture;
    let names = std::iter::once(&architecture.name)
        .chain(segments.iter().map(|segment| &segment.name))
        .chain(hosts.iter().map(|host| &host.name))
        .chain(processes.iter().flat_map(|process| [&process.name, &process.user]))
        .chain(listeners.iter().map(|listener| &listener.name))
        .chain(listeners.iter().flat_map(|listener| listener.routes.iter().map(|route| &route.name)))
        .chain(
            listeners.iter().filter_map(|listener| listener.socket.as_ref()).flat_map(|socket| &socket.peers),
        )
        .chain(dials.iter().filter_map(|dial| Some(&dial.tls.as_ref()?.server_name)))
        .chain(authorities.iter().map(|authority| &authority.name))
        .chain(identities.iter().flat_map(|identity| identity.names.iter().chain([&identity.name])))
        .chain(architecture.catalog.iter().map(|service| &service.name))
        .chain(architecture.weaknesses.iter().map(|weakness| &weakness.name));
    names.cloned().collect()
}
